"""Annotations as nearly all are take a short way, with the same results as the long one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.coco import objects
from trainers.data.coco.images import ImageEntry
from trainers.data.coco.objects import parse_objects
from trainers.data.errors import DataError

IMAGE = ImageEntry(7, "a.jpg", 64, 48)
CATEGORIES, LABELS = {3: "cat", 9: "dog"}, {"cat": 1, "dog": 2}
NUMBERS = st.floats(-3, 70).map(lambda value: round(value, 2))


def parsed(bbox, category=3, crowd=0):
    entry = {"bbox": bbox, "category_id": category, "iscrowd": crowd}
    return parse_objects([entry], IMAGE, CATEGORIES, LABELS, Path("a.json"))


def outcome(*arguments):
    try:
        found = parsed(*arguments)
    except DataError as error:
        return error.reason
    return found.boxes.tolist(), found.labels.tolist(), found.crowd.tolist(), found.clipped


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), st.sampled_from([3, 9, 4]), st.sampled_from([0, 1, None, 2]))
def test_both_ways_come_to_the_same(bbox, category, crowd):
    usual = outcome([*bbox], category, crowd)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(objects, "_usual", lambda *_: None)
        assert outcome([*bbox], category, crowd) == usual


def test_a_usual_box_takes_the_short_way(monkeypatch):
    monkeypatch.setattr(objects, "_box", lambda *_: pytest.fail("the long way"))
    found = parsed([1, 2.5, 10, 20.25], category=9, crowd=1)
    np.testing.assert_array_equal(found.boxes, [[1, 2.5, 11, 22.75]])
    assert (found.labels.tolist(), found.crowd.tolist(), found.clipped) == ([2], [True], 0)
