"""Worked cases: a row of squares of 10 pixels, side by side from (0, 0), is the first level."""

import math

import pytest
import torch

from spaces.detectors.atss import assign
from spaces.detectors.edge_distributions import square_anchors


def row(count, side=10.0):
    return torch.tensor([[side * i, 0.0, side * (i + 1), side] for i in range(count)])


def boxes(*corners):
    return torch.tensor(corners, dtype=torch.float).view(-1, 4)


def owners(anchors, cells, objects, **options):
    return assign(anchors, cells, objects, **options).tolist()


def test_who_reaches_mean_plus_standard_deviation_is_taken():
    # IoU 1/2 twice and 0 six times: mean 1/8, variance (2 (3/8)^2 + 6 (1/8)^2) / 7 = 3/56.
    assert 1 / 8 + math.sqrt(3 / 56) < 1 / 2
    assert owners(row(8), [8], boxes([0, 0, 20, 10])) == [0, 0, -1, -1, -1, -1, -1, -1]


def test_who_stays_below_it_is_not():
    # IoU 1/2 twice and 0 twice: 1/4 + sqrt(4 (1/4)^2 / 3) = 0.539. Divided by 4 it would be exactly 1/2.
    assert owners(row(4), [4], boxes([0, 0, 20, 10])) == [-1, -1, -1, -1]


def test_candidates_come_from_every_level_and_share_one_threshold():
    anchors = torch.cat([row(4), row(2, side=20.0)])
    # The first anchor of each level has IoU 1 and 1/4, the others 0: mean 5/24, deviation 0.401.
    assert owners(anchors, [4, 2], boxes([0, 0, 10, 10])) == [0, -1, -1, -1, -1, -1]
    # IoU 1/4 twice below, 1 above: the coarser level has it.
    assert owners(anchors, [4, 2], boxes([0, 0, 20, 20])) == [-1, -1, -1, -1, 0, -1]


def test_only_the_nearest_of_a_level_are_candidates():
    tiny_and_wide = boxes([9, 4, 11, 6], [0, 0, 30, 10])  # IoU 1/50 and 2/3 with the object; the first is nearer
    anchors, target = torch.cat([tiny_and_wide, row(6) + 200]), boxes([0, 0, 20, 10])
    assert owners(anchors, [2, 6], target)[:2] == [-1, 0]
    # One a level: the threshold of 1/50 and 0 is 0.01 + 0.014, which neither reaches.
    assert owners(anchors, [2, 6], target, candidates=1) == [-1] * 8


def test_an_anchor_whose_centre_lies_outside_is_left():
    wide = torch.cat([boxes([0, 0, 20, 10]), row(7) + 200])
    assert owners(wide, [8], boxes([0, 0, 9, 10])) == [-1] * 8  # IoU 0.45, far above the threshold
    assert owners(wide, [8], boxes([0, 0, 11, 10])) == [0] + [-1] * 7
    assert owners(wide, [8], boxes([0, 0, 10, 10])) == [-1] * 8  # on the edge is outside


def test_an_anchor_that_two_objects_want_goes_to_the_higher_iou():
    low, high = [0, 0, 10, 8], [0, 0, 10, 10]
    assert owners(row(8), [8], boxes(low, high))[0] == 1
    assert owners(row(8), [8], boxes(high, low))[0] == 0
    assert owners(row(8), [8], boxes(low))[0] == 0


def test_without_an_object_no_anchor_has_one():
    found = assign(row(3), [3], boxes())
    assert found.tolist() == [-1, -1, -1]
    assert found.dtype == torch.long


@pytest.mark.parametrize("side", [16, 40, 64, 96])
def test_an_object_of_any_size_is_found_by_someone(side):
    sizes = [(12, 12), (6, 6), (3, 3), (2, 2), (1, 1)]
    anchors = square_anchors(sizes, [8, 16, 32, 64, 128], torch.device("cpu"))
    found = assign(anchors, [h * w for h, w in sizes], boxes([0, 0, side, side]))
    assert (found == 0).sum() > 0
