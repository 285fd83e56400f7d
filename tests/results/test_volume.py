import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from results import hypervolume

SIDE = 6


def grid_points(objectives, max_points=8):
    shape = st.tuples(st.integers(0, max_points), st.just(objectives))
    return arrays(np.float64, shape, elements=st.integers(0, SIDE + 1).map(float))


def any_points(max_points=8):
    return st.sampled_from([2, 3]).flatmap(lambda objectives: grid_points(objectives, max_points))


def reference_of(points):
    return [SIDE] * points.shape[1]


def dominated_cells(points):
    """How many unit cells of the grid below the reference have some point at or below their lower corner."""
    cells = itertools.product(range(SIDE), repeat=points.shape[1])
    return sum(any((point <= cell).all() for point in points) for cell in cells)


def test_one_point_gives_a_rectangle():
    assert hypervolume([[1, 2]], [4, 7]) == (4 - 1) * (7 - 2)


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_a_staircase_has_the_area_of_its_steps(steps):
    # Points (i, steps - 1 - i) under (steps, steps): columns of height 1, 2, ..., steps.
    points = [[step, steps - 1 - step] for step in range(steps)]
    assert hypervolume(points, [steps, steps]) == steps * (steps + 1) / 2


def test_three_rods_along_the_axes_meet_in_one_cube():
    # Each rod is 3 x 1 x 1 cells of a cube of side 3; all three share one cell.
    points = [[0, 2, 2], [2, 0, 2], [2, 2, 0]]
    assert hypervolume(points, [3, 3, 3]) == 3 + 3 + 3 - 2


def test_the_corners_next_to_a_cubes_origin_leave_one_cell():
    assert hypervolume([[0, 0, 1], [0, 1, 0], [1, 0, 0]], [10, 10, 10]) == 10**3 - 1


def test_negated_accuracies_in_percent_are_measured_from_the_given_reference():
    assert hypervolume([[100, -32.5]], [200, 0]) == 100 * 32.5


def test_points_not_better_than_the_reference_add_nothing():
    reference = [4, 4]
    outside = [[4, 0], [0, 4], [5, 5], [np.inf, 0]]
    assert hypervolume(outside, reference) == 0
    assert hypervolume([[1, 1], *outside], reference) == 9


@pytest.mark.parametrize("objectives", [2, 3])
def test_no_points_have_no_volume(objectives):
    assert hypervolume(np.empty((0, objectives)), [1] * objectives) == 0


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_nan_and_minus_infinity_are_refused(bad):
    with pytest.raises(ValueError, match="NaN or -inf in it: leave those points out first"):
        hypervolume([[1, 1], [bad, 9]], [4, 4])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_reference_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="every number in it must be finite"):
        hypervolume([[1, 1]], [4, bad])


@pytest.mark.parametrize("reference", [[1], [1, 2, 3, 4], 1])
def test_one_or_four_objectives_are_refused(reference):
    with pytest.raises(ValueError, match=r"must be \(2,\) or \(3,\)"):
        hypervolume([[1, 1]], reference)


def test_points_of_another_width_than_the_reference_are_refused():
    with pytest.raises(ValueError, match=r"costs has shape \(1, 3\), must be \(points, 2\)"):
        hypervolume([[1, 1, 1]], [4, 4])


@settings(deadline=None)
@given(any_points())
def test_it_counts_the_cells_that_some_point_dominates(points):
    assert hypervolume(points, reference_of(points)) == dominated_cells(points)


@settings(deadline=None)
@given(any_points(max_points=5))
def test_it_is_the_inclusion_exclusion_sum_of_the_boxes(points):
    total = 0.0
    for size in range(1, len(points) + 1):
        for chosen in itertools.combinations(points, size):
            box = np.clip(SIDE - np.max(chosen, axis=0), 0, None).prod()
            total += box * (-1) ** (size + 1)
    assert hypervolume(points, reference_of(points)) == total


@settings(deadline=None)
@given(any_points(), st.data())
def test_another_point_never_makes_it_smaller(points, data):
    more = np.vstack([points, data.draw(arrays(np.float64, points.shape[1], elements=st.integers(0, SIDE).map(float)))])
    assert hypervolume(more, reference_of(points)) >= hypervolume(points, reference_of(points))


@settings(deadline=None)
@given(
    arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(2, 3)), elements=st.floats(0, 1)),
    st.randoms(use_true_random=False),
)
def test_order_and_repetition_change_no_bit_of_it(points, random):
    order = random.sample(range(len(points)), len(points))
    shuffled = np.vstack([points[order], points[:1]])
    reference = [1.1] * points.shape[1]
    assert hypervolume(shuffled, reference) == hypervolume(points, reference)
