"""The pool of teachers before its run has it, and the files that it stands on."""

import pytest
import torch
from safetensors.torch import save_file

from search.config.schema import Student, Teacher
from search.plan.plan import plan_search, plan_training
from search.plan.published import Start
from search.plan.teachers import PlannedTeacher, check_starts, plan_teachers, teachers_of_layers
from spaces.candidate import ALL_REAL
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError, save_weights
from trainers.data.shapes.writer import SHAPE_CLASSES
from trainers.detector_file import save_detector

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=len(SHAPE_CLASSES), image_size=96, width=0.125)
WIDE = DetectorSpec(detector="ssd_resnet18", num_classes=len(SHAPE_CLASSES), image_size=96, width=0.25)
STUDENT = Student(detector="ssd_resnet18", width=0.125)


@pytest.fixture
def wide(tmp_path):
    """The file of a trained detector of twice the student's width."""
    file = tmp_path / "wide.safetensors"
    save_detector(file, build_fixed(WIDE, ALL_REAL), WIDE, ALL_REAL, SHAPE_CLASSES)
    return file


def planned(sections, student=STUDENT, layer_teachers=()):
    return plan_teachers(sections, student, SPEC, SHAPE_CLASSES, layer_teachers)


def test_a_teacher_is_what_its_section_says_and_a_given_one_what_its_file_says(wide, tmp_path):
    published = tmp_path / "published.pth"
    sections = {
        "twin": Teacher(),
        "wide": Teacher(width=0.25),
        "begun": Teacher(weights=str(published)),
        "given": Teacher(weights=str(wide)),
    }
    teachers = planned(sections)
    assert [(name, one.name, one.spec) for name, one in teachers.items()] == [
        ("twin", "twin", SPEC),
        ("wide", "wide", WIDE),
        ("begun", "begun", SPEC),
        ("given", "given", WIDE),
    ]
    assert {name: one.file for name, one in teachers.items()} == {
        "twin": None,
        "wide": None,
        "begun": published,
        "given": wide,
    }
    assert {name: one.key for name, one in teachers.items() if one.file} == {
        "begun": "teachers.begun.weights",
        "given": "teachers.given.weights",
    }
    given = teachers["given"].given
    assert (given.spec, given.candidate) == (WIDE, ALL_REAL)
    assert [name for name, one in teachers.items() if one.given is None] == ["twin", "wide", "begun"]


def test_the_twin_stands_on_the_students_file():
    (twin,) = planned({"twin": Teacher()}, STUDENT.model_copy(update={"weights": "/own.pth"})).values()
    assert (twin.key, str(twin.file)) == ("student.weights", "/own.pth")


@pytest.mark.parametrize(
    ("name", "section", "layer_teachers", "message"),
    [
        ("twin", {}, (), r"teachers\.twin\.weights: .*wide\.safetensors can't be .*twin must have the student's shape"),
        ("big", {"width": 0.5}, (), r"teachers\.big\.weights: .* it is one of width 0\.25, but the config says 0\.5"),
        ("big", {"heads": "full"}, (), "it is one of heads light, but the config says full"),
        (
            "big",
            {},
            ("big",),
            "it is a ssd_resnet18 of width 0.25, but it teaches a term that compares layers with the",
        ),
    ],
)
def test_a_given_detector_of_another_shape_is_refused_with_the_reason(wide, name, section, layer_teachers, message):
    with pytest.raises(CheckpointError, match=message):
        planned({name: Teacher(weights=str(wide), **section)}, layer_teachers=layer_teachers)


def test_the_heads_of_a_given_detector_with_one_kind_are_light_and_nothing_else(tmp_path):
    spec = DetectorSpec(detector="ssdlite_mobilenetv2", num_classes=len(SHAPE_CLASSES), image_size=96, width=0.125)
    file = tmp_path / "lite.safetensors"
    save_detector(file, build_fixed(spec, ALL_REAL), spec, ALL_REAL, SHAPE_CLASSES)
    assert planned({"big": Teacher(weights=str(file), heads="light")})["big"].spec == spec
    with pytest.raises(
        CheckpointError, match="a ssdlite_mobilenetv2, which has one kind of heads, but the config says full"
    ):
        planned({"big": Teacher(weights=str(file), heads="full")})


def test_a_teacher_takes_light_heads_from_a_student_without_a_choice():
    student = Student(detector="faster_rcnn_resnet18", width=0.125)
    spec = DetectorSpec(detector="faster_rcnn_resnet18", num_classes=len(SHAPE_CLASSES), image_size=96, width=0.125)
    teachers = plan_teachers({"big": Teacher(detector="ssd_resnet18")}, student, spec, SHAPE_CLASSES, ())
    assert teachers["big"].spec.heads == "light"


def test_a_given_file_that_is_no_detector_is_refused_by_its_key(tmp_path):
    save_weights(tmp_path / "supernet.safetensors", {"a": torch.ones(1)}, {"kind": "supernet"})
    with pytest.raises(
        CheckpointError, match=r"^teachers\.big\.weights: .*supernet\.safetensors holds a supernet, not a"
    ):
        planned({"big": Teacher(weights=str(tmp_path / "supernet.safetensors"))})


