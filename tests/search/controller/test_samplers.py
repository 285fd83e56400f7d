"""Samplers are fitted to the budget of the run."""

import pytest
from optuna.samplers import TPESampler

from search.controller.samplers import SAMPLERS, startup_trials, usual_population


@pytest.mark.parametrize(("trials", "size"), [(5, 4), (20, 4), (60, 12), (100, 20), (105, 20), (250, 50), (3000, 50)])
def test_the_population_is_an_even_fifth_of_the_budget(trials, size):
    assert usual_population(trials) == size


@pytest.mark.parametrize(("trials", "random"), [(10, 5), (60, 6), (200, 20), (3000, 30)])
def test_tpe_starts_from_a_tenth_of_the_budget(trials, random):
    assert startup_trials(trials) == random


def test_any_sampler_of_optunas_becomes_ours_by_an_entry_in_the_table(monkeypatch, open_controller, drive):
    def univariate(problem):
        startup = startup_trials(problem.trials)
        return lambda seed: TPESampler(seed=seed, multivariate=False, n_startup_trials=startup)

    monkeypatch.setitem(SAMPLERS, "univariate", univariate)
    unbroken = drive(open_controller("unbroken", sampler="univariate", seed=3))
    first = drive(open_controller("resumed", sampler="univariate", seed=3), count=23)
    assert first + drive(open_controller("resumed", sampler="univariate", seed=3)) == unbroken
    assert len(unbroken) == 40


def test_an_entry_of_the_table_sees_the_whole_problem_once_a_study(monkeypatch, open_controller, drive, space, costs):
    problems = []

    def watched(problem):
        problems.append(problem)
        return lambda seed: TPESampler(seed=seed)

    monkeypatch.setitem(SAMPLERS, "watched", watched)
    drive(open_controller(sampler="watched", workers=2, constraints={"ops": 80.0}), count=3)
    expected = {"space": space, "costs": costs, "objectives": ("map50", "bit_ops"), "trials": 40, "workers": 2}
    assert [vars(problem) for problem in problems] == [expected | {"constraints": {"ops": 80.0}}]
    assert problems[0].costs(space.uniform("sign"))["bit_ops"] == 6
