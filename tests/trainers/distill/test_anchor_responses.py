"""Which responses of two networks can be held against each other."""

from dataclasses import replace

import pytest
import torch

from spaces.detectors import Assignment, DetectorOutput, Responses, RoIResponses
from trainers.distill.anchor_responses import check_same_anchors, paired_responses

PLAIN = Responses([torch.zeros(2, 6, 1, 3)], [torch.zeros(2, 8, 1, 3)], torch.rand(6, 4), "softmax", 0)
"""One level of three cells and two anchors a cell, three scores an anchor."""


def two_stage(proposals, cls, box, labels=None):
    wanted = None if labels is None else Assignment(torch.tensor(labels), torch.zeros(len(labels), 4))
    rois = RoIResponses(proposals, cls, box, wanted)
    nothing = Assignment(torch.zeros(2, 6, dtype=torch.long), torch.zeros(2, 6, 4))
    return DetectorOutput({}, PLAIN, list, second_stage=lambda: rois, assign=lambda: nothing)


def test_the_same_form_is_accepted_whatever_the_batch():
    check_same_anchors(PLAIN, replace(PLAIN, cls=[PLAIN.cls[0][:1]], box=[PLAIN.box[0][:1]]))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (
            {"activation": "sigmoid", "background": None},
            "scores are read by sigmoid with background None, the student's by softmax with 0",
        ),
        ({"bins": 17}, "its boxes are 17 bins per edge, the student's offsets"),
        ({"cls": [torch.zeros(2, 8, 1, 3)]}, r"its scores by level are \[\(8, 1, 3\)\], the student's \[\(6, 1, 3\)\]"),
        ({"box": [torch.zeros(2, 8, 3, 1)]}, r"its boxes by level are \[\(8, 3, 1\)\], the student's \[\(8, 1, 3\)\]"),
        ({"cls": PLAIN.cls * 2, "box": PLAIN.box * 2}, r"its scores by level are \[\(6, 1, 3\), \(6, 1, 3\)\]"),
        ({"anchors": PLAIN.anchors + 1}, "its anchors have other places or sizes"),
    ],
)
def test_any_other_form_is_refused_with_the_reason(other, reason):
    with pytest.raises(ValueError, match=f"{reason}.*A teacher of the student's family at the same image size"):
        check_same_anchors(PLAIN, replace(PLAIN, **other))


def test_networks_without_memory_are_judged_by_their_shapes():
    meta = replace(PLAIN, anchors=PLAIN.anchors.to("meta"))
    check_same_anchors(meta, meta)


def test_second_stages_on_the_same_proposals_are_read_by_the_class_to_find():
    proposals = [torch.rand(1, 4), torch.rand(2, 4)]
    cls, box = torch.rand(3, 3, requires_grad=True), torch.arange(36.0).view(3, 12)
    student = two_stage(proposals, cls, box, labels=[2, 0, 1])
    teacher = two_stage([one.clone() for one in proposals], torch.rand(3, 3, requires_grad=True), box + 100)
    ours, theirs, wanted = paired_responses(student, teacher)
    assert ours.cls.shape == (1, 3, 3)
    assert torch.equal(ours.box, torch.tensor([[[8.0, 9, 10, 11], [12, 13, 14, 15], [28, 29, 30, 31]]]))
    assert torch.equal(theirs.box, ours.box + 100)
    assert torch.equal(wanted.labels, torch.tensor([[2, 0, 1]]))
    assert ours.cls.requires_grad
    assert not theirs.cls.requires_grad


def test_on_other_proposals_or_with_one_stage_the_anchors_are_compared():
    proposals = [torch.rand(1, 4), torch.rand(2, 4)]
    cls, box = torch.rand(3, 3), torch.rand(3, 12)
    student = two_stage(proposals, cls, box, labels=[2, 0, 1])
    elsewhere = two_stage([one + 1 for one in proposals], cls, box)
    fewer = two_stage([proposals[0], proposals[1][:1]], cls[:2], box[:2])
    for teacher in (elsewhere, fewer, DetectorOutput({}, PLAIN, list)):
        ours, _, wanted = paired_responses(student, teacher)
        assert ours.cls.shape == (2, 6, 3)
        assert wanted.labels.shape == (2, 6)


def test_second_stages_of_other_classes_or_without_targets_are_refused():
    proposals = [torch.rand(2, 4), torch.rand(0, 4)]
    student = two_stage(proposals, torch.rand(2, 3), torch.rand(2, 12), labels=[1, 0])
    with pytest.raises(ValueError, match="The teacher has 4 classes, the student 3"):
        paired_responses(student, two_stage(proposals, torch.rand(2, 4), torch.rand(2, 16)))
    blind = two_stage(proposals, torch.rand(2, 3), torch.rand(2, 12))
    with pytest.raises(ValueError, match="proposals have no targets"):
        paired_responses(blind, blind)
