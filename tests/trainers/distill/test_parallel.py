"""The three branches on a drawn grid: 5 x 5 anchors of 20 pixels, 10 apart, and an object on the middle one.

The middle anchor is the positive; its four neighbours, of IoU 1/3, are the valuable region, of weight 1/12 each.
"""

import math
from dataclasses import replace

import pytest
import torch

from spaces.detectors import Assignment, DetectorOutput, Responses
from spaces.detectors.box_coding import UNSCALED
from spaces.detectors.ssd_loss import BOX_SCALES
from trainers.distill.parallel import (
    ResponseCls,
    ResponseLoc,
    ResponseQuality,
    class_logits,
    class_scores,
)

MIDDLE, BESIDE, CORNER = (2, 2), (2, 3), (3, 3)
BINS = 17
SURE = 200.0
TERMS = {"response_cls": ResponseCls(), "response_loc": ResponseLoc(), "response_quality": ResponseQuality()}
OBJECT = {"boxes": torch.tensor([[15.0, 15.0, 35.0, 35.0]]), "labels": torch.tensor([2])}
NOTHING = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0).long()}


def anchors():
    centres = torch.arange(5) * 10.0 + 5
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x - 10, y - 10, x + 10, y + 10], dim=-1).view(25, 4)


def output(kind, targets=(OBJECT,), classes=3):
    """All zeros, of one level with one anchor a cell: `gfl`, `gflv1` without a quality, or `ssd`."""
    count, bins, ssd = len(targets), None if kind == "ssd" else BINS, kind == "ssd"
    responses = Responses(
        [torch.zeros(count, classes + ssd, 5, 5)],
        [torch.zeros(count, 4 * (bins or 1), 5, 5)],
        anchors(),
        "softmax" if ssd else "sigmoid",
        0 if ssd else None,
        bins,
        [torch.zeros(count, 1, 5, 5)] if kind == "gfl" else None,
        BOX_SCALES if ssd else UNSCALED,
    )
    labels = torch.zeros(count, 25).long()
    for label, target in zip(labels, targets, strict=True):
        if len(target["labels"]):
            label[12] = target["labels"][0]
    box = torch.zeros(count, 25, 4) if ssd else torch.full((count, 25, 4), 4.0)  # strides of 2.5 pixels
    wanted = Assignment(labels, box)
    return DetectorOutput({}, responses, decode=list, targets=list(targets), assign=lambda: wanted)


def loss(term, student, teacher):
    return TERMS[term](student, teacher, "twin")


def scrambled(kind, seed, targets=(OBJECT,)):
    """Random responses with gradients."""
    generator = torch.Generator().manual_seed(seed)
    made = output(kind, targets)

    def noise(levels):
        return [torch.randn(x.shape, generator=generator).requires_grad_() for x in levels]

    quality = None if made.responses.quality is None else noise(made.responses.quality)
    responses = replace(made.responses, cls=noise(made.responses.cls), box=noise(made.responses.box), quality=quality)
    return replace(made, responses=responses)


def gradients(given):
    responses = given.responses
    return {
        "cls": responses.cls[0].grad,
        "box": responses.box[0].grad,
        "quality": (responses.quality or responses.cls)[0].grad,
    }


def test_classes_by_hand():
    student, teacher = output("gfl"), output("gfl")
    teacher.responses.cls[0][0, 1, 0, 4] = math.log(3)  # 3/4 where the student says 1/2: damped by (1/4)^2
    assert loss("response_cls", student, teacher).item() == pytest.approx(math.log(2) / 16)
    student.responses.cls[0][0, 1, 0, 4] = -math.log(3)  # 1/4
    expected = (1 / 2) ** 2 * -(3 / 4 * math.log(1 / 4) + 1 / 4 * math.log(3 / 4))
    assert loss("response_cls", student, teacher).item() == pytest.approx(expected)
    twice = output("gfl", [OBJECT, OBJECT])
    taught = output("gfl", [OBJECT, OBJECT])
    taught.responses.cls[0][0, 1, 0, 4] = math.log(3)
    assert loss("response_cls", twice, taught).item() == pytest.approx(math.log(2) / 16 / 2)  # two positives


def test_classes_of_a_softmax_by_hand():
    student, teacher = output("ssd", classes=2), output("ssd", classes=2)
    teacher.responses.cls[0][0, 0, 1, 1] = math.log(2)  # 1/2 background and 1/4 a class, where the student says 1/3
    each = (1 / 12) ** 2 * -(1 / 4 * math.log(1 / 3) + 3 / 4 * math.log(2 / 3))
    assert loss("response_cls", student, teacher).item() == pytest.approx(2 * each)


