import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from results import knee, pareto_mask
from results.pareto import pareto_ranks

# Few distinct values, so that ties and equal points are common.
SMALL = st.integers(-4, 4).map(float)


def costs(max_points=12):
    shapes = st.tuples(st.integers(0, max_points), st.integers(1, 4))
    return shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=SMALL))


def dominates(one, other):
    return bool((one <= other).all() and (one < other).any())


def test_a_staircase_stays_and_the_point_inside_it_goes():
    assert pareto_mask([[1, 3], [2, 2], [3, 1], [3, 2]]).tolist() == [True, True, True, False]


def test_equal_points_all_stay_and_all_go_together():
    assert pareto_mask([[1, 2], [1, 2], [2, 3], [2, 3]]).tolist() == [True, True, False, False]


def test_minus_zero_and_zero_are_equal():
    assert pareto_mask([[0.0, 1.0], [-0.0, 1.0]]).tolist() == [True, True]


def test_points_that_are_not_finite_are_off_the_front_and_dominate_nothing():
    points = [[np.nan, 0], [-np.inf, 0], [0, np.inf], [5, 5]]
    assert pareto_mask(points).tolist() == [False, False, False, True]


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_no_points_give_an_empty_mask(objectives):
    mask = pareto_mask(np.empty((0, objectives)))
    assert mask.shape == (0,)
    assert mask.dtype == np.bool_


@pytest.mark.parametrize("shape", [(3,), (3, 0), (2, 2, 2)])
def test_costs_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"costs has shape .* must be \(points, objectives\)"):
        pareto_mask(np.zeros(shape))


@settings(deadline=None)
@given(costs())
def test_a_point_is_on_the_front_iff_no_other_dominates_it(points):
    expected = [not any(dominates(other, point) for other in points) for point in points]
    assert pareto_mask(points).tolist() == expected


@settings(deadline=None)
@given(costs(), st.sampled_from([np.exp, np.cbrt, lambda values: 3 * values - 7]))
def test_a_rising_rescaling_of_an_axis_leaves_the_mask(points, rescale):
    rescaled = points.copy()
    rescaled[:, 0] = rescale(points[:, 0])
    assert pareto_mask(rescaled).tolist() == pareto_mask(points).tolist()


@settings(deadline=None)
@given(costs(), st.randoms(use_true_random=False))
def test_the_order_of_the_points_does_not_matter(points, random):
    order = random.sample(range(len(points)), len(points))
    assert pareto_mask(points[order]).tolist() == pareto_mask(points)[order].tolist()


def test_ten_thousand_points_take_no_time():
    points = np.random.default_rng(0).random((10_000, 2))
    start = time.process_time()
    pareto_mask(points)
    assert time.process_time() - start < 0.5


def test_the_knee_is_farthest_above_the_chord_with_cost_on_a_log_scale():
    # Heights: 10 is half way and 0.9 up (+0.4); 31.6 is three quarters of the way and 0.95 up (+0.2).
    assert knee([[1, 0.0], [10, 0.9], [31.6, 0.95], [100, 1.0]]) == 1


def test_the_knee_ignores_points_off_the_front():
    assert knee([[1, 0.0], [11, 0.8], [10, 0.9], [100, 1.0]]) == 2


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([[5, 0.5]], 0),
        ([[9, 0.9], [5, 0.5]], 1),
        ([[1, 0.0], [10, 0.5], [100, 1.0]], 0),
        ([[1, 0.0], [10, 0.1], [100, 1.0]], 0),
    ],
    ids=["one point", "two points", "on the chord", "below the chord"],
)
def test_without_a_point_above_the_chord_the_knee_is_the_cheaper_end(points, expected):
    assert knee(points) == expected


def test_equally_high_points_give_the_cheaper_and_equal_points_the_earlier():
    # 10 of 1000 is a third of the way, 100 two thirds: both lie 1/3 above the chord.
    assert knee([[1000, 3.0], [100, 3 - 1e-12], [10, 2.0], [10, 2.0], [1, 0.0]]) == 2


@pytest.mark.parametrize("points", [[], [[np.nan, 1.0]]])
def test_a_knee_needs_a_point(points):
    with pytest.raises(ValueError, match="at least one must have a finite cost and accuracy"):
        knee(np.reshape(points, (-1, 2)))


def test_a_knee_needs_costs_above_zero():
    with pytest.raises(ValueError, match="lowest cost on the front is 0; a knee on a log scale needs costs above 0"):
        knee([[0, 0.5], [1, 0.6]])


def test_a_knee_needs_two_columns():
    with pytest.raises(ValueError, match=r"points has shape \(1, 3\), must be \(points, 2\)"):
        knee([[1, 2, 3]])


@settings(deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 15), st.just(2)), elements=st.integers(1, 50).map(float)))
def test_the_knee_lies_on_the_front_and_nothing_on_it_is_higher(points):
    found = knee(points)
    front = points[pareto_mask(points * [1, -1])]
    assert points[found].tolist() in front.tolist()
    ends = front[np.argsort(front[:, 0])][[0, -1]]
    if ends[0, 0] < ends[1, 0]:
        along = np.log(np.append(front[:, 0], points[found, 0]) / ends[0, 0]) / np.log(ends[1, 0] / ends[0, 0])
        up = (np.append(front[:, 1], points[found, 1]) - ends[0, 1]) / (ends[1, 1] - ends[0, 1])
        heights = up - along
        assert heights[-1] == pytest.approx(heights.max(), abs=1e-8)


def test_ranks_are_the_fronts_of_what_is_left():
    points = [[1, 3], [2, 2], [2, 3], [3, 3], [3, 1], [2, 3], [np.nan, 0]]
    assert pareto_ranks(points).tolist() == [0, 0, 1, 2, 0, 1, 3]
    assert pareto_ranks([[3.0], [1.0], [2.0], [1.0]]).tolist() == [2, 0, 1, 0]
    assert pareto_ranks(np.empty((0, 2))).tolist() == []


@given(st.integers(1, 4).flatmap(lambda d: st.lists(st.tuples(*[st.integers(-3, 3)] * d), min_size=1, max_size=25)))
def test_each_rank_is_the_front_without_those_before_it(rows):
    points = np.array(rows, dtype=float)
    ranks = pareto_ranks(points)
    for rank in range(ranks.max() + 1):
        left = ranks >= rank
        assert ((ranks[left] == rank) == pareto_mask(points[left])).all()
