"""Statistics of small samples by hand, and tau-b against a count over all pairs."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.statistics import (
    bootstrap,
    kendall_tau_b,
    paired_interval,
    points_text,
    ranks,
    sign_flip_p,
    spearman,
    student_t_quantile,
)


@pytest.mark.parametrize(
    ("x", "y", "tau"),
    [
        ([1, 2, 3], [4, 5, 6], 1.0),
        ([1, 2, 3], [6, 5, 4], -1.0),
        ([1, 2, 3], [1, 3, 2], 1 / 3),
        ([1, 1, 2], [1, 2, 3], 2 / math.sqrt(2 * 3)),
        ([1, 1, 2, 2], [1, 2, 2, 3], 3 / math.sqrt(4 * 5)),  # two pairs tie in x, one in y, three agree
    ],
)
def test_tau_b_counts_ties(x, y, tau):
    assert kendall_tau_b(x, y) == pytest.approx(tau)


def test_tau_b_of_nothing_but_ties_is_no_number():
    assert math.isnan(kendall_tau_b([1, 1], [1, 2]))
    assert math.isnan(kendall_tau_b([], []))


def test_tau_b_over_some_pairs_leaves_the_others_out():
    compared = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=bool)
    assert kendall_tau_b([1, 2, 3], [1, 3, 2], compared) == 0.0  # of (1, 2) and (2, 3) one agrees


FEW = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=9)


@given(FEW)
def test_tau_b_is_what_a_count_over_all_pairs_gives(points):
    agree = against = tied_x = tied_y = 0
    for (a, b), (c, d) in itertools.combinations(points, 2):
        tied_x += a == c
        tied_y += b == d
        agree += (a - c) * (b - d) > 0
        against += (a - c) * (b - d) < 0
    pairs = math.comb(len(points), 2)
    untied = (pairs - tied_x) * (pairs - tied_y)
    found = kendall_tau_b(*zip(*points, strict=True))
    assert math.isnan(found) if not untied else found == pytest.approx((agree - against) / math.sqrt(untied))


def test_equal_values_share_the_mean_of_their_ranks():
    assert ranks([3.0, 1.0, 3.0, 2.0]).tolist() == [3.5, 1.0, 3.5, 2.0]


def test_spearman_is_the_correlation_of_ranks():
    assert spearman([10, 20, 40], [1, 5, 3]) == pytest.approx(0.5)  # 1 - 6 * (0 + 1 + 1) / (3 * 8)
    assert spearman([1, 1, 2], [1, 2, 3]) == pytest.approx(1.5 / math.sqrt(1.5 * 2))
    assert math.isnan(spearman([1, 1], [1, 2]))


def test_a_bootstrap_is_between_the_ends_of_what_it_draws_and_the_same_for_a_seed():
    values = np.arange(4.0)
    low, high = bootstrap(lambda drawn: float(values[drawn].mean()), 4)
    assert 0.0 <= low < 1.5 < high <= 3.0
    assert bootstrap(lambda drawn: float(values[drawn].mean()), 4) == (low, high)
    assert bootstrap(lambda drawn: 7.0, 4) == (7.0, 7.0)
    assert all(map(math.isnan, bootstrap(lambda drawn: math.nan, 4)))
    assert all(map(math.isnan, bootstrap(lambda drawn: 1.0, 0)))


def test_an_interval_is_students_of_the_pairs():
    assert paired_interval([0.01, 0.03]) == pytest.approx((0.02, 0.127062), abs=1e-6)
    assert points_text([0.02]) == "+2.0"
    assert points_text([0.01, 0.03]) == "+2.0 ± 12.7"
    assert points_text([-0.01, -0.02, -0.03]) == "-2.0 ± 2.5"
    assert paired_interval([0.0] * 5 + [0.1] + [0.2] * 5) == pytest.approx((0.1, 2.228139 * 0.1 / 11**0.5), abs=1e-6)


@pytest.mark.parametrize(
    ("freedom", "t"),
    [
        (1, math.tan(0.95 * math.pi / 2)),  # Cauchy's distribution
        (2, 0.95 * math.sqrt(2 / (1 - 0.95**2))),
        (3, 3.182),  # from here on as printed in tables
        (4, 2.776),
        (9, 2.262),
        (10, 2.228),
        (11, 2.201),
        (30, 2.042),
        (120, 1.980),
        (10_001, 1.960),
    ],
)
def test_students_quantile_is_the_tables_for_any_number_of_degrees(freedom, t):
    assert student_t_quantile(freedom) == pytest.approx(t, abs=1e-9 if freedom < 3 else 5e-4)


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
