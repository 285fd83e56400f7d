"""Samplers are fitted to the budget of the run."""

import pytest
from optuna.samplers import TPESampler

from search.controller.samplers import SAMPLERS, population_size, startup_trials


@pytest.mark.parametrize(("trials", "size"), [(5, 4), (20, 4), (60, 12), (100, 20), (105, 20), (250, 50), (3000, 50)])
def test_the_population_is_an_even_fifth_of_the_budget(trials, size):
    assert population_size(trials) == size


@pytest.mark.parametrize(("trials", "random"), [(10, 5), (60, 6), (200, 20), (3000, 30)])
def test_tpe_starts_from_a_tenth_of_the_budget(trials, random):
    assert startup_trials(trials) == random


def test_any_sampler_of_optunas_becomes_ours_by_an_entry_in_the_table(monkeypatch, open_controller, drive):
    def univariate(trials, workers):
        return lambda seed: TPESampler(seed=seed, multivariate=False, n_startup_trials=startup_trials(trials))

    monkeypatch.setitem(SAMPLERS, "univariate", univariate)
    unbroken = drive(open_controller("unbroken", sampler="univariate", seed=3))
    first = drive(open_controller("resumed", sampler="univariate", seed=3), count=23)
    assert first + drive(open_controller("resumed", sampler="univariate", seed=3)) == unbroken
    assert len(unbroken) == 40
