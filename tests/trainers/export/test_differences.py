"""Detections against detections."""

import pytest
import torch

from trainers.export.differences import Differences, differences

BOX = [10.0, 10.0, 20.0, 20.0]


def found(*rows):
    """Detections of one image from (left edge, score, label)."""
    boxes = torch.tensor([[left, *BOX[1:]] for left, _, _ in rows]).reshape(-1, 4)
    return {
        "boxes": boxes,
        "scores": torch.tensor([score for _, score, _ in rows]),
        "labels": torch.tensor([label for _, _, label in rows], dtype=torch.long),
    }


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([(10, 0.9, 1)], [(10, 0.9, 1)], (1, 0, 0.0, 0.0)),
        ([(10, 0.9, 1)], [(10.5, 0.8, 1)], (1, 0, 0.5, 0.1)),
        ([(10, 0.9, 1)], [(12, 0.9, 1)], (1, 2, 0.0, 0.0)),
        ([(10, 0.9, 1)], [(10, 0.9, 2)], (1, 2, 0.0, 0.0)),
        ([(10, 0.9, 1)], [], (1, 1, 0.0, 0.0)),
        ([], [(10, 0.9, 1)], (0, 1, 0.0, 0.0)),
        ([], [], (0, 0, 0.0, 0.0)),
        # equal boxes of two scores: each finds its own, in another order too
        ([(10, 0.9, 1), (10, 0.5, 1)], [(10, 0.5, 1), (10, 0.9, 1)], (2, 0, 0.0, 0.0)),
    ],
)
def test_what_lies_apart(ours, theirs, expected):
    result = differences([found(*ours)], [found(*theirs)])
    assert (result.detections, result.unmatched) == expected[:2]
    assert (result.boxes, result.scores) == pytest.approx(expected[2:])
    assert result.none is (ours == theirs or len(ours) == 2)


def test_over_images_it_is_the_largest():
    ours = [found((10, 0.9, 1)), found((10, 0.9, 1))]
    theirs = [found((10.25, 0.9, 1)), found((10, 0.65, 1))]
    assert differences(ours, theirs) == Differences(2, 2, 0, 0.25, pytest.approx(0.25))
    assert differences([], []) == Differences(0, 0, 0, 0.0, 0.0)
