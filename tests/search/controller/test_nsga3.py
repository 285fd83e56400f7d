"""NSGA-III: how many reference points, and which parents survive."""

import optuna
import pytest

from search.controller.generations import Generations
from search.controller.nsga3 import GenerationalNSGAIII, divisions


@pytest.mark.parametrize(
    ("objectives", "size", "parts"),
    [(1, 20, 1), (2, 4, 3), (2, 20, 19), (3, 20, 4), (3, 21, 5), (4, 4, 1), (5, 4, 1)],
)
def test_there_are_no_more_reference_points_than_members(objectives, size, parts):
    """p divisions of M objectives make C(M + p - 1, p) points: p + 1 of two, 15 and 21 for p = 4 and 5 of three."""
    assert divisions(objectives, size) == parts


@pytest.mark.parametrize("second", ["minimize", "maximize"])
def test_parents_are_spread_over_the_front_in_either_direction(second):
    """Nine points on a line, the middle seven close together; reference points at the ends and in the middle.

    With a population of three, the two ends and one of the middle survive, whatever the sign of the second objective.
    """
    sign = 1.0 if second == "minimize" else -1.0
    places = [0.0, *(0.5 + step / 100 for step in range(-3, 4)), 1.0]
    study = optuna.create_study(directions=["minimize", second])
    study.add_trials(optuna.trial.create_trial(values=[place, sign * (1.0 - place)]) for place in places)
    sampler = GenerationalNSGAIII(seed=0, population_size=3, dividing_parameter=2, generations=Generations())
    parents = sorted(trial.values[0] for trial in sampler.get_parent_population(study, 1))
    assert (parents[0], parents[2]) == (0.0, 1.0)
    assert 0.4 < parents[1] < 0.6


def test_the_same_parents_are_chosen_whoever_asks_first():
    study = optuna.create_study(directions=["minimize", "minimize"])
    values = [[float(i), float(40 - i)] for i in range(40)]
    study.add_trials(optuna.trial.create_trial(values=pair) for pair in values)
    chosen = []
    for seed in (1, 2):
        sampler = GenerationalNSGAIII(seed=seed, population_size=10, dividing_parameter=3, generations=Generations())
        chosen.append([trial.number for trial in sampler.get_parent_population(study, 1)])
    assert chosen[0] == chosen[1]
