"""A caller's global generators are as before after each call of ours: what he draws next doesn't depend on us."""

import pytest
import torch

from search.comparison.retraining import run_retrain
from search.controller.proposal import Done
from search.stages.evaluate import Reading, run_evaluate
from search.stages.search import run_search
from search.stages.train import run_train
from search.workers.worker import Measured
from trainers.progress import SilentProgress


def scored_here(controller, parts, make_scorer, **_):
    """Stands for `run_trials`: the same scorer, in this process."""
    scorer = make_scorer(parts)
    while not isinstance(proposal := controller.ask(), Done):
        score = scorer.score(proposal.candidate)
        controller.tell(proposal.number, Measured(score.metrics, score.seconds))


@pytest.mark.parametrize("start", ["twin", "scratch"])
def test_a_training_leaves_them(tiny_config, tmp_path, generators, start):
    config = tiny_config(f"train.start={start}", "train.terms={feature_hint: {weight: 1.0}}")
    torch.manual_seed(3)
    with generators:
        run_train(config, tmp_path / "run")


def test_a_search_its_retraining_and_a_measurement_leave_them(tiny_config, tmp_path, generators, monkeypatch):
    """The scores too, which a worker of Ray's has to itself, but not those in a process of the caller's."""
    monkeypatch.setattr("search.stages.trials.run_trials", scored_here)
    terms = {"feature_hint": {"teachers": ["none", "twin"]}}
    config = tiny_config(space={"granularity": "stage", "layers": {"methods": ["real", "dbs"]}, "terms": terms})
    torch.manual_seed(3)
    with generators:
        found = run_search(config, tmp_path / "run")
        run_retrain(tmp_path / "run", found.run.trials["id"][1], epochs=2)
        reading = Reading(root=tmp_path / "run" / "data", format="voc")
        run_evaluate(found.retrained.checkpoint, reading, "cpu", SilentProgress())
