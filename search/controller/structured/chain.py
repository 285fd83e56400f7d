"""The best candidate of an additive model with pairs of neighbours, exactly; for many tables of values at once."""

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.sites import Options


def best_options(values: NDArray[np.float64], pairs: NDArray[np.float64], one_bit: NDArray[np.bool_]) -> Options:
    """The options of the greatest sum, by dynamic programming along the sites with two states: 1-bit or not.

    values: (tables, sites, widest), -inf where there is no option. pairs: (sites,), what a site and the next one add
    where both are 1-bit. one_bit: (sites, widest). Returns (tables, sites). Of equal sums, it is the same one always.
    """
    tables, sites, _ = values.shape
    by_state = np.stack([np.where(one_bit, -np.inf, values), np.where(one_bit, values, -np.inf)])
    option = by_state.argmax(-1)  # (2, tables, sites)
    best = np.take_along_axis(by_state, option[..., None], -1)[..., 0]
    before = np.zeros((sites, 2, tables), dtype=np.bool_)  # the state of the site before, for each state of this one
    wide, low = best[0, :, 0], best[1, :, 0]
    for k in range(1, sites):
        paired = low + pairs[k - 1]
        np.greater(low, wide, out=before[k, 0])
        np.greater(paired, wide, out=before[k, 1])
        wide, low = np.maximum(wide, low) + best[0, :, k], np.maximum(wide, paired) + best[1, :, k]
    state = (low > wide).astype(np.int64)
    chosen = np.empty((tables, sites), dtype=np.int64)
    every = np.arange(tables)
    for k in reversed(range(sites)):
        chosen[:, k] = option[state, every, k]
        state = before[k, state, every].astype(np.int64)
    return chosen
