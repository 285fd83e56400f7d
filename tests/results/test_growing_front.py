"""A hypervolume that grows point by point equals the one that is computed at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results import hypervolume, pareto_mask
from results.growing_front import GrowingFront

# A coarse grid: equal coordinates, equal points and points outside the box are frequent.
coordinates = st.integers(0, 6).map(lambda n: n / 5)


def test_the_area_of_a_staircase():
    front = GrowingFront()
    volumes = []
    for point in [(0.5, 0.5), (0.25, 0.75), (0.5, 0.5), (0.75, 0.6), (0.4, 0.4), (0.0, 0.0)]:
        front.add(point)
        volumes.append(front.volume)
    # 1/2 x 1/2; and 1/4 x 1/4 beside it; nothing twice; a worse one; 0.6 x 0.6 and 0.15 x 0.25; the ideal point
    assert volumes == pytest.approx([0.25, 0.3125, 0.3125, 0.3125, 0.3975, 1.0])
    assert front.size == 1


@given(st.sampled_from([2, 3]).flatmap(lambda n: st.lists(st.tuples(*[coordinates] * n), min_size=1, max_size=12)))
def test_it_equals_the_volume_of_all_points(points):
    front = GrowingFront(len(points[0]))
    for count, point in enumerate(points, 1):
        front.add(point)
        assert front.volume == pytest.approx(hypervolume(points[:count], [1.0] * len(point)), abs=1e-12)
        assert front.size == len(np.unique(np.array(points[:count])[pareto_mask(points[:count])], axis=0))


@given(st.lists(st.tuples(*[coordinates] * 3), min_size=1, max_size=8), st.tuples(*[coordinates] * 3))
def test_the_corner_may_be_any_point(points, corner):
    front = GrowingFront(corner=corner)
    for point in points:
        front.add(point)
    assert front.volume == pytest.approx(hypervolume(points, corner), abs=1e-12)
