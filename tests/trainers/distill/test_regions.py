"""Valuable regions on drawn grids: 5 x 5 anchors, 10 pixels apart, round (5, 5) to (45, 45)."""

import math

import pytest
import torch

from spaces.detectors import Assignment, DetectorOutput, Responses
from spaces.detectors.atss import assign
from trainers.distill.regions import joined, positives, valuable, valuable_region

MIDDLE = 12
"""The anchor round (25, 25)."""


def grid(side):
    centres = torch.arange(5) * 10.0 + 5
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    half = side / 2
    return torch.stack([x - half, y - half, x + half, y + half], dim=-1).view(25, 4)


def boxes(*corners):
    return torch.tensor(corners, dtype=torch.float).view(-1, 4)


def region(anchors, objects, candidates=9):
    return valuable_region(anchors, [25], objects, [candidates])


def drawn(*rows):
    return torch.tensor([[cell == "#" for cell in row] for row in rows]).flatten()


def test_the_neighbours_of_an_objects_own_anchor():
    """One of the 9 nearest has IoU 1, four have 200 / 600 and four 100 / 700: mean 61/189.

    The squares' sum is 1 + 4/9 + 4/49 = 673/441, so that the variance is (673/441 - 9 (61/189)^2) / 8.
    """
    threshold = 61 / 189 + math.sqrt((673 / 441 - 9 * (61 / 189) ** 2) / 8)
    # Beside it the centres are 10 apart, and the box round both is 30 x 20; at the corners 10 sqrt(2) and 30 x 30.
    beside, corner = 1 / 3 - 100 / 1300, 1 / 7 - 200 / 1800
    assert corner < threshold / 4 < beside < threshold < 1
    overlaps, owner = region(grid(20), boxes([15, 15, 35, 35]))
    assert torch.equal(overlaps > 0, drawn(".....", "..#..", ".#.#.", "..#..", "....."))
    torch.testing.assert_close(overlaps[overlaps > 0], torch.full((4,), 1 / 3))
    assert torch.equal(owner, (overlaps > 0).long() - 1)


def test_anchors_beyond_the_candidates_are_in_too():
    """An object of 30 pixels in anchors of 40: the two-off neighbours are no candidates.

    The middle has 900 / 1600. Its neighbours share 30 x 25 of 900 + 1600; at the corners 25 x 25; two off 15 x 30.
    """
    middle, beside, corner, two_off = 900 / 1600, 750 / 1750, 625 / 1875, 450 / 2050
    mean = (middle + 4 * beside + 4 * corner) / 9
    variance = (middle**2 + 4 * beside**2 + 4 * corner**2 - 9 * mean**2) / 8
    threshold = mean + math.sqrt(variance)
    # The box round both is 55 x 40 two off, and 55 x 45 for the knight's move, which shares 15 x 25.
    assert threshold / 4 < two_off - 400 / (55**2 + 40**2)
    assert threshold / 4 > 375 / (900 + 1600 - 375) - 500 / (55**2 + 45**2)
    overlaps, _ = region(grid(40), boxes([10, 10, 40, 40]))
    assert torch.equal(overlaps > 0, drawn("..#..", ".###.", "##.##", ".###.", "..#.."))
    assert overlaps.view(5, 5)[2].tolist() == pytest.approx([two_off, beside, 0, beside, two_off])
    assert (assign(grid(40), [25], boxes([10, 10, 40, 40])) >= 0).nonzero().tolist() == [[MIDDLE]]  # and is not in


def test_an_anchor_of_two_regions_goes_to_the_higher_iou_and_a_positive_may_be_in_anothers():
    left, right = [5, 15, 25, 35], [15, 15, 35, 35]  # on two anchors side by side
    overlaps, owner = region(grid(20), boxes(left, right))
    assert torch.equal(overlaps > 0, drawn(".....", ".##..", "####.", ".##..", "....."))
    assert owner.view(5, 5)[2].tolist() == [0, 1, 0, 1, -1]
    # Two off, and a pixel further: between them 10 x 20 pixels are the first's and 9 x 20 the second's.
    for objects, nearer in (((left, [26, 15, 46, 35]), 0), (([26, 15, 46, 35], left), 1)):
        overlaps, owner = region(grid(20), boxes(*objects))
        assert overlaps[MIDDLE].item() == pytest.approx(200 / 600)
        assert owner[MIDDLE] == nearer
        alone, _ = region(grid(20), boxes(objects[1 - nearer]))
        assert alone[MIDDLE].item() == pytest.approx(180 / 620)


def test_without_an_object_or_near_none_there_is_no_region():
    for none in (boxes(), boxes([200, 200, 220, 220])):
        overlaps, owner = region(grid(20), none)
        assert not overlaps.any()
        assert owner.tolist() == [-1] * 25


def output(targets, a_cell=1, bins=None):
    """One level of 5 x 5 cells; in each image the middle anchor of the first box of a cell is a positive."""
    anchors = grid(20).repeat_interleave(a_cell, 0)
    box = torch.zeros(len(targets), a_cell * 4 * (bins or 1), 5, 5)
    labels = torch.zeros(len(targets), 25 * a_cell).long()
    for label, target in zip(labels, targets, strict=True):
        if len(target["labels"]):
            label[MIDDLE * a_cell] = target["labels"][0]
    distances = torch.full((*labels.shape, 4), 4.0)  # of 2.5 pixels: the anchor itself
    return DetectorOutput(
        {},
        Responses([], [box], anchors, "sigmoid", None, bins=bins),
        decode=list,
        targets=targets,
        assign=lambda: Assignment(labels, distances if bins else torch.zeros_like(distances)),
    )


def target(*corners, label=1):
    return {"boxes": boxes(*corners), "labels": torch.full((len(corners),), label)}


@pytest.mark.parametrize("bins", [None, 17])
def test_places_of_a_batch(bins):
    batch = output([target([15, 15, 35, 35], label=3), target(), target([15, 15, 35, 35], label=2)], bins=bins)
    positive, near = positives(batch), valuable(batch)
    assert (positive.image.tolist(), positive.anchor.tolist(), positive.labels.tolist()) == (
        [0, 2],
        [MIDDLE] * 2,
        [3, 2],
    )
    assert positive.weight.tolist() == [1, 1]
    torch.testing.assert_close(positive.boxes, boxes([15, 15, 35, 35], [15, 15, 35, 35]))
    assert near.image.tolist() == [0] * 4 + [2] * 4
    assert near.anchor.tolist() == [7, 11, 13, 17] * 2
    assert near.labels.tolist() == [3] * 4 + [2] * 4
    torch.testing.assert_close(near.weight, torch.full((8,), 1 / 12))  # a quarter of a third
    both = joined([positive, near])
    assert both.anchor.tolist() == [*positive.anchor.tolist(), *near.anchor.tolist()]
    assert both.boxes.shape == (10, 4)


def test_several_anchors_in_one_place_are_several_candidates():
    """Twice the anchors, twice the candidates: t differs by no more than its variance's divisor, 17 for 8."""
    near = valuable(output([target([15, 15, 35, 35])], a_cell=2))
    assert near.anchor.tolist() == [2 * n + m for n in (7, 11, 13, 17) for m in (0, 1)]


def test_a_batch_without_objects_has_no_places():
    for places in (positives(output([target(), target()])), valuable(output([target(), target()]))):
        assert places.image.tolist() == []
        assert places.boxes.shape == (0, 4)
