"""What a worker does, in this process: it scores what it is assigned, and lets time pass without anything to score."""

import os
from types import SimpleNamespace

import pytest
import torch

from search.controller.proposal import Proposal
from search.workers.worker import ScoringTrial


class Scorer:
    """Notes what it scores, by the function in its parts; raises at rung 2."""

    def __init__(self, parts):
        self.by, self.scored = parts, []

    def score(self, candidate, rung=0):
        self.scored.append((candidate, rung))
        if rung == 2:
            raise FloatingPointError("the loss is\nnot finite")
        return self.by(candidate)


@pytest.fixture
def worker(monkeypatch, score):
    """A worker with two threads, which this process gets back as they were."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    one = ScoringTrial.__new__(ScoringTrial)
    one.setup({}, parts=score, make_scorer=Scorer, threads=2)
    yield one
    torch.set_num_threads(before)


@pytest.fixture
def candidate(space):
    return space.uniform("sign")


def test_threads_are_limited_for_a_torch_that_is_imported_and_for_one_that_will_be(worker):
    assert torch.get_num_threads() == 2
    assert os.environ["OMP_NUM_THREADS"] == "2"


def test_a_worker_scores_what_it_is_assigned_at_its_rung_once(worker, candidate):
    worker.assign(Proposal(7, candidate, 1).config())
    expected = {"metrics": {"map50": 0.8 - 6 * 0.05, "map50_11": 0.8 - 6 * 0.05}}
    expected["seconds"] = {"adapt": 0.5, "recalibrate": 0.25, "evaluate": 0.25}
    assert worker.step() == {"score": expected}
    assert worker.step() == {}
    assert worker._scorer.scored == [(candidate, 1)]


def test_what_a_score_raises_is_its_result(worker, candidate):
    worker.assign(Proposal(7, candidate, 2).config())
    assert worker.step() == {"failed": "FloatingPointError: the loss is not finite"}


def test_a_worker_without_a_candidate_waits(worker, monkeypatch):
    waited = []
    monkeypatch.setattr("search.workers.worker.time", SimpleNamespace(sleep=waited.append))
    worker.assign(None, idle_seconds=0.75)
    assert worker.step() == {}
    assert waited == [0.75]
