"""A teacher is measured on a run's test images once, however many detectors stand beside it."""

import dataclasses

import pytest
from torch import nn

from search.config.schema import Teacher as TeacherSection
from search.plan.teachers import PlannedTeacher
from search.run.folder import RunFolder
from search.stages.teacher_figures import teacher_figures
from spaces.candidate import ALL_REAL
from spaces.detectors import DetectorSpec
from trainers.data.decoding import decode
from trainers.data.formats import data_format
from trainers.data.shapes.writer import SHAPE_CLASSES, write_shapes
from trainers.teacher import Teacher

NETWORKS = {"twin": nn.Identity(), "big": nn.ReLU()}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp("shapes")
    write_shapes(root, sizes={"test": 2}, image_size=64)
    return decode(data_format("voc").image_sets(root).read("test", class_names=SHAPE_CLASSES), 64)


@pytest.fixture
def measured(monkeypatch):
    """The networks that were measured, in order; each time the figure is a higher one."""
    seen = []

    def figures_on(network, data, spread):
        seen.append(type(network).__name__)
        return {"map50": len(seen) / 10}

    monkeypatch.setattr("search.stages.teacher_figures.figures_on", figures_on)
    return seen


@pytest.fixture
def run(tmp_path):
    """The pool, whose `big` is given as a file elsewhere, and a folder whose twin was trained there."""
    folder = RunFolder(tmp_path / "run")
    folder.teacher("twin").parent.mkdir(parents=True)
    folder.teacher("twin").write_bytes(b"the twin")
    (tmp_path / "big.safetensors").write_bytes(b"the big one")
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=4, image_size=96)
    section = TeacherSection(weights=str(tmp_path / "big.safetensors"))
    big = PlannedTeacher("big", section, spec, given=Teacher(NETWORKS["big"], spec, ALL_REAL))
    return {"twin": PlannedTeacher("twin", TeacherSection(), spec), "big": big}, folder


def test_each_is_measured_once(run, measured, images):
    first = teacher_figures(images, *run, NETWORKS)
    assert first == {"twin": {"map50": 0.1}, "big": {"map50": 0.2}}
    assert teacher_figures(images, *run, NETWORKS) == first
    assert teacher_figures(images, *run, {"big": NETWORKS["big"]}) == {"big": {"map50": 0.2}}
    assert measured == ["Identity", "ReLU"]


def test_other_images_and_another_file_are_measured_anew(run, measured, images, tmp_path):
    teacher_figures(images, *run, NETWORKS)
    (tmp_path / "big.safetensors").write_bytes(b"another")
    assert teacher_figures(images, *run, NETWORKS) == {"twin": {"map50": 0.1}, "big": {"map50": 0.3}}
    run[1].teacher("twin").write_bytes(b"trained again")
    assert teacher_figures(images, *run, NETWORKS) == {"twin": {"map50": 0.4}, "big": {"map50": 0.3}}
    others = dataclasses.replace(images, image_ids=("a", "b"))
    assert teacher_figures(others, *run, NETWORKS) == {"twin": {"map50": 0.5}, "big": {"map50": 0.6}}
