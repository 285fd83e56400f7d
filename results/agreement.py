"""How far scores order candidates as training does: agreement, and what a choice by score loses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.figures import TRAINED_SEED
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


ANOTHER_TRAINING = "another training"
"""The measure of the row that says how well a training with another seed orders the candidates."""


def agreement(candidates: pd.DataFrame, measures: Sequence[str], cost: str) -> pd.DataFrame:
    """A row for each measure, a column that should order the candidates as `TRAINED` does.

    candidates: a row each, with the columns of the measures, `cost`, `TRAINED`, `ROLE` and `LAYERS`, and those of the
    training seeds. With two seeds or more the last row is `ANOTHER_TRAINING`: each seed's figures as a measure of the
    mean of the other seeds', as means over seeds. It says how well one more training orders them; both sides have
    the noise of a training there, so that a score without such noise may be above it.
    Columns: measure; candidates, how many have both figures, variants left out; tau and spearman over these;
    tau_equal_cost over their pairs of equal cost (`EQUAL_COST`); tau_same_layers over the pairs of the same layers,
    variants among them. Each with its 95 % interval of a bootstrap over candidates (`_low`, `_high`), and the last two
    with the number of pairs (`_pairs`). regret_best: the best trained figure less that of the candidate with the best
    measure. regret_front: the same for each candidate on the measure's own front, against the best trained one that
    costs no more, as a mean.
    """
    rows = [_row(measure, _of_measure(candidates, measure), cost) for measure in measures]
    seeds = [name for name in map(str, candidates.columns) if name.startswith(TRAINED_SEED)]
    if len(seeds) > 1:
        rows.append(_row(ANOTHER_TRAINING, _of_trainings(candidates, seeds), cost))
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class _Orders:
    """What orders candidates, x (S, N), beside what it should order them as, y (S, N), and their rows; S pairs."""

    rows: pd.DataFrame
    x: NDArray[np.float64]
    y: NDArray[np.float64]

    def among(self, chosen: NDArray[np.bool_]) -> _Orders:
        return _Orders(self.rows[chosen], self.x[:, chosen], self.y[:, chosen])


def _of_measure(candidates: pd.DataFrame, measure: str) -> _Orders:
    known = _finite(candidates, [measure, TRAINED])
    return _Orders(known, _columns(known, [measure]), _columns(known, [TRAINED]))


def _of_trainings(candidates: pd.DataFrame, seeds: Sequence[str]) -> _Orders:
    """Each seed's training against the mean of the others'."""
    known = _finite(candidates, seeds)
    x = _columns(known, seeds)
    return _Orders(known, x, (x.sum(axis=0) - x) / (len(seeds) - 1))


def _finite(candidates: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    return candidates[np.isfinite(candidates[list(names)].to_numpy(dtype=np.float64)).all(axis=1)]


def _columns(rows: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    return rows[list(names)].to_numpy(dtype=np.float64).T


def _row(measure: str, known: _Orders, cost: str) -> dict[str, object]:
    main = known.among(known.rows[ROLE].ne(VARIANT).to_numpy())
    costs, layers = main.rows[cost].to_numpy(dtype=np.float64), known.rows[LAYERS].to_numpy()
    return {
        "measure": measure,
        "candidates": len(main.rows),
        **_with_interval("tau", main),
        **_with_interval("spearman", main),
        **_over_pairs("tau_equal_cost", main, equal_costs(costs)),
        **_over_pairs("tau_same_layers", known, np.equal.outer(layers, layers)),
        "regret_best": _mean(lambda x, y: float(y.max() - y[int(np.argmax(x))]), main),
        "regret_front": _mean(lambda x, y: regret_of_front(x, y, costs), main),
    }


def _mean(figure: Callable[[NDArray[np.float64], NDArray[np.float64]], float], orders: _Orders) -> float:
    """The mean of a figure of x and y over the pairs; NaN without candidates."""
    if not len(orders.rows):
        return math.nan
    return float(np.mean([figure(x, y) for x, y in zip(orders.x, orders.y, strict=True)]))


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


def _with_interval(name: str, orders: _Orders) -> dict[str, float]:
    figure = {"tau": kendall_tau_b, "spearman": spearman}[name]
    low, high = bootstrap(lambda drawn: _mean(lambda x, y: figure(x[drawn], y[drawn]), orders), len(orders.rows))
    return {name: _mean(figure, orders), f"{name}_low": low, f"{name}_high": high}


def _over_pairs(name: str, orders: _Orders, compared: NDArray[np.bool_]) -> dict[str, float]:
    """tau-b over some pairs. A candidate without a partner stays out, so that the bootstrap draws those that count."""
    pairs = compared & ~np.eye(len(orders.rows), dtype=np.bool_)
    paired: NDArray[np.bool_] = np.any(pairs, axis=1)
    orders, pairs = orders.among(paired), pairs[np.ix_(paired, paired)]

    def tau(drawn: NDArray[np.intp]) -> float:
        counted = pairs[np.ix_(drawn, drawn)]
        return _mean(lambda x, y: kendall_tau_b(x[drawn], y[drawn], counted), orders)

    low, high = bootstrap(tau, len(orders.rows))
    return {
        name: tau(np.arange(len(orders.rows))),
        f"{name}_low": low,
        f"{name}_high": high,
        f"{name}_pairs": int(pairs.sum()) // 2,
    }
