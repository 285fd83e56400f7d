"""YOLO's label files: the box of each line, what is accepted, and what each bad line comes to."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.errors import DataError
from trainers.data.remarks import CLIPPED, REPEATED, Remark
from trainers.data.yolo.labels import ClassIds, parse_labels

PATH = Path("a.txt")
SIZE = (80, 40)
IDS = ClassIds(("cat", "dog", "cow"), {"dog": 1, "cat": 2})


def parse(*lines, size=SIZE, ids=IDS, keypoints=0):
    return parse_labels("\n".join(lines).encode(), PATH, size, ids, keypoints)


def test_a_line_is_a_class_and_a_box_in_shares_of_the_image():
    objects = parse("0 0.5 0.5 0.25 0.5", "1 0.125 .25 0.25 5e-1")
    np.testing.assert_array_equal(objects.boxes, [[30, 10, 50, 30], [0, 0, 20, 20]])
    assert (objects.boxes.dtype, objects.labels.dtype) == (np.float32, np.int64)
    assert objects.labels.tolist() == [2, 1]  # by name, wherever the name stands
    assert objects.remarks == ()


@pytest.mark.parametrize(
    "text",
    [
        "0 0.5 0.5 0.25 0.5",
        "0.0 0.5 0.5 0.25 0.5",
        "\ufeff0\t0.5 0.5  0.25 +0.5 \r\n\r\n",
        "0 5.0e-1 0.5 2.5E-01 0.500000000000000000000000000001",
    ],
)
def test_columns_may_be_written_in_several_ways(text):
    objects = parse_labels(text.encode(), PATH, SIZE, IDS)
    assert (objects.boxes.tolist(), objects.labels.tolist()) == ([[30, 10, 50, 30]], [2])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_labels_may_be_written_by_any_system(encoding):
    objects = parse_labels("0 0.5 0.5 0.25 0.5\r\n".encode(encoding), PATH, SIZE, IDS)
    assert objects.boxes.tolist() == [[30, 10, 50, 30]]


def test_an_empty_file_has_no_objects():
    for text in ("", "\n \n"):
        objects = parse(text)
        assert (objects.boxes.shape, objects.labels.shape, objects.remarks) == ((0, 4), (0,), ())


def test_of_a_polygon_the_bounding_box_is_taken():
    assert parse("0 0.25 0.5 0.5 0.25 0.75 0.75").boxes.tolist() == [[20, 10, 60, 30]]  # a triangle
    assert parse("0 0.1 0.2 0.9 0.2 0.9 0.7 0.1 0.7").boxes.tolist() == [[8, 8, 72, 28]]  # four corners


def test_keypoints_behind_a_box_are_not_read():
    objects = parse("0 0.5 0.5 0.25 0.5 0.1 0.1 2 0.9 0.9 0", keypoints=6)
    assert objects.boxes.tolist() == [[30, 10, 50, 30]]
    with pytest.raises(DataError, match=r"line 1 has 5 columns, must have 11: class, .* and 6 of keypoints"):
        parse("0 0.5 0.5 0.25 0.5", keypoints=6)


def test_a_line_that_stands_twice_is_one_object():
    objects = parse("0 0.5 0.5 0.25 0.5", "1 0.5 0.5 0.25 0.5", "0 0.50 0.5 0.25 0.5", "0.0 0.5 0.5 0.25 0.5")
    assert (len(objects.boxes), objects.labels.tolist()) == (2, [2, 1])
    assert objects.remarks == (Remark(REPEATED, 2, PATH),)


def test_a_box_is_clipped_and_counted_up_to_two_pixels_beyond_the_image():
    rounded = parse("0 0.05 0.5 0.1125 0.5")  # x from -0.5
    assert (rounded.boxes.tolist(), rounded.remarks) == ([[0, 10, 8.5, 30]], ())
    objects = parse("0 0.025 0.5 0.1 0.5", "0 0.5 1.0 0.25 0.1")  # x from -2 to 6; y from 38 to 42
    np.testing.assert_allclose(objects.boxes, [[0, 10, 6, 30], [30, 38, 50, 40]], rtol=1e-6)
    assert objects.remarks == (Remark(CLIPPED, 2, PATH),)
    with pytest.raises(DataError, match=r"line 1 reaches 2\.40 pixels beyond its image of 80 x 40: x from -2"):
        parse("0 0.02 0.5 0.1 0.5")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0", r"line 2 has 1 column, must have five: class, x centre, y centre, width, height; or a class and an x"),
        ("0 0.5 0.5 0.5", "line 2 has 4 columns, must have five"),
        ("0,0.5,0.5,0.5,0.5", "line 2 has 1 column, must have five"),
        ("0 0.5 0.5 0.5 0.5 0.93", "line 2 has 6 columns, as a prediction with its confidence; must have five"),
        ("0 0.5 0.5 0.5 0.5 0.5 0.5 0.5", "line 2 has 8 columns, must have five"),
        ("0 0.5 nan 0.5 0.5", "the y centre in line 2 is 'nan', must be a number"),
        ("0 0.5 0.5 inf 0.5", "the width in line 2 is 'inf', must be a number"),
        ("0 0.5 0.5 0,5 0.5", "the width in line 2 is '0,5', must be a number"),
        ("0 0.1 0.1 0.2 0.1 x 0.3", "the x of corner 3 in line 2 is 'x', must be a number"),
        ("-1 0.5 0.5 0.5 0.5", r"the class in line 2 is '-1', must be a whole number: 0 \(cat\), 1 \(dog\), 2 \(cow\)"),
        ("cat 0.5 0.5 0.5 0.5", "the class in line 2 is 'cat', must be a whole number"),
        ("0.5 0.5 0.5 0.5 0.5", "the class in line 2 is '0.5', must be a whole number"),
        ("3 0.5 0.5 0.5 0.5", r"line 2 has the unknown class 3; known are 0 \(cat\), 1 \(dog\), 2 \(cow\)"),
        ("2 0.5 0.5 0.5 0.5", r"line 2 has the unknown class 2 \(cow\), which isn't among dog, cat"),
        ("0 40 20 10 5.5", r"the numbers in line 2 look like pixels \(40, 20, 10, 5\.5\); must be shares of"),
        ("0 0.5 0.5 0 0.5", "the box in line 2 has no area: it is 0 wide and 20 high"),
        ("0 0.5 0.5 0.25 -0.5", "the box in line 2 has no area: it is 20 wide and -20 high"),
        ("0 0.1 0.1 0.5 0.1 0.9 0.1", "the box in line 2 has no area: it is 64 wide and 0 high"),
        ("0 1.0125 0.5 0.0125 0.5", "the box in line 2 has no area within its image of 80 x 40"),
        ("0 0.5 0.5 0.5 1.2", r"reaches 4\.00 pixels beyond its image of 80 x 40: .* and y from -4\.00 to 44\.00"),
        ("0 0.5 0.5 9e99 9e99", "pixels beyond its image"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(line, message):
    with pytest.raises(DataError, match=message) as caught:
        parse("0 0.5 0.5 0.25 0.5", line)
    assert caught.value.where == PATH


def test_all_bad_lines_are_reported_together():
    with pytest.raises(DataError) as caught:
        parse("7 0.5 0.5 0.5 0.5", "0 0.5 0.5 0.25 0.5", "0 1")
    assert [error.reason[:6] for error in (caught.value, *caught.value.also)] == ["line 1", "line 3"]


def test_bytes_of_another_kind_are_no_label_file():
    with pytest.raises(DataError, match=r"the label file is no plain text \(invalid start byte at byte 2\)"):
        parse_labels(b"0 \xff", PATH, SIZE, IDS)


COLUMN = st.floats(-0.2, 1.2).map(str) | st.integers(-1, 4).map(str) | st.text("0123456789-+., enaix", max_size=5)
LINE = st.lists(COLUMN, min_size=4, max_size=10).map(" ".join)


@given(st.binary(max_size=60) | st.lists(LINE, max_size=4).map("\n".join).map(str.encode), st.sampled_from([0, 2]))
def test_bytes_of_any_kind_are_read_or_refused_as_data(text, keypoints):
    try:
        objects = parse_labels(text, PATH, SIZE, IDS, keypoints)
    except DataError:
        return
    boxes = objects.boxes
    assert len(boxes) == len(objects.labels)
    assert (boxes >= 0).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert (boxes[:, 2:] <= SIZE).all()
    assert set(objects.labels.tolist()) <= {1, 2}


@given(st.integers(-6, 86), st.integers(-6, 46), st.integers(1, 30), st.integers(1, 30))
def test_whole_pixels_come_back_exactly_wherever_the_box_lies(left, top, width, height):
    centre, extent = ((left + width / 2) / 80, (top + height / 2) / 40), (width / 80, height / 40)
    line = f"0 {' '.join(map(repr, (*centre, *extent)))}"
    beyond = max(-left, -top, left + width - 80, top + height - 40, 0)
    if beyond > 2 or not (left < 80 and top < 40 and left + width > 0 and top + height > 0):
        with pytest.raises(DataError):
            parse(line)
        return
    objects = parse(line)
    expected = [max(left, 0), max(top, 0), min(left + width, 80), min(top + height, 40)]
    np.testing.assert_allclose(objects.boxes, [expected], atol=1e-4)
    assert objects.remarks == (() if beyond == 0 else (Remark(CLIPPED, 1, PATH),))
