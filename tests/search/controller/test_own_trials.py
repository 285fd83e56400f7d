"""The storage of the study in memory, against Optuna's own."""

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import InMemoryStorage

from search.controller.own_trials import OwnTrials

KNOB = optuna.distributions.CategoricalDistribution(["real", "sign"])


def run(storage):
    """Two trials of two knobs, the first enqueued with one of them; and one that still runs."""
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=3))
    study.enqueue_trial({"b": "sign"})
    for value in (0.5, 0.25):
        study.tell(study.ask({"a": KNOB, "b": KNOB}), value)
    study.ask({"a": KNOB})
    return study


def test_trials_are_those_of_optunas_storage():
    ours, optunas = run(OwnTrials()), run(InMemoryStorage())
    for one, other in zip(ours.trials, optunas.trials, strict=True):
        assert (one.params, one.distributions, one.state) == (other.params, other.distributions, other.state)
    assert [set(trial.params) for trial in ours.trials] == [{"a", "b"}, {"a", "b"}, {"a"}]
    assert ours.trials[0].params["b"] == "sign"


def test_a_finished_trial_takes_no_more_parameters():
    study = run(OwnTrials())
    with pytest.raises(UpdateFinishedTrialError):
        study._storage.set_trial_param(study.trials[0]._trial_id, "c", 0.0, KNOB)
