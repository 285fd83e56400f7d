"""The distillation term of docs/how-to/extending.md, as it stands there."""

import pytest
import torch
from doc_snippets import snippet_names

from search.config import load_config
from spaces.candidate import Candidate
from spaces.detectors import DetectorOutput, Responses
from trainers.devices import freeze
from trainers.distill import TERMS, Distiller
from trainers.training.detector import Distillation, train_detector
from trainers.training.loop import Task
from trainers.training.settings import TrainSettings

TAUGHT = Candidate({"layer/backbone": "bireal", "teacher/channel_means": "twin", "weight/channel_means": 10.0})


@pytest.fixture
def channel_means():
    with snippet_names('TERMS["channel_means"]'):
        yield TERMS["channel_means"]


def output(**features):
    return DetectorOutput(features, Responses([], [], torch.zeros(0, 4), "softmax", 0), decode=list)


def test_the_pages_term_by_hand(channel_means):
    loss = channel_means.build({"p3": 1, "p4": 1}, {"twin": {"p3": 1, "p4": 1}})
    ours = output(p3=torch.tensor([[[[1.0, 5.0]]]]), p4=torch.tensor([[[[4.0]]]]))
    theirs = output(p3=torch.tensor([[[[0.0, 2.0]]]]), p4=torch.tensor([[[[2.0]]]]))
    # Means 3 against 1 on p3, 4 against 2 on p4.
    assert loss(ours, theirs, "twin").item() == pytest.approx(((3 - 1) ** 2 + (4 - 2) ** 2) / 2)
    moved = output(p3=torch.tensor([[[[5.0, 1.0]]]]), p4=ours.features["p4"])
    assert loss(moved, theirs, "twin").item() == loss(ours, theirs, "twin").item()


def test_a_config_may_name_the_pages_term(channel_means):
    config = load_config("demo", ["space.terms={channel_means: {}}", "train.terms={channel_means: {weight: 10}}"])
    assert config.space.terms["channel_means"].weight == channel_means.weights == (1.0, 100.0)


def test_the_pages_term_trains_a_student_and_with_weight_0_changes_no_bit(channel_means, fixed, blobs):
    teacher = freeze(fixed("real", seed=1))
    data, settings = blobs(4), TrainSettings(epochs=1, batch_size=4)

    def trained(candidate):
        """The student after a step, and the term's adapters."""
        student = fixed("bireal")
        distiller = Distiller(student, {"twin": teacher}, {"channel_means": ["none", "twin"]}) if candidate else None
        distillation = Distillation(candidate, distiller) if candidate else None
        train_detector(student, data, settings, Task(stage="x", seed=0), distillation)
        return student.state_dict(), list(distiller.parameters()) if distiller else []

    alone, _ = trained(None)
    taught, adapters = trained(TAUGHT)
    idle, untouched = trained(TAUGHT.replace({"weight/channel_means": 0.0}))
    assert any(not torch.equal(taught[name], alone[name]) for name in alone)
    assert all(torch.equal(idle[name], alone[name]) for name in alone)
    assert all(not torch.equal(a, torch.eye(len(a))[..., None, None]) for a in adapters)
    assert all(torch.equal(a, torch.eye(len(a))[..., None, None]) for a in untouched)
    assert len(adapters) == len(untouched) > 0
