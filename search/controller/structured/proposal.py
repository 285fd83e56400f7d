"""One proposal: what is best under a draw from the models, at a price of the costs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.front import added_volumes, log_costs
from search.controller.structured.memory import Memory
from search.controller.structured.sites import Options
from search.controller.structured.tradeoffs import Model, sweep

Array = NDArray[np.float64]

BY_VOLUME = 0.8
"""The share of proposals that add the most hypervolume under the draw. The others have a random price."""
DRAWS, CHANGES, WIDER = 3, 60, 10
"""How many draws, and then how many changes of the last one's candidates, are tried for a new candidate; and after how
many changes one more site is changed."""


def random_options(memory: Memory, rng: np.random.Generator) -> Options:
    """A candidate for the start: methods in random proportions; within the bounds, if a price can do it."""
    options = memory.sites.random(rng)
    if memory.costs.feasible(options[None])[0]:
        return options
    model = _model(memory, _random_values(memory, rng), np.zeros(len(options)))
    within = sweep(model, np.zeros(model.values.shape), memory.costs)
    return within[0] if len(within) else options


def best_options(memory: Memory, rng: np.random.Generator) -> Options | None:
    """One of the candidates that are best under a draw from the models, each at its own price of the costs.

    It is one that was not proposed before. Where several draws have none, it is one choice away from the best. None
    where no price keeps to the bounds. Several accuracies are weighted at random, and several costs too. Draws lie up
    to a whole deviation from the means, at random: while the effects of many choices are little known, the best of a
    whole draw is all that luck makes better than it is.
    """
    for _ in range(DRAWS):
        spread = rng.random()
        drawn = [posterior.draw(rng, spread) for posterior in memory.posteriors()]
        options = sweep(_drawn_model(memory, drawn, rng), _share(memory, rng), memory.costs)
        if not len(options):
            return None
        new = options[[one.tobytes() not in memory.proposed for one in options]]
        if len(new):
            return np.asarray(new[int(np.argmax(_merits(memory, new, drawn, rng)))])
    return _beside(memory, options, rng)


def _beside(memory: Memory, options: Options, rng: np.random.Generator) -> Options:
    """One of the options (N, sites), changed at one site, or at more where that finds none; new and within the bounds.

    It is the first of the options where chance finds no such one: a known candidate, instead of one above the bounds.
    """
    for attempt in range(CHANGES):
        changed = options[rng.integers(len(options))].copy()
        for _ in range(1 + attempt // WIDER):
            site = rng.integers(len(changed))
            changed[site] = rng.choice(np.flatnonzero(memory.sites.offered[site]))
        if changed.tobytes() not in memory.proposed and memory.costs.feasible(changed[None])[0]:
            return changed
    return np.asarray(options[0])


def _model(memory: Memory, values: Array, pairs: Array) -> Model:
    return Model(np.where(memory.sites.offered, values, -np.inf), pairs, memory.features.one_bit)


def _drawn_model(memory: Memory, drawn: Sequence[Array], rng: np.random.Generator) -> Model:
    """The weighted accuracies; without any, what is best is left to chance."""
    if not drawn:
        return _model(memory, _random_values(memory, rng), np.zeros(len(memory.sites)))
    deviations = [posterior.deviation for posterior in memory.posteriors()]
    effects = (_weights(len(drawn), rng) / deviations) @ np.stack(drawn)
    return _model(memory, memory.features.values(effects), memory.features.pairs(effects))


def _random_values(memory: Memory, rng: np.random.Generator) -> Array:
    return rng.standard_normal(memory.sites.offered.shape)


def _share(memory: Memory, rng: np.random.Generator) -> Array:
    """What each option adds (sites, widest) to the weighted costs, each in units of its range; 0 without costs."""
    shares = memory.costs.shares[memory.priced]
    if not len(shares):
        return np.zeros(memory.sites.offered.shape)
    ranges = (shares.max(-1) - shares.min(-1)).sum(-1)
    weights = _weights(len(shares), rng) / np.where(ranges > 0, ranges, 1.0)
    return np.asarray(np.tensordot(weights, shares, 1))


def _weights(count: int, rng: np.random.Generator) -> Array:
    """Weights (count,) that sum to 1, uniformly at random."""
    return rng.dirichlet(np.ones(count)) if count > 1 else np.ones(count)


def _merits(memory: Memory, options: Options, drawn: Sequence[Array], rng: np.random.Generator) -> Array:
    """By what one of the candidates is chosen (N,): added hypervolume or chance; if there are only costs, by these."""
    if not drawn:
        return -memory.costs.of(options)[:, memory.priced].sum(1)
    if len(drawn) == len(memory.priced) == 1 and rng.random() < BY_VOLUME:
        volumes = _added_volumes(memory, options, drawn[0])
        if volumes.max() > 0:
            return volumes
    return rng.random(len(options))


def _added_volumes(memory: Memory, options: Options, effects: Array) -> Array:
    """What each candidate would add to the front of all scored and in flight, every one with its accuracy by the draw.

    A score itself does not count: a lucky one would hide what is better. Volume is over the logarithm of the cost: over
    the cost itself a front that spans a factor of 200 lies between its two dearest members.
    """
    rows, costs = memory.scored_rows()
    if not len(rows):
        return np.zeros(len(options))
    [posterior], [cost] = memory.posteriors(), memory.priced
    before, after = costs[:, cost], memory.costs.of(options)[:, cost]
    dearest = max(memory.costs.dearest(cost), float(before.max()))
    known = log_costs(before, dearest), posterior.accuracies(rows @ effects)
    new = log_costs(after, dearest), posterior.accuracies(memory.features.accuracies(options, effects))
    return added_volumes(known, new, dearest=0.0)
