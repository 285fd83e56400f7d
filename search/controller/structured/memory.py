"""What all structured samplers of one study share: its trials in numbers, and the models of its accuracies."""

import numpy as np
from numpy.typing import NDArray
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.controller.problem import SearchProblem
from search.controller.structured.accuracy_model import AccuracyModel
from search.controller.structured.features import OPTIONAL, Features
from search.controller.structured.known_costs import KnownCosts
from search.controller.structured.linear_model import Posterior
from search.controller.structured.predictions import PREDICTED
from search.controller.structured.sites import Options, Sites

ONE_BIT = 0.01
"""A layer's option counts as 1-bit if it costs at most this more than the cheapest, in units of what can be spared.

So the int4 of an opened group counts too. In a demo search with opened groups (60 scores) their pairs changed the log
evidence by 0.4 of the 12 that all pairs gain, and nothing of the variance explained. On 100 scores of
`voc_lite0_search` pairs of 1-bit layers alone predict better, and on the box `whole_network` they search no better
(docs/measurements/search_quality.md), so that there is no rule for names of methods.
"""


class Table:
    """Rows (N, columns) that are added one by one."""

    def __init__(self, columns: int) -> None:
        self._data = np.empty((64, columns))
        self._used = 0

    @property
    def rows(self) -> NDArray[np.float64]:
        return self._data[: self._used]

    def add(self, row: NDArray[np.float64]) -> None:
        self.followed_by(row[None])
        self._used += 1

    def followed_by(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The rows and, after them, those given, which are not added. Good until the next call: nothing is copied."""
        end = self._used + len(rows)
        while end > len(self._data):
            self._data = np.concatenate([self._data, np.empty_like(self._data)])
        self._data[self._used : end] = rows
        return self._data[:end]


class Memory:
    """The state of a search, from its study.

    Scores enter the models in the order of the trials' numbers, whatever the order in which they come in: a study that
    is read back has the same state, bit for bit. A failed trial enters none; it only counts as proposed.
    """

    def __init__(self, problem: SearchProblem) -> None:
        self.problem = problem
        self.sites = Sites(problem.space)
        self.costs = KnownCosts(self.sites, problem.costs, problem.constraints)
        self.features = Features(self.sites, one_bit_options(self.sites, self.costs))
        names = self.costs.names
        self.accuracies = [i for i, name in enumerate(problem.objectives) if name not in names]
        self.priced = [names.index(name) for name in problem.objectives if name in names]
        self.models = [AccuracyModel(self.features.group, OPTIONAL) for _ in self.accuracies]
        self._scored, self._scored_costs = Table(len(self.features.names)), Table(len(names))
        self.signs = np.ones(len(problem.objectives))
        self.proposed: set[bytes] = set()
        self._options: dict[int, Options] = {}
        self._predictions: dict[int, dict[str, list[float]]] = {}
        self._unsettled: list[FrozenTrial] = []
        self._settled = 0

    def update(self, study: Study) -> None:
        """Take in what has been proposed and what has finished since."""
        self.signs = np.array([-1.0 if one == StudyDirection.MINIMIZE else 1.0 for one in study.directions])
        trials = study.get_trials(deepcopy=False)
        for trial in trials[self._settled :]:
            self._note(trial)
        while self._settled < len(trials) and trials[self._settled].state.is_finished():
            self._settle(trials[self._settled])
            self._settled += 1
        later = [trial for trial in trials[self._settled :] if trial.number in self._options]
        self._unsettled = [trial for trial in later if trial.state != TrialState.FAIL]

    @property
    def ready(self) -> bool:
        """Whether there are enough scores for a model."""
        return all(model.ready for model in self.models)

    def posteriors(self) -> list[Posterior]:
        """The model of each accuracy, each so that more is better, given every score that has come in."""
        posteriors = []
        complete = [trial for trial in self._unsettled if trial.state == TrialState.COMPLETE]
        for model, objective in zip(self.models, self.accuracies, strict=True):
            late = [(self._row(trial), self._value(trial, objective)) for trial in complete]
            posteriors.append(model.posterior(late))
        return posteriors

    def misfit(self) -> float:
        """The error of the worst model, in standard deviations of its scores."""
        return max((model.misfit() for model in self.models), default=0.0)

    def scored_rows(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Features (N, columns) and costs (N, costs) of the feasible candidates that are scored or in flight."""
        unsettled = [self._options[trial.number] for trial in self._unsettled]
        if not unsettled:
            return self._scored.rows, self._scored_costs.rows
        options = np.stack(unsettled)
        options = options[self.costs.feasible(options)]
        rows = self._scored.followed_by(self.features.rows(options))
        return rows, self._scored_costs.followed_by(self.costs.of(options))

    def predicted(self, study: Study, number: int) -> dict[str, list[float]]:
        """Mean and standard deviation of a trial's accuracies by the model; empty where there is no model yet."""
        if number not in self._predictions:
            self.update(study)
            self._predictions[number] = {}
            if self.ready and number in self._options:
                row = self.features.rows(self._options[number][None])[0]
                for posterior, objective in zip(self.posteriors(), self.accuracies, strict=True):
                    mean, sd = posterior.predict(row)
                    self._predictions[number][self.problem.objectives[objective]] = [self.signs[objective] * mean, sd]
        return self._predictions[number]

    def _note(self, trial: FrozenTrial) -> None:
        if trial.number in self._options or not trial.params:
            return
        options = self.sites.options(trial.params)
        if options is not None:
            self._options[trial.number] = options
            self.proposed.add(options.tobytes())

    def _settle(self, trial: FrozenTrial) -> None:
        if trial.state != TrialState.COMPLETE or trial.number not in self._options:
            return
        row = self._row(trial)
        predicted = trial.user_attrs.get(PREDICTED, self._predictions.get(trial.number, {}))
        for model, objective in zip(self.models, self.accuracies, strict=True):
            mean, _ = predicted.get(self.problem.objectives[objective], (None, None))
            before = None if mean is None else self.signs[objective] * mean
            model.add(row, self._value(trial, objective), before)
        options = self._options[trial.number][None]
        if self.costs.feasible(options)[0]:
            self._scored.add(row)
            self._scored_costs.add(self.costs.of(options)[0])

    def _row(self, trial: FrozenTrial) -> NDArray[np.float64]:
        return self.features.rows(self._options[trial.number][None])[0]

    def _value(self, trial: FrozenTrial, objective: int) -> float:
        return float(self.signs[objective] * trial.values[objective])


def one_bit_options(sites: Sites, costs: KnownCosts) -> NDArray[np.bool_]:
    """Which options make a layer 1-bit: by the first cost, since a box need not use our names of methods."""
    one_bit = np.zeros((len(sites), sites.widest), dtype=np.bool_)
    for k, site in enumerate(sites.sites):
        own = costs.shares[0, k, : len(site.options)]
        if site.is_layer and own.max() > own.min():
            one_bit[k, : len(own)] = own - own.min() <= ONE_BIT * (own.max() - own.min())
    return one_bit
