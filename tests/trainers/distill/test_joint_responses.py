"""JDBNet's guidance by classes and boxes, by hand: one image with a row of anchors."""

import math

import pytest
import torch

from spaces.detectors import Assignment, DetectorOutput, Responses
from trainers.distill.joint_responses import JointBox, JointCls

ODDS = 2 * math.log(3)
"""At temperature 2 a logit of 3 to 1."""


def dense(cls, box=None, labels=None, wanted=None, activation="softmax", bins=None):
    """cls (M, K) and box (M, 4) or (M, 4, bins) of one image, one anchor a cell."""
    scores = torch.as_tensor(cls, dtype=torch.float)
    count = len(scores)
    boxes = torch.zeros(count, 4 * (bins or 1)) if box is None else torch.as_tensor(box, dtype=torch.float).flatten(1)
    assignment = None
    if labels is not None:
        objects = torch.zeros(count, 4) if wanted is None else torch.tensor(wanted)
        assignment = Assignment(torch.tensor([labels]), objects[None])
    responses = Responses(
        [scores.T[None, :, None]],
        [boxes.T[None, :, None]],
        torch.zeros(count, 4),
        activation,
        0 if activation == "softmax" else None,
        bins,
    )
    return DetectorOutput({}, responses, list, assign=None if assignment is None else lambda: assignment)


def run(term, student, teacher):
    return term(student, teacher, "twin")


def test_classes_by_hand():
    """A positive and four negatives, of which the easiest isn't compared."""
    student = dense([[0, 0], [0, 3], [0, 2], [0, 1], [0, -1]], labels=[1, 0, 0, 0, 0])
    teacher = dense([[0, ODDS], [0, 3], [0, 0], [0, 1], [0, 50]])
    positive = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    # The second negative: even for the teacher, e to 1 for the student.
    negative = 0.5 * math.log(0.5 * (1 + math.e)) + 0.5 * math.log(0.5 * (1 + math.e) / math.e)
    assert run(JointCls(), student, teacher).item() == pytest.approx(4 * (positive + negative) / 4, rel=1e-5)


def test_the_temperature_softens_and_scales():
    student, teacher = dense([[0, 0]], labels=[1]), dense([[0, math.log(3)]])
    sharp = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert run(JointCls(temperature=1.0), student, teacher).item() == pytest.approx(sharp)
    p = 3**0.25 / (1 + 3**0.25)
    soft = 16 * (p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p)))
    assert run(JointCls(temperature=4.0), student, teacher).item() == pytest.approx(soft, rel=1e-4)


def test_each_class_of_a_sigmoid_is_compared_alone():
    student = dense([[0, 0, 5]], labels=[2], activation="sigmoid")
    teacher = dense([[ODDS, -ODDS, 5]], activation="sigmoid")
    one = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert run(JointCls(), student, teacher).item() == pytest.approx(4 * 2 * one, rel=1e-5)


def test_hard_negatives_of_sigmoids_are_those_that_any_class_calls():
    """The second and third of five negatives have a high score in one class each, the last a low one in both."""
    scores = [[-9, -9], [4, -9], [-9, 5], [-9, -8], [0, 0]]
    student = dense(scores, labels=[0] * 5, activation="sigmoid")
    for place, counts in enumerate([False, True, True, False, True]):
        taught = [list(one) for one in scores]
        taught[place][0] += ODDS
        loss = run(JointCls(), student, dense(taught, activation="sigmoid"))
        assert (loss.item() > 1e-4) == counts


def test_anchors_that_the_detector_leaves_out_are_no_negatives():
    student = dense([[0, 9], [0, 1]], labels=[-1, 0])
    assert run(JointCls(), student, dense([[9, 0], [0, 1]])).item() == 0
    assert run(JointCls(), student, dense([[0, 9], [1, 0]])).item() > 0
    # Nor do they take the place of one: of the three hard negatives there are, the easiest counts too.
    four = dense([[0, 9], [0, 3], [0, 2], [0, 1]], labels=[-1, 0, 0, 0])
    assert run(JointCls(), four, dense([[0, 9], [0, 3], [0, 2], [9, 0]])).item() > 0


def test_an_image_without_objects_is_compared_on_three_hard_negatives():
    student = dense([[0, 4], [0, 3], [0, 2], [0, 1]], labels=[0, 0, 0, 0])
    assert run(JointCls(), student, dense([[0, 4], [0, 3], [0, 2], [9, 0]])).item() == 0
    assert run(JointCls(), student, dense([[0, 4], [0, 3], [9, 0], [0, 1]])).item() > 0


