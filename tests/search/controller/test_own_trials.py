"""The storage of the study in memory, against Optuna's own."""

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import InMemoryStorage

from search.controller.own_trials import OwnTrials, ask_sampled

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


def test_lists_of_trials_are_those_of_optunas_storage():
    ours, optunas = run(OwnTrials()), run(InMemoryStorage())
    numbers = [trial.number for trial in ours.get_trials(deepcopy=False)]
    assert numbers == [trial.number for trial in optunas.get_trials(deepcopy=False)] == [0, 1, 2]
    complete = optuna.trial.TrialState.COMPLETE
    assert [trial.number for trial in ours.get_trials(deepcopy=False, states=[complete])] == [0, 1]
    assert ours.trials[2] is not ours.get_trials(deepcopy=False)[2]


class Joint(optuna.samplers.RandomSampler):
    """Samples two knobs together: real and sign, or what it was given."""

    def __init__(self, b="sign"):
        super().__init__()
        self._b = b

    def infer_relative_search_space(self, study, trial):
        return {"a": KNOB, "b": KNOB}

    def sample_relative(self, study, trial, search_space):
        return {"a": "real", "b": self._b}


def test_parameters_taken_at_once_are_those_taken_one_by_one():
    at_once, one_by_one = (optuna.create_study(storage=OwnTrials(), sampler=Joint()) for _ in range(2))
    ours, optunas = ask_sampled(at_once, {"a": KNOB, "b": KNOB}), one_by_one.ask({"a": KNOB, "b": KNOB})
    assert ours.params == optunas.params == {"a": "real", "b": "sign"}
    assert ours.distributions == optunas.distributions
    told = at_once.tell(ours, 0.5)
    told.params["a"] = "sign"  # of a copy
    assert (at_once.trials[0].params, at_once.trials[0].values) == ({"a": "real", "b": "sign"}, [0.5])


def test_a_value_that_no_knob_offers_is_refused():
    study = optuna.create_study(storage=OwnTrials(), sampler=Joint("int2"))
    with pytest.raises(ValueError, match="int2"):
        ask_sampled(study, {"a": KNOB, "b": KNOB})
