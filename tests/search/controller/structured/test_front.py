"""What a point adds to a front is the difference of two hypervolumes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from results.volume import hypervolume
from search.controller.structured.front import Front

POINT = st.tuples(st.integers(0, 6), st.integers(0, 6))


def test_gains_worked_out_by_hand():
    """Below the points (1, 1) and (3, 2), up to cost 5 and from accuracy 0 on."""
    front = Front()
    for cost, accuracy in [(3.0, 2.0), (1.0, 1.0), (4.0, 0.0)]:
        front.add(cost, accuracy)
    gains = front.gains(np.array([2.0, 0.0, 3.0, 4.0]), np.array([2.0, 1.0, 3.0, 1.0]), dearest=5.0)
    # between 2 and 3 by 1; between 0 and 1 by 1; between 3 and 5 by 1; dominated
    assert gains.tolist() == [1.0, 1.0, 2.0, 0.0]


@settings(max_examples=60, deadline=None)
@given(points=st.lists(POINT, min_size=1, max_size=8), new=POINT)
def test_a_gain_is_the_hypervolume_with_the_point_less_that_without(points, new):
    front = Front()
    for cost, accuracy in points:
        front.add(float(cost), float(accuracy))
    reference = (7.0, -float(min(accuracy for _, accuracy in points)))
    costs = [(float(cost), -float(accuracy)) for cost, accuracy in points]
    before = hypervolume(costs, reference)
    after = hypervolume([*costs, (float(new[0]), -float(new[1]))], reference)
    [gain] = front.gains(np.array([float(new[0])]), np.array([float(new[1])]), dearest=7.0)
    assert np.isclose(gain, after - before)
