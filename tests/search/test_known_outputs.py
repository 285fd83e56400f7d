"""Which teachers' outputs a search keeps, and when it keeps none."""

import pytest

from search.config import load_config
from search.known_outputs import known_outputs
from search.run_folder import RunFolder
from spaces.candidate import Candidate
from trainers.loop import freeze
from trainers.progress import SilentProgress
from trainers.scorer_parts import Teacher

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


class Notes(SilentProgress):
    def __init__(self):
        self.told = []

    def note(self, text):
        self.told.append(text)


@pytest.fixture
def kept(tmp_path, fixed, spec, blobs):
    """From overrides to what is kept, and what is said."""
    file = tmp_path / "kept.yaml"
    file.write_text(CONFIG)
    teachers = {
        name: Teacher(freeze(fixed("real", seed=seed)), spec, Candidate({}))
        for seed, name in enumerate(("twin", "big", "other", "idle"))
    }

    def kept(*overrides):
        notes = Notes()
        config = load_config(file, list(overrides))
        return known_outputs(config, RunFolder(tmp_path), teachers, blobs(4), notes), notes.told

    return kept


def test_an_ensembles_members_are_kept_and_nobody_whose_outputs_no_term_reads(kept, tmp_path):
    known, told = kept()
    assert list(known) == ["big", "other"]
    assert told == []
    assert len(list((tmp_path / "teacher_outputs").iterdir())) == 2


def test_above_the_limit_none_is_kept_and_that_is_said(kept, tmp_path):
    known, (told,) = kept("scoring.teacher_cache_mb=0.1")
    assert known == {}
    assert "The teachers' outputs on 4 images would take" in told
    assert not (tmp_path / "teacher_outputs").exists()
