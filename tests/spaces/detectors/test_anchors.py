import math

import pytest
import torch

from spaces.detectors.anchors import SSD300_BOXES, SSD_BOXES, DefaultBoxes


def maps(*sides):
    return [torch.zeros(1, 1, height, width) for height, width in sides]


def test_four_six_six_and_four_boxes_a_cell():
    boxes = DefaultBoxes(100)
    assert boxes.per_cell == [4, 6, 6, 4]
    assert boxes(maps((3, 4), (2, 2), (1, 2), (1, 1))).shape == (3 * 4 * 4 + 4 * 6 + 2 * 6 + 4, 4)


def test_the_boxes_of_one_cell_by_hand():
    boxes = DefaultBoxes(100)(maps((2, 4), (1, 1), (1, 1), (1, 1)))
    # Row 1, column 2 of the first level: cell 6, centre (2.5 / 4, 1.5 / 2) of 100 pixels.
    cell = boxes[6 * 4 : 7 * 4]
    between = 100 * math.sqrt(SSD_BOXES.scales[0] * SSD_BOXES.scales[1])
    wide, narrow = 10 * math.sqrt(2), 10 / math.sqrt(2)
    sides = torch.tensor([[10.0, 10.0], [between, between], [wide, narrow], [narrow, wide]])
    torch.testing.assert_close((cell[:, :2] + cell[:, 2:]) / 2, torch.tensor([[62.5, 75.0]]).expand(4, 2))
    torch.testing.assert_close(cell[:, 2:] - cell[:, :2], sides)


def test_boxes_grow_with_the_image():
    features = maps((4, 4), (2, 2), (1, 1), (1, 1))
    torch.testing.assert_close(DefaultBoxes(320)(features), DefaultBoxes(160)(features) * 2)


def test_boxes_follow_the_maps_at_hand_not_those_seen_before():
    boxes = DefaultBoxes(96)
    first, second = maps((4, 4), (2, 2), (1, 1), (1, 1)), maps((5, 5), (3, 3), (2, 2), (1, 1))
    before = boxes(first)
    assert boxes(first) is before
    assert len(boxes(second)) == 25 * 4 + 9 * 6 + 4 * 6 + 4
    torch.testing.assert_close(boxes(first), before)


@pytest.mark.parametrize("size", [96, 320])
def test_objects_from_a_tenth_to_the_whole_of_the_image_have_a_fitting_box(size):
    assert len(SSD_BOXES.scales) == len(SSD_BOXES.aspect_ratios) + 1
    boxes = DefaultBoxes(size)(maps((12, 12), (6, 6), (3, 3), (2, 2)))
    sides = boxes[:, 2:] - boxes[:, :2]
    assert sides.min() == pytest.approx(size * 0.1 / math.sqrt(2), rel=1e-5)
    assert sides.max() <= size * 1.0001


@pytest.mark.parametrize(("size", "sides"), [(257, (33, 17, 9, 5, 3, 1)), (300, (38, 19, 10, 5, 3, 1))])
def test_published_steps_are_those_of_the_published_size_alone(size, sides):
    boxes = DefaultBoxes(size, SSD300_BOXES)
    placed = boxes(maps(*[(side, side) for side in sides]))
    counts = [side * side * cell for side, cell in zip(sides, boxes.per_cell, strict=True)]
    steps = SSD300_BOXES.steps if size == 300 else [size / side for side in sides]
    for level, step, side in zip(placed.split(counts), steps, sides, strict=True):
        last = (level[-1, :2] + level[-1, 2:]) / 2
        torch.testing.assert_close(last, torch.full((2,), (side - 0.5) * step))
