"""The linear model of accuracy in a run's tables: its figures for each candidate, and the effects of choices.

The model is fitted to all complete trials of one rung, whichever sampler proposed them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np

from results.columns import error_column, model_column
from results.effects import AccuracyEffects, Effect
from search.controller.objectives import OBJECTIVES
from search.controller.structured.contrasts import Contrast, contrasts
from search.controller.structured.features import Features
from search.controller.structured.fit import FEWEST_SCORES, Fit
from search.controller.structured.known_costs import KnownCosts
from search.controller.structured.memory import one_bit_options
from search.controller.structured.sites import Options, Sites
from spaces.candidate import Candidate, Value
from spaces.space import SearchSpace

Row = dict[str, object]


class ModelTables:
    """Adds the model's figures to a run's records, and lists its effects; made once for a search space."""

    def __init__(
        self,
        space: SearchSpace,
        costs: Callable[[Candidate], Mapping[str, float]],
        objectives: Sequence[str],
        saved: str,
    ) -> None:
        """saved: the cost whose savings stand beside the effects."""
        self._sites = Sites(space)
        self._costs = KnownCosts(self._sites, costs, {})
        self._features = Features(self._sites, one_bit_options(self._sites, self._costs))
        self._accuracies = [name for name in objectives if OBJECTIVES[name] == "maximize"]
        self._saved = saved

    def of(self, records: Sequence[Row]) -> tuple[list[Row], list[AccuracyEffects]]:
        """The records, those that the model was fitted to with two figures more for each accuracy; effects by accuracy.

        The model is of the complete trials of the highest rung, since scores of different rungs are never compared.
        The figures are NaN, and there are no effects, where the scores are too few.
        """
        complete = [one for one in records if one["state"] == "complete"]
        rung = max((cast(int, one.get("rung", 0)) for one in complete), default=0)
        fitted = [one for one in complete if one.get("rung", 0) == rung]
        if not fitted:
            return list(records), []
        options = np.stack([self._options(one) for one in fitted])
        rows = self._features.rows(options)
        figures: dict[int, dict[str, list[float]]] = {id(one): {} for one in fitted}
        effects = []
        for name in self._accuracies:
            expected = errors = np.full(len(fitted), np.nan)
            if len(fitted) >= FEWEST_SCORES:
                fit = Fit(rows, [cast(float, one[name]) for one in fitted], self._features.group)
                expected, errors = fit.accuracies(rows), fit.errors(rows)
                effects.append(self._effects(name, fit, options))
            for one, mean, error in zip(fitted, expected, errors, strict=True):
                figures[id(one)][name] = [float(mean), float(error)]
        return [_with_figures(one, figures.get(id(one), {})) for one in records], effects

    def _options(self, record: Row) -> Options:
        knobs = {key: cast(Value, value) for key, value in record.items() if "/" in key}
        options = self._sites.options(self._sites.space.complete(Candidate(knobs)))
        if options is None:
            raise ValueError(f"The candidate {record['id']} is none of the search space.")
        return options

    def _effects(self, name: str, fit: Fit, options: Options) -> AccuracyEffects:
        compared = list(contrasts(self._sites, self._features, options))
        combinations = np.array([one.combination for one in compared]).reshape(-1, len(self._features.names))
        fitted = zip(compared, fit.sums(combinations), fit.errors(combinations), strict=True)
        effects = tuple(self._effect(one, float(effect), float(error)) for one, effect, error in fitted)
        return AccuracyEffects(name, self._saved, len(options), fit.noise, fit.r2_left_out, effects)

    def _effect(self, compared: Contrast, effect: float, error: float) -> Effect:
        cost = self._costs.names.index(self._saved)
        whole = self._costs.of(np.zeros((1, len(self._sites)), dtype=np.int64))[0, cost]
        choice, reference = compared.options
        shares = self._costs.shares[cost, compared.site]
        saved = float(shares[reference] - shares[choice])
        return Effect(
            kind=compared.kind,
            knob=compared.knob,
            choice=compared.choice,
            reference=compared.reference,
            effect=effect,
            effect_se=error,
            trials=int(compared.chosen.sum()),
            saved=saved,
            saved_percent=float(100.0 * saved / whole),
        )


def _with_figures(record: Row, figures: Mapping[str, Sequence[float]]) -> Row:
    """The record with the model's figures right behind the accuracies that they are of."""
    row: Row = {}
    for key, value in record.items():
        row[key] = value
        if key in figures:
            row[model_column(key)], row[error_column(key)] = figures[key]
    return row
