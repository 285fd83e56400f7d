"""The statistics of the examples by hand."""

import math

import pytest
from experiments.paired import bootstrap, interval, kendall_tau_b, sign_flip_p


def test_an_interval_is_students_of_the_pairs():
    assert interval([0.02]) == "+2.0"
    assert interval([0.01, 0.03]) == "+2.0 ± 12.7"
    assert interval([-0.01, -0.02, -0.03]) == "-2.0 ± 2.5"


@pytest.mark.parametrize(
    ("x", "y", "tau"),
    [
        ([1, 2, 3], [4, 5, 6], 1.0),
        ([1, 2, 3], [6, 5, 4], -1.0),
        ([1, 2, 3], [1, 3, 2], 1 / 3),
        ([1, 1, 2], [1, 2, 3], 2 / math.sqrt(2 * 3)),
    ],
)
def test_tau_b_counts_ties(x, y, tau):
    assert kendall_tau_b(x, y) == pytest.approx(tau)
    assert math.isnan(kendall_tau_b([1, 1], [1, 2]))


def test_a_bootstrap_is_between_the_ends_of_what_it_draws():
    values = [0.0, 1.0, 2.0, 3.0]
    low, high = bootstrap(lambda places: sum(values[place] for place in places) / 4, 4)
    assert 0.0 <= low < 1.5 < high <= 3.0
    assert bootstrap(lambda places: 7.0, 4) == (7.0, 7.0)


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
def test_signs_are_flipped_in_every_way(differences, p):
    assert sign_flip_p(differences) == p
