"""From a config's sections to the networks of a run."""

import pytest

from search.config import load_config
from search.config.schema import Data, Student, Teacher, Train, TrainTerm
from search.plan.detectors import fixed_candidate, layer_roots, student_spec, teacher_spec
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec

STUDENT = DetectorSpec(detector="ssd_resnet18", num_classes=4, image_size=96, width=0.125, heads="light")


def test_the_student_is_what_its_section_says_at_the_datas_size_and_classes():
    section = Student(detector="ssd_resnet18", width=0.125)
    assert student_spec(section, Data(format="shapes", image_size=96), 4) == STUDENT


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({}, ("ssd_resnet18", 0.125, "light")),
        ({"width": 0.25}, ("ssd_resnet18", 0.25, "light")),
        ({"detector": "gfl_resnet18", "heads": "full"}, ("gfl_resnet18", 0.125, "full")),
    ],
)
def test_a_teacher_takes_what_its_section_leaves_null_from_the_student(section, expected):
    spec = teacher_spec(Teacher(**section), STUDENT)
    assert (spec.detector, spec.width, spec.heads) == expected
    assert (spec.num_classes, spec.image_size) == (4, 96)


@pytest.mark.parametrize(
    ("detector", "roots"),
    [
        ("ssd_resnet18", ("backbone",)),
        ("faster_rcnn_resnet18", ("backbone", "fpn", "rpn")),
        ("gfl_resnet18", ("backbone", "fpn", "towers")),
    ],
)
def test_the_roots_of_a_detector_name_all_its_units(detector, roots):
    config = load_config("demo", [f"student.detector={detector}"])
    spec = student_spec(config.student, config.data, 5)
    assert layer_roots(spec) == roots
    assert fixed_candidate(Train(layers="sign"), spec).layers() == dict.fromkeys(roots, "sign")


def test_a_fixed_candidate_has_the_layers_and_terms_of_its_section():
    terms = {"feature_hint": TrainTerm(weight=0.5), "angular": TrainTerm(teacher="big", weight=100)}
    section = Train(layers={"backbone.layer1": "sign", "backbone": "real"}, terms=terms)
    assert fixed_candidate(section, STUDENT) == Candidate(
        {
            "layer/backbone.layer1": "sign",
            "layer/backbone": "real",
            "teacher/feature_hint": "twin",
            "weight/feature_hint": 0.5,
            "teacher/angular": "big",
            "weight/angular": 100.0,
        }
    )
