"""Trained detectors that are given as teachers, of another shape than the config or a term asks for."""

import pytest

from search.plan.plan import plan_search
from search.stages.search import run_search
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError
from trainers.data.shapes.writer import SHAPE_CLASSES
from trainers.detector_file import save_detector
from trainers.progress import SilentProgress

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=len(SHAPE_CLASSES), image_size=96, width=0.125)


@pytest.fixture
def half(tmp_path):
    """A detector twice as wide as the student, and its shape."""
    path, shape = tmp_path / "half.safetensors", DetectorSpec(**{**vars(SPEC), "width": 0.25})
    save_detector(path, build_fixed(shape, Candidate({})), shape, Candidate({}), SHAPE_CLASSES)
    return path, shape


@pytest.mark.parametrize(
    ("name", "spec", "layers", "classes", "message"),
    [
        ("twin", {"width": 0.25}, {}, SHAPE_CLASSES, "the twin must have the student's shape"),
        ("big", {"width": 0.25}, {"layer/backbone": "sign"}, SHAPE_CLASSES, "it has layers that are sign, and teacher"),
        ("big", {}, {"layer/backbone.layer1": "int8"}, SHAPE_CLASSES, "it has layers that are int8, and teachers are"),
        ("big", {"image_size": 128}, {}, SHAPE_CLASSES, "it was trained at 128 pixels, but data.image_size is 96"),
        ("big", {}, {}, SHAPE_CLASSES[::-1], "it knows the classes .*, but the data has"),
    ],
)
def test_a_given_teacher_that_does_not_fit_is_refused_before_anything_is_written(
    tiny_config, tmp_path, name, spec, layers, classes, message
):
    path = tmp_path / "given.safetensors"
    shape = DetectorSpec(**{**vars(SPEC), **spec})
    candidate = Candidate(layers)
    save_detector(path, build_fixed(shape, candidate), shape, candidate, classes)
    with pytest.raises(CheckpointError, match=rf"teachers\.{name}\.weights: .*given\.safetensors can't be .*{message}"):
        run_search(tiny_config(f"teachers.{name}.weights={path}"), tmp_path / "run", None, SilentProgress())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("width=0.5", "it is one of width 0.25, but the config says 0.5"),
        ("detector=ssd_vgg16", "it is one of detector ssd_resnet18, but the config says ssd_vgg16"),
    ],
)
def test_a_given_teacher_that_is_not_what_the_config_says_is_refused(tiny_config, half, said, message):
    path, shape = half
    with pytest.raises(CheckpointError, match=rf"teachers\.half\.weights: .* can't be this teacher: {message}"):
        plan_search(tiny_config(f"teachers.half.weights={path}", f"teachers.half.{said}"), None)
    plan = plan_search(tiny_config(f"teachers.half.weights={path}", "teachers.half.width=0.25"), None)
    assert plan.base.teachers["half"].spec == shape


def test_a_given_teacher_of_another_shape_may_not_teach_layers(tiny_config, half):
    path, _ = half
    overrides = [f"teachers.half.weights={path}", "space.terms.angular.teachers=[twin, half]"]
    message = (
        r"teachers\.half\.weights: .* it is a ssd_resnet18 of width 0.25, but it teaches a term that compares layers"
    )
    with pytest.raises(CheckpointError, match=message):
        plan_search(tiny_config(*overrides), None)