def test_a_given_file_that_is_cut_off_is_refused_as_such(wide):
    wide.write_bytes(wide.read_bytes()[:-1])
    with pytest.raises(
        CheckpointError, match=r"^teachers\.big\.weights: .*wide\.safetensors .* can't be read as safetens"
    ):
        planned({"big": Teacher(weights=str(wide))})


@pytest.mark.parametrize("ending", ["safetensors", "pth", "bin"])
def test_a_trained_detector_is_known_by_its_content_and_not_by_its_ending(wide, tmp_path, ending):
    renamed = wide.rename(tmp_path / f"best.{ending}")
    assert planned({"big": Teacher(weights=str(renamed))})["big"].given.spec == WIDE
    save_file({"conv1.weight": torch.ones(1)}, renamed, {"format": "pt"})
    foreign = planned({"big": Teacher(weights=str(renamed))})["big"]
    assert (foreign.given, foreign.start) == (None, Start("teachers.big.weights", str(renamed)))


def test_teachers_of_layers_are_those_of_terms_that_compare_layers():
    named = [("feature_hint", "wide"), ("angular", "twin"), ("fgfi", "dense"), ("angular", "none")]
    assert teachers_of_layers(named) == {"twin", "none"}
    assert teachers_of_layers([]) == set()


@pytest.mark.parametrize(
    ("twins", "students", "expected"),
    [
        (None, None, []),
        ("student.weights", "student.weights", ["student.weights"]),
        ("teachers.twin.weights", "student.weights", ["teachers.twin.weights", "student.weights"]),
        ("teachers.twin.weights", None, ["teachers.twin.weights"]),
    ],
)
def test_each_start_is_tried_once(monkeypatch, twins, students, expected):
    tried = []
    monkeypatch.setattr("search.plan.teachers.load_published", lambda start, *_: tried.append(start.key))
    of_twin, of_student = (None if key is None else Start(key, f"{key}.pth") for key in (twins, students))
    check_starts({"twin": PlannedTeacher("twin", Teacher(), SPEC, of_twin)}, SPEC, of_student)
    assert tried == expected


SEARCHED = "space.terms={{feature_hint: {{teachers: [none, big]}}}}"
TAUGHT = "train.terms={{feature_hint: {{teacher: big}}}}"
TAUGHT_BY_TWIN = "train.terms={{feature_hint: {{teacher: twin}}}}"
SCRATCH = "train.start=scratch"


@pytest.mark.parametrize(
    ("plan", "overrides", "expected"),
    [
        (plan_search, (SEARCHED, "teachers.big.weights={wide}"), {"teachers.big.weights": "wide"}),
        (plan_search, ("teachers.big.weights={wide}",), {"teachers.big.weights": "wide"}),  # though no term names it
        (plan_search, (SEARCHED, "teachers.big.weights={pth}"), {"teachers.big.weights": "pth"}),
        (plan_search, ("student.weights={pth}",), {"student.weights": "pth"}),
        (plan_search, ("student.weights={pth}", "teachers.twin.weights={other}"), {"teachers.twin.weights": "other"}),
        (plan_search, (), {}),
        (plan_training, (TAUGHT, SCRATCH, "teachers.big.weights={wide}"), {"teachers.big.weights": "wide"}),
        (plan_training, (TAUGHT, SCRATCH, "teachers.big.weights={pth}"), {"teachers.big.weights": "pth"}),
        (plan_training, ("teachers.big.weights={wide}",), {}),
        (plan_training, ("student.weights={pth}",), {"student.weights": "pth"}),
        (plan_training, ("student.weights={pth}", SCRATCH), {"student.weights": "pth"}),
        (plan_training, ("student.weights={pth}", "teachers.twin.weights={other}"), {"teachers.twin.weights": "other"}),
        (
            plan_training,
            ("student.weights={pth}", "teachers.twin.weights={other}", SCRATCH, TAUGHT_BY_TWIN),
            {"student.weights": "pth", "teachers.twin.weights": "other"},
        ),
        (plan_training, ("student.weights=imagenet", "student.width=1", SCRATCH, TAUGHT_BY_TWIN), {}),
        (plan_training, (SCRATCH, TAUGHT_BY_TWIN), {}),
    ],
)
def test_the_inputs_of_a_run_are_the_files_that_it_reads(
    tiny_config, wide, tmp_path, monkeypatch, plan, overrides, expected
):
    monkeypatch.setattr("search.plan.plan.check_starts", lambda *_: None)
    paths = {"wide": wide, "pth": tmp_path / "a.pth", "other": tmp_path / "b.pth"}
    for path in paths.values():
        path.touch()
    config = tiny_config(*(one.format(**paths) for one in overrides))
    assert plan(config, None).base.inputs == {key: paths[name] for key, name in expected.items()}
