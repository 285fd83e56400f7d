"""The best candidate of an additive model with pairs of neighbours, exactly; for many tables of values at once."""

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.sites import Options


def best_options(values: NDArray[np.float64], pairs: NDArray[np.float64], one_bit: NDArray[np.bool_]) -> Options:
    """The options of the greatest sum, by dynamic programming along the sites with two states: 1-bit or not.

    values: (tables, sites, widest), -inf where there is no option. pairs: (sites,), what a site and the next one add
    where both are 1-bit. one_bit: (sites, widest). Returns (tables, sites). Of equal sums, it is the same one always.
    """
    by_option = np.ascontiguousarray(values.T)  # (widest, sites, tables): what belongs together lies together
    is_low = one_bit.T[:, :, None]
    wide, low = np.where(is_low, -np.inf, by_option).max(0), np.where(is_low, by_option, -np.inf).max(0)
    state = _states(low - wide, pairs)
    best = np.where(state, low, wide)
    chosen = np.empty(state.shape, dtype=np.int64)
    for option in reversed(range(len(by_option))):
        chosen[(by_option[option] == best) & (is_low[option] == state)] = option
    return chosen.T


def _states(gain: NDArray[np.float64], pairs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which sites (sites, tables) are 1-bit in the best chain.

    gain: what each site's best 1-bit option adds to its best other one, infinite where there is only one kind. It
    becomes how much better the best chain up to a site is with this one 1-bit than with another.
    """
    linked, rows, more = np.flatnonzero(pairs[:-1]), list(gain), np.empty(gain.shape[1])
    for k in linked:
        # The next site gains max(gain + pair, 0) - max(gain, 0) more: in these forms it is finite.
        pair = pairs[k]
        if pair > 0:
            np.minimum(np.maximum(np.add(rows[k], pair, out=more), 0.0, out=more), pair, out=more)
            rows[k + 1] += more
        else:
            rows[k + 1] -= np.minimum(np.maximum(rows[k], 0.0, out=more), -pair, out=more)
    state, paired = gain > 0, gain + pairs[:, None] > 0
    for k in linked[::-1]:
        np.copyto(state[k], paired[k], where=state[k + 1])
    return state
