"""Numbers in instances files: every spelling of a number is the same number, and nothing else is one."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.coco.annotation import parse_instances
from trainers.data.coco.images import image_id, parse_image
from trainers.data.coco.numbers import flag, number, whole
from trainers.data.coco.objects import parse_objects


@pytest.mark.parametrize("value", [12, 12.0, "12", "12.0", "12.", " 12 ", "+12", "0012"])
def test_a_whole_number_has_many_spellings(value):
    assert (whole(value), number(value), image_id(value)) == (12, 12, 12)


def test_a_float_that_may_be_two_whole_numbers_is_none():
    assert whole(float(2**53)) == 2**53
    assert whole(float(2**53 + 2)) is None
    assert image_id("9007199254740993") == 2**53 + 1


@pytest.mark.parametrize("value", [True, None, [], {}, "", " ", "1_2", "1e1", "x", "١٢", "1" * 19, 12.5, "12.5"])
def test_what_is_no_whole_number(value):
    assert whole(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(2.5, 2.5), ("2.5", 2.5), ("-.5", -0.5), ("2.5e0", 2.5), ("25E-1", 2.5), (10**9, 10**9), (-0.0, 0)],
)
def test_decimals_have_many_spellings(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        "nan",
        "NaN",
        "Infinity",
        "-inf",
        "1e999",
        10**9 + 1,
        "2,5",
        "0x10",
        "",
        None,
        True,
        [],
    ],
)
def test_what_is_no_finite_number(value):
    assert number(value) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([None, False, 0, 0.0, "0", "0.0"], False),
        ([True, 1, 1.0, "1"], True),
        ([2, -1, 0.5, "", "no", [], {}, float("nan")], None),
    ],
)
def test_a_flag_has_many_spellings(values, expected):
    assert [flag(value) for value in values] == [expected] * len(values)


def spellings(value):
    return st.sampled_from([value, float(value), str(value), f"{value}.0", f" {value}"])


def decimal_spellings(value):
    return st.sampled_from([value, str(value), f"{value:.4f}", f"{value:e}"])


OFFSETS = st.integers(-32, 32).map(lambda sixteenths: sixteenths / 16)


@given(st.data(), st.tuples(OFFSETS, OFFSETS, OFFSETS, OFFSETS))
def test_however_numbers_are_spelt_boxes_are_where_the_object_is(tmp_path_factory, data, offsets):
    """An object of 4 x 4 pixels at each corner of an image of 8 x 6, moved by up to two pixels."""
    path = tmp_path_factory.getbasetemp()
    left, top, right, bottom = offsets
    corners = np.array([left, top, 8 + right, 6 + bottom])
    bbox = [*corners[:2].tolist(), *(corners[2:] - corners[:2]).tolist()]
    image = {"id": data.draw(spellings(7)), "file_name": "a.jpg"}
    image |= {"width": data.draw(spellings(8)), "height": data.draw(spellings(6))}
    annotation = {"image_id": data.draw(spellings(7)), "category_id": data.draw(spellings(3))}
    annotation |= {"bbox": [data.draw(decimal_spellings(value)) for value in bbox]}
    annotation |= {"iscrowd": data.draw(st.sampled_from([None, False, 0, "0", 0.0]))}
    category = {"id": data.draw(spellings(3)), "name": "cat"}
    text = json.dumps({"images": [image], "annotations": [annotation], "categories": [category]}).encode()
    instances = parse_instances(text, path)
    entry = parse_image(instances.images[0], path)
    objects = parse_objects(instances.objects[entry.id], entry, instances.categories, {"cat": 1}, path)
    inside = [max(left, 0), max(top, 0), min(8 + right, 8), min(6 + bottom, 6)]
    np.testing.assert_allclose(objects.boxes, [inside], atol=2e-3)  # of "%.3f"
    assert (objects.labels.tolist(), objects.crowd.tolist()) == ([1], [False])
    beyond = max(-left, -top, right, bottom)
    if abs(beyond - 0.5) > 2e-3:
        assert objects.clipped == (beyond > 0.5)
