"""Our NSGA-II by Optuna's public interface: it serves a study of anybody's."""

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from search.controller.generations import GENERATION, Generations
from search.controller.nsga2 import GenerationalNSGAII
from search.controller.repeatable import Recorded


@pytest.fixture
def sampler():
    return GenerationalNSGAII(seed=0, population_size=4, generations=Generations())


def objective(trial):
    switched_on = sum(trial.suggest_categorical(f"bit{i}", [0, 1]) for i in range(8))
    return switched_on, switched_on % 3


def test_a_generation_is_as_large_as_the_population(sampler):
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=10)
    assert [sampler.attributes(number)[GENERATION] for number in range(10)] == [0] * 4 + [1] * 4 + [2] * 2
    assert isinstance(sampler, Recorded)


def test_trials_in_flight_and_failed_ones_do_not_fill_a_generation(sampler):
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    trials = [study.ask() for _ in range(6)]  # all proposed before any is complete
    study.tell(trials[0], state=TrialState.FAIL)
    for trial in trials[1:5]:
        study.tell(trial, [1.0, 1.0])
    study.ask()
    assert [sampler.attributes(number)[GENERATION] for number in range(7)] == [0] * 6 + [1]


def test_recorded_generations_are_gone_on_from_and_trials_without_one_count_as_the_first():
    study = optuna.create_study(directions=["minimize", "minimize"])
    recorded = [{GENERATION: 0}, {}, {}, {GENERATION: 0}, {GENERATION: 1}]
    study.add_trials(create_trial(values=[1.0, 2.0], user_attrs=attributes) for attributes in recorded)
    sampler = GenerationalNSGAII(seed=0, population_size=4, generations=Generations())
    study.sampler = sampler
    study.enqueue_trial({}, user_attrs={GENERATION: 0})
    assert [sampler.attributes(study.ask().number)[GENERATION] for _ in range(2)] == [0, 1]
    assert [trial.number for trial in sampler.get_population(study, 0)] == [0, 1, 2, 3]
