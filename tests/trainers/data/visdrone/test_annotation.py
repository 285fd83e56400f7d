"""VisDrone's annotation files: whatever they hold is read rightly or refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.errors import DataError
from trainers.data.remarks import CLIPPED, Remark
from trainers.data.sample import REGION
from trainers.data.visdrone.annotation import parse_objects

PATH = Path("a.txt")

COLUMN = st.integers(-3, 12).map(str) | st.text("0123456789-+., enax", max_size=4)
ROW = st.lists(COLUMN, min_size=7, max_size=9).map(",".join)


@given(st.text(max_size=40) | st.lists(ROW, max_size=4).map("\n".join))
def test_text_of_any_kind_is_read_or_refused_as_data(text):
    try:
        boxes, labels, difficult, _ = parse_objects(text.encode(), PATH, 8, 6)
    except DataError:
        return
    assert len(boxes) == len(labels) == len(difficult)
    assert (boxes >= 0).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert (boxes[:, 2:] <= [8, 6]).all()
    assert difficult[labels == REGION].all()
    assert set(labels.tolist()) <= set(range(11))


@given(st.binary(max_size=80))
def test_bytes_of_any_kind_are_refused_as_data(text):
    try:
        boxes, *_ = parse_objects(text, PATH, 8, 6)
    except DataError:
        return
    assert (boxes[:, :2] < boxes[:, 2:]).all()


@given(st.integers(-5, 85), st.integers(-5, 45), st.integers(1, 30), st.integers(1, 30))
def test_a_box_is_read_clipped_or_refused_by_how_far_it_reaches(left, top, width, height):
    line = f"{left},{top},{width},{height},1,4,0,0".encode()
    beyond = max(-left, -top, left + width - 80, top + height - 40, 0)
    if beyond > 2 or left >= 80 or top >= 40 or left + width <= 0 or top + height <= 0:
        with pytest.raises(DataError, match="outside its image of 80 x 40"):
            parse_objects(line, PATH, 80, 40)
        return
    boxes, *_, remarks = parse_objects(line, PATH, 80, 40)
    assert boxes.tolist() == [[max(left, 0), max(top, 0), min(left + width, 80), min(top + height, 40)]]
    assert remarks == ((Remark(CLIPPED, 1, PATH),) if beyond else ())
