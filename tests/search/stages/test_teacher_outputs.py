"""Which teachers' outputs a search keeps, and when it keeps none."""

import pytest
import torch

from search.config import load_config
from search.plan.plan import plan_search
from search.run.folder import RunFolder
from search.stages.teacher_outputs import description, teacher_outputs
from spaces.candidate import ALL_REAL, Candidate
from spaces.detectors import DetectorSpec
from trainers.devices import freeze
from trainers.teacher import Teacher

CONFIG = """
name: kept
data: {format: shapes, image_size: 96}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {big: {}, other: {}, idle: {}}
ensemble: {members: [big, other]}
space:
  terms:
    feature_hint: {teachers: [none, ensemble]}
    angular: {teachers: [none, twin]}
"""


@pytest.fixture
def kept(tmp_path, fixed, spec, blobs, recorded_progress):
    """From overrides to what is kept, and what is said."""
    file = tmp_path / "kept.yaml"
    file.write_text(CONFIG)
    teachers = {
        name: Teacher(freeze(fixed("real", seed=seed)), spec, Candidate({}))
        for seed, name in enumerate(("twin", "big", "other", "idle"))
    }

    def kept(*overrides, two_stage=False):
        progress = recorded_progress()
        if two_stage:
            for teacher in teachers.values():
                teacher.network.counted_proposals = 300
        config = load_config(file, list(overrides))
        outputs = teacher_outputs(
            plan_search(config, None, begun=True).base, RunFolder(tmp_path), teachers, blobs(4), progress
        )
        return outputs, progress.notes

    return kept


def test_an_ensembles_members_are_kept_and_nobody_whose_outputs_no_term_reads(kept, tmp_path):
    known, told = kept()
    assert list(known) == ["big", "other"]
    assert told == []
    assert len(list((tmp_path / "teacher_outputs").iterdir())) == 2


def test_above_the_limit_none_is_kept_and_that_is_said(kept, tmp_path):
    known, told = kept("scoring.teacher_cache_mb=0.01")
    assert known == {}
    assert len(told) == 2
    assert "The outputs of teacher big on 4 images would take" in told[0]
    assert not (tmp_path / "teacher_outputs").exists()


def test_as_many_teachers_as_the_limit_holds(kept):
    one = sum(array.nbytes for array in kept()[0]["big"].arrays.values()) / 2**20
    known, (told,) = kept(f"scoring.teacher_cache_mb={1.5 * one}")
    assert list(known) == ["big"]
    assert "teacher other" in told


def test_what_no_term_reads_is_not_kept(kept):
    features, responses = "features/p2", "cls/0"
    known, _ = kept()
    assert features in known["big"].arrays
    assert responses not in known["big"].arrays
    terms = "{response_cls: {teachers: [big]}, joint_box: {teachers: [other]}, feature_hint: {teachers: [other]}}"
    known, _ = kept(f"space.terms={terms}")
    assert features not in known["big"].arrays
    assert responses in known["big"].arrays
    assert {features, responses} <= set(known["other"].arrays)


def test_two_stage_teachers_are_asked_about_each_students_proposals(kept):
    terms = "{joint_cls: {teachers: [big]}, feature_hint: {teachers: [other]}}"
    known, _ = kept(f"space.terms={terms}", two_stage=True)
    assert list(known) == ["other"]
    known, _ = kept("space.terms={response_cls: {teachers: [big]}}", two_stage=True)  # reads first stages
    assert list(known) == ["big"]


@pytest.mark.parametrize(
    ("detector", "heads", "described"),
    [("faster_rcnn_resnet18", None, "light"), ("gfl_resnet18", "light", "light"), ("gfl_resnet18", "full", "full")],
)
def test_the_key_of_saved_outputs_names_the_heads_as_earlier_versions_did(detector, heads, described):
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=96, heads=heads)
    assert description(Teacher(torch.nn.Identity(), spec, ALL_REAL)) == {
        "detector": detector,
        "num_classes": 3,
        "image_size": 96,
        "width": 1.0,
        "heads": described,
        "candidate": {},
    }