def test_boxes_by_hand():
    """Two positives; the negative may say what it wants."""
    student = dense(torch.zeros(3, 2), [[0.5, 0, 0, 3], [1, 2, 3, 4], [9, 9, 9, 9]], labels=[1, 2, 0])
    teacher = dense(torch.zeros(3, 2), [[0, 0, 0, 0], [1, 2, 3, 4], [0, 0, 0, 0]])
    assert run(JointBox(), student, teacher).item() == pytest.approx((0.5 * 0.5**2 + (3 - 0.5)) / 2)


def test_distributions_are_compared_by_their_mean_distances():
    even, far = torch.zeros(1, 4, 3), torch.tensor([0, 0, math.log(2)]).expand(1, 4, 3)
    student = dense([[0]], even, labels=[1], activation="sigmoid", bins=3)
    teacher = dense([[0]], far, activation="sigmoid", bins=3)
    # Means 1 and (0 + 1 + 2 * 2) / 4 = 1.25 on each of four edges.
    assert run(JointBox(), student, teacher).item() == pytest.approx(4 * 0.5 * 0.25**2)


def test_the_bounded_form_counts_where_the_student_is_clearly_worse():
    """Objects at 0: the first is worse, the second better, the third worse by less than a tenth."""
    boxes = [[1.0, 0, 0, 0], [0.0, 0, 0, 0], [0.4, 0, 0, 0]]
    student = dense(torch.zeros(3, 2), boxes, labels=[1, 1, 1])
    teacher = dense(torch.zeros(3, 2), [[0, 0, 0, 0], [2, 0, 0, 0], [-0.39, 0, 0, 0]])
    assert run(JointBox(bounded=True), student, teacher).item() == pytest.approx(0.5 / 3)
    assert run(JointBox(bounded=True, margin=0.0), student, teacher).item() == pytest.approx((0.5 + 0.5 * 0.79**2) / 3)
    assert run(JointBox(), student, teacher).item() == pytest.approx((0.5 + 1.5 + 0.5 * 0.79**2) / 3)
    # Another object, of which both boxes are as far as the teacher's: nobody is worse.
    moved = dense(torch.zeros(1, 2), [[1.0, 0, 0, 0]], labels=[1], wanted=[[0.5, 0, 0, 0]])
    assert run(JointBox(bounded=True), moved, dense(torch.zeros(1, 2))).item() == 0


@pytest.mark.parametrize("term", [JointCls(), JointBox(), JointBox(bounded=True)])
def test_equal_responses_cost_nothing(term):
    cls, box = torch.randn(6, 3), torch.randn(6, 4)
    student = dense(cls, box, labels=[1, 0, 2, 0, -1, 0])
    assert run(term, student, dense(cls, box)).item() == 0


@pytest.mark.parametrize(
    ("term", "taught"), [(JointCls(), "cls"), (JointBox(), "box"), (JointBox(bounded=True), "box")]
)
def test_the_student_learns_its_own_response_and_the_teacher_nothing(term, taught):
    ours = {"cls": torch.randn(5, 3).requires_grad_(), "box": (5 + torch.rand(5, 4)).requires_grad_()}
    theirs = {"cls": torch.randn(5, 3).requires_grad_(), "box": torch.rand(5, 4).requires_grad_()}
    run(term, dense(**ours, labels=[1, 0, 0, 2, 0]), dense(**theirs)).backward()
    untaught = ours.keys() - {taught}
    assert all(ours[part].grad is None for part in untaught)
    assert all(tensor.grad is None for tensor in theirs.values())
    reached = ours[taught].grad.abs().sum(1) > 0
    assert torch.equal(reached, torch.tensor([True, taught == "cls", taught == "cls", True, taught == "cls"]))


@pytest.mark.parametrize("bounded", [False, True])
def test_without_an_object_boxes_cost_nothing_and_keep_a_gradient_path(bounded):
    box = torch.randn(3, 4).requires_grad_()
    loss = run(JointBox(bounded=bounded), dense(torch.zeros(3, 2), box, labels=[0, 0, -1]), dense(torch.zeros(3, 2)))
    assert loss.item() == 0
    loss.backward()
    assert torch.equal(box.grad, torch.zeros(3, 4))


def test_a_student_without_targets_and_a_teacher_with_other_anchors_are_refused():
    plain = dense(torch.zeros(3, 2))
    for term in (JointCls(), JointBox()):
        with pytest.raises(ValueError, match="holds no targets"):
            run(term, plain, plain)
        with pytest.raises(ValueError, match="responses don't fit the student's"):
            run(term, dense(torch.zeros(3, 2), labels=[1, 0, 0]), dense(torch.zeros(4, 2)))
