"""Which candidates go on: by rank, spread over the front, about one in so many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.pareto import pareto_mask
from search.controller.promotion import Promotions, next_promotion

POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30)


def promote_all(points, reduction, promoted=()):
    """The indices that go on one after another until none does."""
    order = list(promoted)
    while True:
        mask = np.isin(np.arange(len(points)), order)
        index = next_promotion(points, mask, reduction)
        if index is None:
            return order[len(promoted) :]
        order.append(index)


def test_the_front_goes_on_first_spread_over_it_and_of_the_next_rank_what_there_is_room_for():
    """Nine points and a reduction of 2 let four go on: the front of three and one of the two behind it.

    The first of the front goes first, then the end that is farthest from it, then the middle. Of the second rank
    (1, 5) is 1 / 2 from (0, 4) in both objectives, (5, 1) likewise from (4, 0): the earlier one goes.
    """
    points = [(0, 4), (2, 2), (4, 0), (5, 1), (1, 5), (6, 6), (6, 7), (7, 6), (7, 7)]
    assert promote_all(points, 2) == [0, 2, 1, 3]


def test_of_a_rank_as_many_have_gone_on_as_there_is_room_for_whichever_they_were():
    points = [(0, 5), (1, 4), (2, 3), (3, 2), (4, 1), (5, 0)]
    assert promote_all(points, 3) == [0, 5]
    assert promote_all(points, 3, promoted=[2]) == [5]
    assert promote_all(points, 3, promoted=[2, 3]) == []


def test_what_went_on_and_fell_behind_takes_no_room_in_the_front():
    """Six points: two of the front may go on, though (9, 9) has."""
    assert promote_all([(9, 9), (0, 2), (1, 1), (2, 0), (5, 5), (5, 6)], 3, promoted=[0]) == [1, 3]


def test_one_objective_goes_on_in_its_order():
    assert promote_all([[3.0], [1.0], [2.0], [5.0], [4.0], [6.0]], 2) == [1, 2, 0]


@pytest.mark.parametrize("points", [[], [(1, 2)], [(1, 2), (2, 1)]])
def test_too_few_have_no_best_third(points):
    assert next_promotion(np.reshape(points, (-1, 2)), [False] * len(points), 3) is None


@given(points=POINTS, reduction=st.integers(2, 4))
def test_as_many_go_on_as_should_and_none_before_one_that_dominates_it(points, reduction):
    order = promote_all(np.reshape(points, (-1, 2)), reduction)
    assert len(order) == len(set(order)) == len(points) // reduction
    gone = [points[index] for index in order]
    for index, point in enumerate(points):
        if index not in order:
            assert not any(point != other and np.less_equal(point, other).all() for other in gone)
    room = np.array(points, dtype=float).reshape(-1, 2)
    front = set(np.flatnonzero(pareto_mask(room)))
    assert front <= set(order) or set(order) <= front


@given(points=POINTS, order=st.randoms())
def test_scores_that_come_one_by_one_all_let_the_best_third_of_the_end_go_on(points, order):
    """Whoever is in the best third at the end has gone on, however the scores came in; early ones may have, besides."""
    promotions, gone = Promotions(2, 3), []
    for number in order.sample(range(len(points)), len(points)):
        promotions.add(number, 0, points[number])
        while (due := promotions.due()) is not None:
            assert due[1] == 1
            gone.append(due[0])
            promotions.given_out(*due)
    assert len(gone) == len(set(gone)) >= len(points) // 3


def test_the_highest_rung_goes_first_and_the_last_goes_no_further():
    promotions = Promotions(3, 2)
    for number in range(6):
        promotions.add(number, 0, (number, -number))
    assert promotions.due() == (0, 1)
    for number in range(2):
        promotions.given_out(number, 1)
        promotions.add(number, 1, (number, -number))
    assert promotions.due() == (0, 2)
    promotions.given_out(0, 2)
    promotions.add(0, 2, (0, 0))
    assert promotions.due() == (5, 1)
    promotions.given_out(5, 1)
    assert promotions.due() is None
