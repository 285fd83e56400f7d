from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trainers.data.errors import DataError
from trainers.data.remarks import CLIPPED, Remark
from trainers.data.voc.annotation import parse_annotation, parse_objects

LABELS = {"cat": 1, "dog": 2, "Sofa": 3}
PATH = Path("Annotations/7.xml")
NOT_DIFFICULT = ("0", "0.0", "Unspecified", "false", "nan")


def box_xml(xmin="11", ymin="21", xmax="30", ymax="60"):
    return f"<bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>"


def object_xml(name="cat", box=None, rest=""):
    return f"<object><name>{name}</name>{rest}{box_xml() if box is None else box}</object>"


def annotation(objects="", width="100", height="80", rest="<filename>7.jpg</filename>"):
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation>{rest}{size}{objects}</annotation>".encode()


PICTURE = (100, 80)


def parse(text):
    """The objects; where the annotation has no size that of the picture counts."""
    annotation = parse_annotation(text, PATH)
    return parse_objects(annotation, LABELS, annotation.size or PICTURE)


def reason(text):
    with pytest.raises(DataError) as caught:
        parse(text)
    assert caught.value.where == PATH
    assert "data.on_bad_data: skip" in str(caught.value)
    return caught.value.reason


def test_an_inclusive_box_counted_from_one_becomes_corners_counted_from_zero():
    parsed = parse(annotation(object_xml("dog", rest="<difficult>1</difficult>") + object_xml("cat"), "200", "90"))
    np.testing.assert_array_equal(parsed.boxes, [[10, 20, 30, 60]] * 2)  # 20 pixels wide: 11, 12, ..., 30
    assert (parsed.labels.tolist(), parsed.difficult.tolist()) == ([2, 1], [True, False])
    assert (parsed.boxes.dtype, parsed.labels.dtype, parsed.difficult.dtype) == (np.float32, np.int64, np.bool_)


def test_a_box_may_fill_its_image_and_have_fractions():
    parsed = parse(
        annotation(object_xml(box=box_xml(1, 1, 100, 80)) + object_xml(box=box_xml("1.5", "2", "9.25", "3")))
    )
    np.testing.assert_array_equal(parsed.boxes, [[0, 0, 100, 80], [0.5, 1, 9.25, 3]])


@pytest.mark.parametrize(
    "value", ["45.70000076293945", "45.7000007629394500000001", "45." + "7" * 400, "45.", "+4.57e1", "281.7", "1.1e+02"]
)
def test_numbers_may_have_any_number_of_decimals_and_an_exponent(value):
    parsed = parse(annotation(object_xml(box=box_xml(1, value, 100, 300)), height="400"))
    assert parsed.boxes[0, 1] == pytest.approx(float(value) - 1)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (box_xml("0.9999", "0.5", "100.00001", "80.5"), [0, 0, 100, 80]),
        (box_xml("0.6", "2", "1.2", "3"), [0, 1, 1.2, 3]),
    ],
)
def test_decimals_up_to_half_a_pixel_beyond_the_border_are_rounding_and_cut(box, expected):
    np.testing.assert_allclose(parse(annotation(object_xml(box=box))).boxes, [expected], rtol=1e-6)


def test_an_image_without_objects_has_no_boxes_and_may_leave_out_its_name():
    parsed = parse(annotation(rest=""))
    assert (parsed.boxes.shape, parsed.labels.shape, parsed.difficult.shape) == ((0, 4), (0,), (0,))
    assert parse_annotation(annotation(rest=""), PATH).filename is None
    assert parse_annotation(annotation(), PATH).filename == "7.jpg"


def size(text):
    return parse_annotation(b"<annotation>" + text + b"</annotation>", PATH).size


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<size/>",
        b"<size><width>0</width><height>0</height><depth>0</depth></size>",
        b"<size><width/><height> </height></size>",
        b"<size><width>100</width><height>0</height></size>",
        b"<size><height>80.0</height></size>",
    ],
)
def test_a_size_that_is_absent_or_empty_or_zero_is_left_to_the_picture(text):
    assert size(text) is None


def test_a_size_is_width_and_height_in_whole_pixels():
    assert size(b"<size><width>100</width><height>80.0</height></size>") == (100, 80)