def test_a_class_against_all_else_together():
    responses = replace(output("ssd").responses, cls=[torch.randn(2, 4, 5, 5, dtype=torch.double)])
    p = responses.cls[0].softmax(1)[:, 1:].flatten(2).transpose(1, 2)
    torch.testing.assert_close(class_logits(responses), (p / (1 - p)).log())
    torch.testing.assert_close(class_scores(responses), p)
    last = replace(responses, background=3)
    first_three = responses.cls[0].softmax(1)[:, :3].flatten(2).mT
    torch.testing.assert_close(class_scores(last), first_three)
    torch.testing.assert_close(class_logits(last).sigmoid(), first_three)


def test_a_class_near_probability_one_keeps_its_logit_and_a_gradient():
    cls = torch.zeros(1, 3, 5, 5)
    cls[0, 1] = SURE
    cls.requires_grad_()
    logits = class_logits(replace(output("ssd").responses, cls=[cls]))
    torch.testing.assert_close(logits[0, 0], torch.tensor([SURE - math.log(2), -SURE]))
    logits[0, 0, 0].backward()
    torch.testing.assert_close(cls.grad[0, :, 0, 0], torch.tensor([-0.5, 1.0, -0.5]))


def test_one_class_and_the_background_are_one_binary_score():
    cls = torch.tensor([1.0, 4.0]).view(1, 2, 1, 1).expand(1, 2, 5, 5)
    assert class_logits(replace(output("ssd").responses, cls=[cls])).unique().tolist() == pytest.approx([3.0])


def test_boxes_by_hand():
    """Half of the bins are three times as likely, for one edge of the middle anchor and all edges of a neighbour."""
    student, teacher = output("gfl"), output("gfl")
    likely = torch.arange(BINS) < 8
    edges = teacher.responses.box[0].unflatten(1, (4, BINS))
    edges[0, 1, :, *MIDDLE] = 10 * math.log(3) * likely
    p = torch.where(likely, 3.0, 1.0) / (8 * 3 + 9)
    one = 100 * (p * (p * BINS).log()).sum().item()
    assert loss("response_loc", student, teacher).item() == pytest.approx(one / 4, rel=1e-5)
    edges[0, :, :, *BESIDE] = 10 * math.log(3) * likely.view(1, -1)
    assert loss("response_loc", student, teacher).item() == pytest.approx(one / 4 + one / 12, rel=1e-5)
    edges[0, :, :, *CORNER] = torch.randn(4, BINS)  # neither positive nor valuable
    assert loss("response_loc", student, teacher).item() == pytest.approx(one / 4 + one / 12, rel=1e-5)


def test_boxes_without_distributions_by_hand():
    student, teacher = output("ssd"), output("ssd")
    teacher.responses.box[0][0, 0, *MIDDLE] = 3.0  # smooth-L1: 2.5
    teacher.responses.box[0][0, :, *BESIDE] = 0.5  # 0.125 four times
    teacher.responses.box[0][0, :, *CORNER] = 9.0
    assert loss("response_loc", student, teacher).item() == pytest.approx(2.5 / 4 + 0.125 / 12)


def test_qualities_by_hand():
    student, teacher = output("gfl"), output("gfl")
    teacher.responses.quality[0][0, 0, *MIDDLE] = math.log(3)
    teacher.responses.quality[0][0, 0, *CORNER] = SURE
    one = 3 / 4 * math.log(3 / 2) + 1 / 4 * math.log(1 / 2)
    assert loss("response_quality", student, teacher).item() == pytest.approx(one, rel=1e-5)
    teacher.responses.quality[0][0, 0, *BESIDE] = -math.log(3)
    assert loss("response_quality", student, teacher).item() == pytest.approx(one + one / 12, rel=1e-5)


def test_a_teacher_without_a_quality_tells_what_its_boxes_are():
    student, teacher = output("gfl"), output("gflv1")
    edges = teacher.responses.box[0].unflatten(1, (4, BINS))
    for edge, distance in enumerate((4, 4, 8, 4)):  # 30 x 20 pixels: an IoU of 2/3 with the object
        edges[0, edge, distance, *MIDDLE] = SURE
    # Without a certain edge, a neighbour predicts 40 x 40 pixels round the object: 1/4.
    student.responses.quality[0][0] = -math.log(3)
    student.responses.quality[0][0, 0, *MIDDLE] = 0.0
    expected = 2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3)
    assert loss("response_quality", student, teacher).item() == pytest.approx(expected, rel=1e-4)
    student.responses.quality[0][0, 0, *BESIDE] = 0.0
    beside = 1 / 4 * math.log(1 / 2) + 3 / 4 * math.log(3 / 2)
    assert loss("response_quality", student, teacher).item() == pytest.approx(expected + beside / 12, rel=1e-4)


