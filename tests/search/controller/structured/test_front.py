"""What a point adds to a front is the difference of two hypervolumes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from results.volume import hypervolume
from search.controller.structured.front import added_volumes, log_costs

POINT = st.tuples(st.integers(0, 6), st.integers(0, 6))


def points(pairs):
    return tuple(np.array(pairs, dtype=float).T)


def test_volumes_worked_out_by_hand():
    """Above the points (1, 1) and (3, 2), up to cost 5 and from accuracy 0 on."""
    added = added_volumes(points([(3, 2), (1, 1), (4, 0)]), points([(2, 2), (0, 1), (3, 3), (4, 1)]), dearest=5.0)
    # between 2 and 3 by 1; between 0 and 1 by 1; between 3 and 5 by 1; dominated
    assert added.tolist() == [1.0, 1.0, 2.0, 0.0]


def test_costs_on_their_logarithm_end_at_the_dearest_and_at_a_ten_thousandth_of_it():
    shares = log_costs(np.array([100.0, 10.0, 0.005, 0.0]), dearest=100.0) / np.log(10)
    np.testing.assert_allclose(shares, [0.0, -1.0, -4.0, -4.0])
    assert log_costs(np.zeros(2), dearest=0.0).tolist() == [0.0, 0.0]


def test_a_member_in_the_middle_of_a_wide_front_adds_more_over_the_logarithm():
    """Costs 1, 10 and 100 beside a known 1 with 0.2 and 100 with 0.4: 10 with 0.35 adds 0.15 of half of the axis."""
    known, new = np.array([1.0, 100.0]), np.array([10.0, 50.0])
    added = added_volumes(
        (log_costs(known, 100.0), np.array([0.2, 0.4])), (log_costs(new, 100.0), np.array([0.35, 0.4])), dearest=0.0
    )
    np.testing.assert_allclose(added, [0.15 * np.log(10), 0.2 * np.log(2)])


@settings(max_examples=60, deadline=None)
@given(known=st.lists(POINT, min_size=1, max_size=8), new=POINT)
def test_it_is_the_hypervolume_with_the_point_less_that_without(known, new):
    reference = (7.0, -float(min(accuracy for _, accuracy in known)))
    costs = [(float(cost), -float(accuracy)) for cost, accuracy in known]
    before = hypervolume(costs, reference)
    after = hypervolume([*costs, (float(new[0]), -float(new[1]))], reference)
    [added] = added_volumes(points(known), points([new]), dearest=7.0)
    assert np.isclose(added, after - before)
