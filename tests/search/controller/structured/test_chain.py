"""The best options along the chain are those that trying all of them finds."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from search.controller.structured.chain import best_options


def total(values, pairs, one_bit, options):
    both = [pairs[k] for k in range(len(options) - 1) if one_bit[k, options[k]] and one_bit[k + 1, options[k + 1]]]
    return sum(values[k, option] for k, option in enumerate(options)) + sum(both)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), sites=st.integers(1, 5), widest=st.integers(1, 3), tables=st.integers(1, 3))
def test_the_sum_is_the_greatest_of_all(seed, sites, widest, tables):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(tables, sites, widest))
    values[:, rng.random((sites, widest)) < 0.3] = -np.inf
    values[:, :, 0] = rng.normal(size=(tables, sites))  # one option at least
    pairs, one_bit = rng.normal(size=sites), rng.random((sites, widest)) < 0.5
    for table, found in zip(values, best_options(values, pairs, one_bit), strict=True):
        every = itertools.product(range(widest), repeat=sites)
        expected = max(total(table, pairs, one_bit, options) for options in every)
        assert np.isclose(total(table, pairs, one_bit, found), expected)


def test_a_pair_is_worth_more_than_what_its_layers_lose():
    """Each of two layers loses 1 by being 1-bit; together they gain 3."""
    values, one_bit = np.array([[[0.0, -1.0], [0.0, -1.0]]]), np.array([[False, True], [False, True]])
    assert best_options(values, np.array([3.0, 0.0]), one_bit).tolist() == [[1, 1]]
    assert best_options(values, np.array([1.0, 0.0]), one_bit).tolist() == [[0, 0]]


def test_each_table_has_its_own_options():
    values = np.array([[[0.0, 1.0]], [[0.0, -1.0]]])
    assert best_options(values, np.zeros(1), np.zeros((1, 2), dtype=bool)).tolist() == [[1], [0]]
