"""The statistics of the examples by hand."""

import importlib.util
import math
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def paired():
    spec = importlib.util.spec_from_file_location("paired", EXAMPLES / "paired.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_interval_is_students_of_the_pairs(paired):
    assert paired.interval([0.02]) == "+2.0"
    assert paired.interval([0.01, 0.03]) == "+2.0 ± 12.7"
    assert paired.interval([-0.01, -0.02, -0.03]) == "-2.0 ± 2.5"


@pytest.mark.parametrize(
    ("x", "y", "tau"),
    [
        ([1, 2, 3], [4, 5, 6], 1.0),
        ([1, 2, 3], [6, 5, 4], -1.0),
        ([1, 2, 3], [1, 3, 2], 1 / 3),
        ([1, 1, 2], [1, 2, 3], 2 / math.sqrt(2 * 3)),
    ],
)
def test_tau_b_counts_ties(paired, x, y, tau):
    assert paired.kendall_tau_b(x, y) == pytest.approx(tau)
    assert math.isnan(paired.kendall_tau_b([1, 1], [1, 2]))


def test_a_bootstrap_is_between_the_ends_of_what_it_draws(paired):
    values = [0.0, 1.0, 2.0, 3.0]
    low, high = paired.bootstrap(lambda places: sum(values[place] for place in places) / 4, 4)
    assert 0.0 <= low < 1.5 < high <= 3.0
    assert paired.bootstrap(lambda places: 7.0, 4) == (7.0, 7.0)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([0.02], 1 / 2),
        ([0.01, 0.02, 0.03], 1 / 8),
        ([-0.01, -0.02, -0.03], 1.0),  # above 0 they are not
        ([0.01, 0.02, -0.03], 5 / 8),  # their sum is 0, and so are two of the eight
        ([0.03, 0.03, -0.01], 2 / 8),
    ],
)
def test_signs_are_flipped_in_every_way(paired, differences, p):
    assert paired.sign_flip_p(differences) == p