@pytest.mark.parametrize("text", ["", "<difficult/>", *(f"<difficult>{word}</difficult>" for word in NOT_DIFFICULT)])
def test_only_one_and_true_mean_difficult(text):
    objects = object_xml(rest=text) + object_xml(rest="<difficult> 1 </difficult>")
    objects += object_xml(rest="<difficult>True</difficult>") + object_xml(rest="<difficult>1.0</difficult>")
    assert parse(annotation(objects)).difficult.tolist() == [False, True, True, True]


@pytest.mark.parametrize("number", ["2", "-1", "0.5"])
def test_another_number_than_0_and_1_is_a_defect(number):
    with pytest.raises(DataError, match=rf"<difficult> of object 1 \('cat'\) is '{number}', must be 0 or 1"):
        parse(annotation(object_xml(rest=f"<difficult>{number}</difficult>")))


@pytest.mark.parametrize(
    ("box", "expected", "count"),
    [
        ((0, 0, 50, 60), [0, 0, 50, 60], 1),  # counted from 0
        ((-1, 1, 102, 80), [0, 0, 100, 80], 1),  # two pixels beyond, both ways
        ((21, 21, 101, 81), [20, 20, 100, 80], 1),
        (("0.4", "1", "50", "80"), [0, 0, 50, 80], 1),
        (("0.5", "1", "50", "80.5"), [0, 0, 50, 80], 0),  # rounding
        ((99, 79, 102, 82), [98, 78, 100, 80], 1),
    ],
)
def test_a_box_up_to_two_pixels_beyond_its_image_is_clipped_and_counted(box, expected, count):
    parsed = parse(annotation(object_xml(box=box_xml(*box)) + object_xml()))
    np.testing.assert_array_equal(parsed.boxes, [expected, [10, 20, 30, 60]])
    assert parsed.remarks == ((Remark(CLIPPED, count, PATH),) if count else ())


def test_each_clipped_box_of_a_file_counts():
    objects = object_xml(box=box_xml(0, 5, 9, 9)) * 3 + object_xml()
    assert parse(annotation(objects)).remarks == (Remark(CLIPPED, 3, PATH),)


def test_boxes_of_body_parts_are_not_taken_for_objects():
    part = f"<part><name>head</name>{box_xml(1, 1, 5, 5)}</part>"
    parsed = parse(annotation(object_xml(rest=part)))
    np.testing.assert_array_equal(parsed.boxes, [[10, 20, 30, 60]])