def test_a_student_without_a_quality_has_its_score_of_the_objects_class_drawn_to_it_on_positives():
    student, teacher = scrambled("gflv1", 0), output("gfl")
    with torch.no_grad():
        student.responses.cls[0][0, 1, *MIDDLE] = 0.0  # class 2 is map 1
    teacher.responses.quality[0][0] = math.log(3)
    value = loss("response_quality", student, teacher)
    assert value.item() == pytest.approx(3 / 4 * math.log(3 / 2) + 1 / 4 * math.log(1 / 2), rel=1e-5)
    value.backward()
    assert student.responses.cls[0].grad.nonzero().tolist() == [[0, 1, *MIDDLE]]


def test_the_class_scores_of_ssd_are_drawn_to_the_overlap_of_the_teachers_box():
    student, teacher = output("ssd"), output("ssd")
    student.responses.cls[0][0, :, *MIDDLE] = torch.tensor([0.0, -SURE, 0.0, -SURE])  # a half for class 2
    teacher.responses.box[0][0, 0, *MIDDLE] = 2.5  # a quarter of the box to the right: 3/5 of the union
    expected = 3 / 5 * math.log(6 / 5) + 2 / 5 * math.log(4 / 5)
    assert loss("response_quality", student, teacher).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("term", "kind"), [(t, k) for t in TERMS for k in ("gfl", "ssd") if t[9:] + k != "qualityssd"])
def test_equal_responses_cost_nothing(term, kind):
    assert loss(term, scrambled(kind, 0), scrambled(kind, 0)).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("kind", ["gfl", "gflv1", "ssd"])
@pytest.mark.parametrize("term", TERMS)
def test_the_student_learns_and_the_teacher_does_not(term, kind):
    student, teacher = scrambled(kind, 0), scrambled(kind, 1)
    value = loss(term, student, teacher)
    assert value > 0
    value.backward()
    assert any(grad is not None and grad.count_nonzero() for grad in gradients(student).values())
    assert not any(grad is not None for grad in gradients(teacher).values())


READS = {"response_cls": "cls", "response_loc": "box", "response_quality": "quality"}


@pytest.mark.parametrize("term", TERMS)
def test_no_branch_reads_what_another_distils(term):
    """With a quality predictor: the loss and its gradients depend on the branch's own responses alone."""
    student, teacher, other, foreign = (scrambled("gfl", seed) for seed in range(4))
    own = READS[term]
    value = loss(term, student, teacher)
    value.backward()
    assert [name for name, grad in gradients(student).items() if grad is not None] == [own]

    def mixed(kept, rest):
        return replace(rest, responses=replace(rest.responses, **{own: getattr(kept.responses, own)}))

    assert loss(term, mixed(student, other), mixed(teacher, foreign)).item() == value.item()
    assert loss(term, other, teacher).item() != value.item()


@pytest.mark.parametrize("kind", ["gfl", "gflv1", "ssd"])
@pytest.mark.parametrize("term", TERMS)
def test_without_an_object_only_classes_are_distilled(term, kind):
    student, teacher = scrambled(kind, 0, [NOTHING] * 2), scrambled(kind, 1, [NOTHING] * 2)
    value = loss(term, student, teacher)
    assert (value.item() > 0) == (term == "response_cls")
    value.backward()
    learns = [grad for grad in gradients(student).values() if grad is not None]
    assert learns
    assert all(grad.isfinite().all() for grad in learns)
    assert any(grad.count_nonzero() for grad in learns) == (term == "response_cls")


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize(
    ("teacher", "reason"),
    [
        (output("ssd"), "its boxes are offsets, the student's 17 bins per edge"),
        (output("gfl", classes=4), r"its scores by level are \[\(4, 5, 5\)\], the student's \[\(3, 5, 5\)\]"),
    ],
)
def test_a_teacher_with_other_responses_is_refused(term, teacher, reason):
    with pytest.raises(ValueError, match=f"The teacher's responses don't fit the student's: .*{reason}"):
        loss(term, output("gfl"), teacher)


@pytest.mark.parametrize("term", TERMS)
def test_a_student_without_its_targets_is_refused(term):
    untold = replace(output("gfl"), targets=[], assign=None)
    with pytest.raises(ValueError, match="The output holds no targets"):
        loss(term, untold, output("gfl"))


def test_the_quality_of_a_two_stage_student_is_refused():
    student = replace(output("gflv1"), second_stage=lambda: None)
    with pytest.raises(ValueError, match="response_quality is for single-stage students"):
        loss("response_quality", student, output("gflv1"))
