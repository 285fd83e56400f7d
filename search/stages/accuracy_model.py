"""The linear model of accuracy in a run's tables: its figures for each candidate, and the effects of choices.

The model is fitted to all complete trials, whichever sampler proposed them; each rung has a model of its own, since
scores of different rungs aren't comparable.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np

from results.columns import error_column, model_column
from results.effects import ACCURACY_SCALE, LOGARITHM_SCALE, AccuracyEffects, Effect
from search.controller.objectives import OBJECTIVES
from search.controller.structured.contrasts import Contrast, contrasts
from search.controller.structured.features import Features
from search.controller.structured.fit import FEWEST_SCORES, Fit
from search.controller.structured.known_costs import KnownCosts
from search.controller.structured.memory import one_bit_options
from search.controller.structured.scales import LOGARITHM
from search.controller.structured.sites import Options, Sites
from spaces.candidate import Candidate, Value
from spaces.space import SearchSpace

Row = dict[str, object]
Figures = dict[str, list[float]]
"""By accuracy: the model's mean and its standard error."""


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
        """The records, complete ones with two figures more for each accuracy, and the effects by accuracy.

        The figures are NaN, and there are no effects, where the scores of the rung are too few. The effects are those
        of the highest rung that has any.
        """
        figures: dict[object, Figures] = {}
        effects: list[AccuracyEffects] = []
        complete = [record for record in records if record["state"] == "complete"]
        for rung in sorted({_rung(record) for record in complete}):
            scores = [record for record in complete if _rung(record) == rung]
            modelled, of_rung = self._of_rung(scores)
            figures |= {(record["number"], rung): one for record, one in zip(scores, modelled, strict=True)}
            effects = of_rung or effects
        return [_with_figures(one, figures.get((one["number"], _rung(one)), {})) for one in records], effects

    def _of_rung(self, complete: Sequence[Row]) -> tuple[list[Figures], list[AccuracyEffects]]:
        """For each record its figures by accuracy, and the effects."""
        options = np.stack([self._options(record) for record in complete])
        rows = self._features.rows(options)
        figures: list[Figures] = [{} for _ in complete]
        effects = []
        for name in self._accuracies:
            expected = errors = np.full(len(complete), np.nan)
            if len(complete) >= FEWEST_SCORES:
                fit = Fit(rows, [cast(float, record[name]) for record in complete], self._features.group)
                expected, errors = fit.accuracies(rows), fit.errors(rows)
                effects.append(self._effects(name, fit, options))
            for one, mean, error in zip(figures, expected, errors, strict=True):
                one[name] = [float(mean), float(error)]
        return figures, effects

    def _options(self, record: Row) -> Options:
        knobs = {key: cast(Value, value) for key, value in record.items() if "/" in key}
        options = self._sites.options(self._sites.space.complete(Candidate(knobs)))
        if options is None:
            raise ValueError(f"The candidate {record['id']} is none of the search space.")
        return options

    def _effects(self, name: str, fit: Fit, options: Options) -> AccuracyEffects:
        compared = list(contrasts(self._sites, self._features, options))
        combinations = np.array([one.combination for one in compared]).reshape(-1, len(self._features.names))
        bases = np.array([one.base for one in compared]).reshape(combinations.shape)
        fitted = zip(compared, *fit.changes(combinations, bases), strict=True)
        effects = tuple(self._effect(one, float(effect), float(error)) for one, effect, error in fitted)
        scale = LOGARITHM_SCALE if fit.scale is LOGARITHM else ACCURACY_SCALE
        return AccuracyEffects(name, self._saved, len(options), fit.noise, fit.r2_left_out, effects, scale)

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


def _rung(record: Row) -> int:
    return cast(int, record.get("rung", 0))


def _with_figures(record: Row, figures: Figures) -> Row:
    """The record with the model's figures right behind the accuracies that they are of."""
    row: Row = {}
    for key, value in record.items():
        row[key] = value
        if key in figures:
            row[model_column(key)], row[error_column(key)] = figures[key]
    return row
