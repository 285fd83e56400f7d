"""JDBNet's and IDa-Det's terms on real detectors: what each reaches, and a step of training with all of them."""

import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.distill.joint_responses import JointBox, JointCls
from trainers.training.detector import Distillation, train_detector
from trainers.training.loop import Task
from trainers.training.settings import TrainSettings

OF_FEATURES = ("joint_features", "joint_attention", "feature_hint_ida", "joint_features_ida")
OF_RESPONSES = ("joint_cls", "joint_box", "joint_box_bounded")


def build(detector, layers=None, width=0.125, seed=0):
    torch.manual_seed(seed)
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=96, width=width)
    return build_fixed(spec, Candidate(layers or {}))


def all_on():
    teachers = dict.fromkeys(OF_FEATURES, "big") | dict.fromkeys(OF_RESPONSES, "twin")
    return Candidate({"layer/backbone": "bireal", **{f"teacher/{term}": name for term, name in teachers.items()}})


@pytest.mark.parametrize(
    ("detector", "boxes"),
    [
        ("ssd_resnet18", "box_heads"),
        ("gfl_resnet18", "box_heads"),
        ("faster_rcnn_resnet18", "roi_heads.box_predictor.bbox_pred"),
    ],
)
def test_every_term_teaches_in_a_step_of_training(detector, boxes, images, targets, blobs):
    """The student's boxes are thrown about: it is worse than its teacher, as the bounded term asks."""
    student = build(detector, {"layer/backbone": "bireal"}).train()
    for parameter in student.get_submodule(boxes).parameters():
        torch.nn.init.normal_(parameter)
    teachers = {"twin": freeze(build(detector, seed=1)), "big": freeze(build(detector, width=0.25, seed=2))}
    terms = {term: ["big"] for term in OF_FEATURES} | {term: ["twin"] for term in OF_RESPONSES}
    distiller = Distiller(student, teachers, terms)
    losses = distiller.losses(all_on(), images, student(images, targets))
    assert losses.keys() == terms.keys()
    first = student.backbone.conv1.weight
    for term, loss in losses.items():
        (gradient,) = torch.autograd.grad(loss, first, retain_graph=True)
        assert loss.isfinite(), term
        assert loss > 0, term
        assert gradient.isfinite().all(), term
        assert gradient.count_nonzero(), term

    before = {name: tensor.clone() for name, tensor in distiller.state_dict().items()}
    start = first.detach().clone()
    settings = TrainSettings(epochs=1, batch_size=4)
    task = Task(stage="student", seed=0)
    train_detector(student, blobs(4), settings, task, Distillation(all_on(), distiller))
    assert not torch.equal(first, start)
    assert any(not torch.equal(tensor, before[name]) for name, tensor in distiller.state_dict().items())


def test_second_stages_on_the_students_proposals_teach_each_other(images, targets):
    """The first stage is then left to the detection losses."""
    student = build("faster_rcnn_resnet18").train()
    teacher = freeze(build("faster_rcnn_resnet18", seed=1))
    output = student(images, targets)
    with torch.no_grad():
        taught = teacher(images, proposals=output.rois.proposals)
    for term, head in ((JointCls(), "cls_score"), (JointBox(), "bbox_pred")):
        student.zero_grad()
        loss = term(output, taught, "twin")
        assert loss > 0
        loss.backward(retain_graph=True)
        assert student.roi_heads.box_predictor.get_submodule(head).weight.grad.count_nonzero()
        assert student.backbone.conv1.weight.grad.count_nonzero()
        assert student.rpn.head.cls_logits.weight.grad is None
    with torch.no_grad():
        alone = teacher(images)
    student.zero_grad()
    JointCls()(output, alone, "twin").backward()
    assert student.rpn.head.cls_logits.weight.grad.count_nonzero()


def test_the_box_of_a_proposal_is_that_of_its_class(images, targets):
    student = build("faster_rcnn_resnet18").train()
    output = student(images, targets)
    labels = output.rois.assignment.labels
    JointBox()(output, student.eval()(images, proposals=output.rois.proposals), "twin").backward()
    reached = student.roi_heads.box_predictor.bbox_pred.bias.grad.view(-1, 4).abs().sum(1) > 0
    assert set(reached.nonzero()[:, 0].tolist()) == set(labels[labels > 0].tolist())