@pytest.mark.parametrize(
    ("name", "guess"), [("cats", " (did you mean 'cat'?)"), ("sofa", " (did you mean 'Sofa'?)"), ("zebra", "")]
)
def test_an_unknown_class_is_named_with_the_nearest_known_one(name, guess):
    message = reason(annotation(object_xml() + object_xml(name)))
    assert message == f"object 2 is of the unknown class '{name}'{guess}; known: cat, dog, Sofa"


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (
            box_xml(xmin="-1.01"),
            "is outside its image: x goes from -1.01 to 30, the image from 1 to 100, and 2 pixels beyond it are",
        ),
        (box_xml(xmax=103), "is outside its image: x goes from 11 to 103, the image from 1 to 100, and 2 pixels"),
        (box_xml(xmax="102.00001"), "is outside its image: x goes from 11 to 102.00001, the image from 1 to 100"),
        (box_xml(ymin=-3), "is outside its image: y goes from -3 to 60, the image from 1 to 80"),
        (box_xml(ymax=83), "is outside its image: y goes from 21 to 83, the image from 1 to 80"),
        (box_xml(xmin=101, xmax=102), "has no area within its image, 100 pixels: x goes from 101 to 102"),
        (box_xml(xmin=0, xmax=1), "has no area within its image, 100 pixels: x goes from 0 to 1"),
        (box_xml(xmin="100.2", xmax="100.4"), "has no area within its image, 100 pixels: x goes from 100.2 to 100.4"),
        (box_xml(xmin="30.00001"), "is reversed: xmin 30.00001 is greater than xmax 30"),
        (box_xml(xmin=31), "is reversed: xmin 31 is greater than xmax 30"),
        (box_xml(ymin=61), "is reversed: ymin 61 is greater than ymax 60"),
        (box_xml(xmin=30), "has no area: xmin and xmax are both 30"),
        (box_xml(ymin=60), "has no area: ymin and ymax are both 60"),
    ],
)
def test_a_box_that_cannot_be_right_is_refused_with_its_numbers(box, expected):
    message = reason(annotation(object_xml(box=box)))
    assert message.startswith("the box of object 1 ('cat') ")
    assert expected in message


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-inf", "1e9", "1e999", "e2", "1e", "4,5", "ten", "0x10", "1_0", "٣", "1" * 400]
)
def test_coordinates_that_are_no_plain_numbers_are_refused(value):
    assert "<xmax> of object 1 ('cat') is" in reason(annotation(object_xml(box=box_xml(xmax=value))))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (annotation(object_xml())[:-20], "broken XML"),
        (b"", "broken XML"),
        (b"<html/>", "the outermost XML element is <html>, a VOC file has <annotation>"),
        (annotation(width="-100"), "<width> of the image size is -100, must be a whole number"),
        (annotation(height="8.0000001"), "<height> of the image size is 8.0000001, must be a whole number"),
        (annotation(height="unknown"), "<height> of the image size is 'unknown', must be a plain number"),
        (annotation("<object/>"), "object 1 has no <name>"),
        (annotation(object_xml(box="")), "object 1 ('cat') has no <bndbox>"),
        (annotation(object_xml(box="<bndbox><xmin>1</xmin></bndbox>")), "object 1 ('cat') has no <ymin>"),
        (annotation(object_xml(box="<polygon><x1>1</x1></polygon>")), "object 1 ('cat') has no <bndbox>"),
        (b'<?xml version="1.0" encoding="no-such"?><annotation/>', "in an encoding that isn't known, 'no-such'"),
    ],
)
def test_broken_files_are_refused_with_the_reason(text, expected):
    assert expected in reason(text)


BOMB = b"""<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><annotation>&b;</annotation>"""
EXTERNAL = b"""<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotation>&a;</annotation>"""
DTD = b"""<!DOCTYPE annotation SYSTEM "http://localhost/voc.dtd"><annotation/>"""


@pytest.mark.parametrize("text", [BOMB, EXTERNAL, DTD])
def test_entities_and_document_types_are_refused(text):
    assert reason(text) == "the XML declares a document type or entities, which annotations may not"


def test_a_long_name_is_cut_in_the_message():
    assert len(reason(annotation(object_xml("x" * 100_000)))) < 250


def only_data_errors(text):
    try:
        parsed = parse(text)
    except DataError:
        return
    x1, y1, x2, y2 = parsed.boxes.T
    assert (x1 >= 0).all()
    assert (y1 >= 0).all()
    assert (x1 < x2).all()
    assert (y1 < y2).all()
    width, height = parse_annotation(text, PATH).size or PICTURE
    assert (x2 <= width).all()
    assert (y2 <= height).all()


@settings(deadline=None)
@given(st.binary(max_size=300))
@example(b'<?xml version="1.0" encoding="utf-7"?><annotation/>')
@example(b'<?xml version="1.0" encoding="gb2312"?><annotation/>')
@example(b"\xff\xfe<\x00a")
def test_any_bytes_are_read_or_refused(text):
    only_data_errors(text)


WORDS = st.sampled_from(
    ["1", "50", "100", "101", "0", "-1", "nan", "1e9", "", " 7 ", "cat", "cow", "0.5", "<a/>"]
) | st.text(max_size=5)


@settings(deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS, WORDS, WORDS), max_size=3), WORDS, WORDS)
def test_any_values_in_the_right_elements_are_read_or_refused(objects, width, height):
    rows = [object_xml(name, box_xml(*box), f"<difficult>{flag}</difficult>") for name, flag, *box in objects]
    text = annotation("".join(rows), width, height).decode()
    only_data_errors(text.encode("utf-8", "surrogatepass"))


@settings(deadline=None)
@given(st.integers(0, 400), st.binary(max_size=4))
def test_a_good_file_with_some_bytes_replaced_is_read_or_refused(at, noise):
    text = annotation(object_xml() + object_xml("dog"))
    only_data_errors(text[:at] + noise + text[at + len(noise) :])
