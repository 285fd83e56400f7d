"""Samplers are fitted to the budget of the run."""

import pytest

from search.controller.samplers import population_size, startup_trials


@pytest.mark.parametrize(("trials", "size"), [(5, 4), (20, 4), (60, 12), (100, 20), (105, 20), (250, 50), (3000, 50)])
def test_the_population_is_an_even_fifth_of_the_budget(trials, size):
    assert population_size(trials) == size


@pytest.mark.parametrize(("trials", "random"), [(10, 5), (60, 6), (200, 20), (3000, 30)])
def test_tpe_starts_from_a_tenth_of_the_budget(trials, random):
    assert startup_trials(trials) == random
