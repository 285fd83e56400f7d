"""In-place distillation: its losses by hand, on every kind of responses, and its teacher without gradients."""

import math

import pytest
import torch

from spaces.candidate import ALL_REAL
from spaces.detectors import Assignment, DetectorOutput, DetectorSpec, Responses
from spaces.supernet import build_fixed
from trainers.distill.in_place import as_teacher, in_place_losses

LN3 = math.log(3)


def dense(cls, box, labels, activation="softmax", bins=None, quality=None):
    """cls (M, K), box (M, 4) or (M, 4, bins) and quality (M,) of one image, one anchor a cell."""
    scores = torch.tensor(cls, dtype=torch.float)
    boxes = torch.tensor(box, dtype=torch.float).flatten(1)
    responses = Responses(
        [scores.T[None, :, None]],
        [boxes.T[None, :, None]],
        torch.zeros(len(scores), 4),
        activation,
        0 if activation == "softmax" else None,
        bins,
        None if quality is None else [torch.tensor(quality, dtype=torch.float).view(1, 1, 1, -1)],
    )
    assignment = Assignment(torch.tensor([labels]), torch.zeros(1, len(scores), 4))
    return DetectorOutput({}, responses, list, assign=lambda: assignment)


def test_scores_and_offsets_by_hand():
    """Two positives; of each the probabilities 1/4 and 3/4 against 1/2 and 1/2, and an offset that is off by 3."""
    student = dense([[0, 0], [0, 0]], [[0, 0, 0, 0], [0, 0, 0, 0]], [1, 1])
    teacher = dense([[0, LN3], [0, LN3]], [[3, 0, 0, 0], [0, 0, 0, 0]], [1, 1])
    losses = in_place_losses(student, teacher)
    each = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    assert losses.keys() == {"in-place cls", "in-place box"}
    assert losses["in-place cls"].item() == pytest.approx(2 * each / 2, rel=1e-5)
    assert losses["in-place box"].item() == pytest.approx((3 - 0.5) / 2)


def test_three_hard_negatives_count_a_positive_and_no_anchor_left_out():
    """Six anchors: one positive, one that is left out, four negatives of which the easiest doesn't count."""
    student = dense([[0, 0], [0, 9], [0, 2], [0, 2], [0, 2], [0, -9]], [[0] * 4] * 6, [1, -1, 0, 0, 0, 0])
    teacher = dense([[0, 0], [0, 0], [0, 2], [0, 2], [0, 0], [0, 9]], [[0] * 4] * 6, [1, -1, 0, 0, 0, 0])
    likely = 1 / (1 + math.exp(-2))
    expected = 0.5 * math.log(0.5 / likely) + 0.5 * math.log(0.5 / (1 - likely))
    assert in_place_losses(student, teacher)["in-place cls"].item() == pytest.approx(expected, rel=1e-5)


def test_distributions_and_qualities_by_hand():
    """One positive; one edge of two bins and its quality are even, and 3 to 1 for the teacher."""
    student = dense([[0]], [[[0, 0]] * 4], [1], "sigmoid", bins=2, quality=[0])
    teacher = dense([[0]], [[[0, LN3], [0, 0], [0, 0], [0, 0]]], [1], "sigmoid", bins=2, quality=[LN3])
    losses = in_place_losses(student, teacher)
    each = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    assert losses["in-place cls"].item() == 0
    assert losses["in-place box"].item() == pytest.approx(each, rel=1e-5)
    assert losses["in-place quality"].item() == pytest.approx(each, rel=1e-5)


def test_without_objects_the_losses_are_finite():
    same = dense([[0, 1]], [[0] * 4], [0])
    assert {name: loss.item() for name, loss in in_place_losses(same, same).items()} == {
        "in-place cls": 0,
        "in-place box": 0,
    }


@pytest.mark.parametrize(
    ("detector", "extra"),
    [
        ("ssd_resnet18", set()),
        ("gflv1_resnet18_plain", set()),
        ("gfl_resnet18", {"in-place quality"}),
        ("faster_rcnn_resnet18", {"in-place first cls", "in-place first box"}),
    ],
)
def test_every_detector_teaches_itself(detector, extra, images, targets):
    """Gradients reach the student alone; equal responses have no loss."""
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=96, width=0.125)
    torch.manual_seed(0)
    teaching, student = (build_fixed(spec, ALL_REAL).train() for _ in range(2))
    teacher = as_teacher(teaching(images, targets))
    assert not any(level.requires_grad for level in (*teacher.responses.cls, *teacher.responses.box))
    proposals = None if teacher.rois is None else teacher.rois.proposals
    losses = in_place_losses(student(images, targets, proposals), teacher)
    assert losses.keys() == {"in-place cls", "in-place box"} | extra
    torch.stack(list(losses.values())).sum().backward()
    assert all(parameter.grad is None for parameter in teaching.parameters())
    assert student.backbone.conv1.weight.grad.count_nonzero()
    again = teaching(images, targets, proposals)
    assert sum(loss.item() for loss in in_place_losses(again, teacher).values()) == pytest.approx(0, abs=1e-4)


def test_a_second_stage_on_other_proposals_is_refused(images, targets):
    spec = DetectorSpec(detector="faster_rcnn_resnet18", num_classes=3, image_size=96, width=0.125)
    torch.manual_seed(0)
    network = build_fixed(spec, ALL_REAL).train()
    teacher = as_teacher(network(images, targets))
    with pytest.raises(ValueError, match="ran on other proposals than the teacher's"):
        in_place_losses(network(images, targets), teacher)
