"""The three branches in training steps of whole detectors."""

import math

import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.devices import freeze
from trainers.distill import Distiller

TERMS = ("response_cls", "response_loc", "response_quality")
STUDENTS = ("gfl_resnet18", "gfl_sdgqp_resnet18", "gflv1_resnet18_plain", "ssd_resnet18", "faster_rcnn_resnet18")


@pytest.mark.parametrize("detector", STUDENTS)
@pytest.mark.parametrize("term", TERMS)
def test_a_step_on_a_term_brings_the_student_nearer(detector, term, images, targets):
    if (detector, term) == ("faster_rcnn_resnet18", "response_quality"):
        pytest.skip("refused, see test_parallel")
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=96, width=0.125)
    candidate = Candidate({"layer/backbone": "real", f"teacher/{term}": "twin", f"weight/{term}": 1.0})
    torch.manual_seed(0)
    student, teacher = build_fixed(spec, candidate).train(), freeze(build_fixed(spec, candidate))
    distiller = Distiller(student, {"twin": teacher}, {term: ["twin"]})
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-4)
    values = []
    for _ in range(2):
        value = distiller.losses(candidate, images, student(images, targets))[term]
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert 0 < values[1] < values[0] < math.inf
    assert all(p.grad is None for p in teacher.parameters())


def test_a_two_stage_teacher_is_asked_for_its_second_stage_by_terms_that_read_it(images, targets, monkeypatch):
    spec = DetectorSpec(detector="faster_rcnn_resnet18", num_classes=3, image_size=96, width=0.125)
    student, teacher = build_fixed(spec, Candidate({})).train(), freeze(build_fixed(spec, Candidate({})))
    asked, forward = [], teacher.forward

    def watched(*arguments, **named):
        asked.append(named.get("proposals") is not None)
        return forward(*arguments, **named)

    monkeypatch.setattr(teacher, "forward", watched)
    distiller = Distiller(student, {"big": teacher}, {"response_cls": ["big"], "joint_cls": ["big"]})
    made = student(images, targets)
    for term, second_stage in (("response_cls", False), ("joint_cls", True)):
        distiller.losses(Candidate({f"teacher/{term}": "big"}), images, made)
        assert asked.pop() == second_stage
