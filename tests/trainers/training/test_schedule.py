import math

import pytest

from trainers.training.schedule import warmed_cosine


def test_the_rate_rises_falls_along_a_cosine_and_ends_at_a_fiftieth():
    rate = warmed_cosine(100)
    assert [rate(step) for step in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert rate(5 + 95 / 2) == pytest.approx((1 + 0.02) / 2)
    assert rate(100) == rate(1000) == pytest.approx(0.02)
    assert all(rate(step) > rate(step + 1) for step in range(5, 99))
    assert warmed_cosine(1)(0) == 1.0
    assert all(math.isfinite(warmed_cosine(2)(step)) for step in range(5))
