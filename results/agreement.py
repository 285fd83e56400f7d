"""How far scores order candidates as training does: agreement, and what a choice by score loses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.pareto import pareto_mask
from results.statistics import bootstrap, kendall_tau_b, spearman

TRAINED = "trained"
"""The column with the mean figure of the trained candidates."""
ROLE = "role"
VARIANT: Final = "variant"
"""The value of the column `ROLE`, which says why a candidate was chosen, for one with the layers of another."""
LAYERS = "layers"
"""The column that numbers the different choices of layers."""

EQUAL_COST = 1.1
"""Costs whose ratio is at most this count as equal."""


def agreement(candidates: pd.DataFrame, measures: Sequence[str], cost: str) -> pd.DataFrame:
    """A row for each measure, a column that should order the candidates as `TRAINED` does.

    candidates: a row each, with the columns of the measures, `cost`, `TRAINED`, `ROLE` and `LAYERS`.
    Columns: measure; candidates, how many have both figures, variants left out; tau and spearman over these;
    tau_equal_cost over their pairs of equal cost (`EQUAL_COST`); tau_same_layers over the pairs of the same layers,
    variants among them. Each with its 95 % interval of a bootstrap over candidates (`_low`, `_high`), and the last two
    with the number of pairs (`_pairs`). regret_best: the best trained figure less that of the candidate with the best
    measure. regret_front: the same for each candidate on the measure's own front, against the best trained one that
    costs no more, as a mean.
    """
    return pd.DataFrame([_row(candidates, measure, cost) for measure in measures])


def _row(candidates: pd.DataFrame, measure: str, cost: str) -> dict[str, object]:
    known = candidates[np.isfinite(candidates[[measure, TRAINED]].to_numpy(dtype=np.float64)).all(axis=1)]
    main = known[known[ROLE] != VARIANT]
    x, y, costs = (main[name].to_numpy(dtype=np.float64) for name in (measure, TRAINED, cost))
    return {
        "measure": measure,
        "candidates": len(main),
        **_with_interval("tau", x, y),
        **_with_interval("spearman", x, y),
        **_over_pairs("tau_equal_cost", x, y, equal_costs(costs)),
        **_over_pairs("tau_same_layers", *_same_layers(known, measure)),
        "regret_best": float(y.max() - y[int(np.argmax(x))]) if len(y) else math.nan,
        "regret_front": regret_of_front(x, y, costs),
    }


def equal_costs(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which pairs cost the same, up to `EQUAL_COST`: bool (N, N)."""
    larger, smaller = np.maximum.outer(costs, costs), np.minimum.outer(costs, costs)
    return np.asarray(larger <= smaller * EQUAL_COST, dtype=np.bool_)


def regret_of_front(measure: NDArray[np.float64], trained: NDArray[np.float64], costs: NDArray[np.float64]) -> float:
    """What the front by a measure loses: the best trained figure at a member's cost or less, minus its own; the mean.

    All arrays (N,). NaN without candidates.
    """
    on_front = np.flatnonzero(pareto_mask(np.stack([costs, -measure], axis=1)))
    losses = [float(trained[costs <= costs[one]].max() - trained[one]) for one in on_front]
    return float(np.mean(losses)) if losses else math.nan


def _same_layers(
    known: pd.DataFrame, measure: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    x, y, layers = (known[name].to_numpy(dtype=np.float64) for name in (measure, TRAINED, LAYERS))
    return x, y, np.equal.outer(layers, layers)


def _with_interval(name: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, float]:
    figure = {"tau": kendall_tau_b, "spearman": spearman}[name]
    low, high = bootstrap(lambda drawn: figure(x[drawn], y[drawn]), len(x))
    return {name: figure(x, y) if len(x) else math.nan, f"{name}_low": low, f"{name}_high": high}


def _over_pairs(
    name: str, x: NDArray[np.float64], y: NDArray[np.float64], compared: NDArray[np.bool_]
) -> dict[str, float]:
    """tau-b over some pairs. A candidate without a partner stays out, so that the bootstrap draws those that count."""
    pairs = compared & ~np.eye(len(x), dtype=np.bool_)
    paired = pairs.any(axis=1)
    x, y, pairs = x[paired], y[paired], pairs[np.ix_(paired, paired)]
    low, high = bootstrap(lambda drawn: kendall_tau_b(x[drawn], y[drawn], pairs[np.ix_(drawn, drawn)]), len(x))
    value = kendall_tau_b(x, y, pairs) if len(x) else math.nan
    return {name: value, f"{name}_low": low, f"{name}_high": high, f"{name}_pairs": int(pairs.sum()) // 2}
