"""What all structured samplers of one study share: its trials in numbers, and the models of its accuracies."""

import numpy as np
from numpy.typing import NDArray
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.controller.problem import SearchProblem
from search.controller.structured.accuracy_model import AccuracyModel
from search.controller.structured.features import OPTIONAL, Features
from search.controller.structured.front import Front
from search.controller.structured.known_costs import KnownCosts
from search.controller.structured.linear_model import Posterior
from search.controller.structured.sites import Options, Sites

PREDICTED = "bitfront:predicted"
"""The attribute under which a record keeps each accuracy's mean and standard deviation by the model, before scoring."""
ONE_BIT = 0.01
"""A layer's option counts as 1-bit if it costs at most this more than the cheapest, in units of what can be spared."""


class Memory:
    """The state of a search, from its study.

    Scores enter the models in the order of the trials' numbers, whatever the order in which they come in: a study that
    is read back has the same state, bit for bit. A failed trial enters none; it only counts as proposed.
    """

    def __init__(self, problem: SearchProblem) -> None:
        self.problem = problem
        self.sites = Sites(problem.space)
        self.costs = KnownCosts(self.sites, problem.costs, problem.constraints)
        self.features = Features(self.sites, _one_bit(self.sites, self.costs))
        names = self.costs.names
        self.accuracies = [i for i, name in enumerate(problem.objectives) if name not in names]
        self.priced = [names.index(name) for name in problem.objectives if name in names]
        self.models = [AccuracyModel(self.features.group, OPTIONAL) for _ in self.accuracies]
        self.has_front = len(self.accuracies) == len(self.priced) == 1
        self._front = Front()
        self.signs = np.ones(len(problem.objectives))
        self.proposed: set[bytes] = set()
        self.running: list[Options] = []
        self._options: dict[int, Options] = {}
        self._predictions: dict[int, dict[str, list[float]]] = {}
        self._late: list[FrozenTrial] = []
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
        unsettled = [trial for trial in trials[self._settled :] if trial.number in self._options]
        self._late = [trial for trial in unsettled if trial.state == TrialState.COMPLETE]
        self.running = [self._options[trial.number] for trial in unsettled if not trial.state.is_finished()]

    @property
    def ready(self) -> bool:
        """Whether there are enough scores for a model."""
        return all(model.ready for model in self.models)

    def posteriors(self) -> list[Posterior]:
        """The model of each accuracy, each so that more is better, given every score that has come in."""
        posteriors = []
        for model, objective in zip(self.models, self.accuracies, strict=True):
            late = [(self._row(trial), self._value(trial, objective)) for trial in self._late]
            posteriors.append(model.posterior(late))
        return posteriors

    def misfit(self) -> float:
        """The error of the worst model, in standard deviations of its scores."""
        return max((model.misfit() for model in self.models), default=0.0)

    def current_front(self) -> Front:
        """The front of all scores that have come in: a copy, to be added to."""
        front = self._front.copy()
        for trial in self._late:
            self._add_to(front, trial)
        return front

    def predicted(self, study: Study, number: int) -> dict[str, list[float]]:
        """Mean and standard deviation of a trial's accuracies by the model; empty where there is no model yet."""
        if number not in self._predictions:
            self.update(study)
            self._note(study.get_trials(deepcopy=False)[number])
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
        predicted = trial.user_attrs.get(PREDICTED, self._predictions.get(trial.number, {}))
        for model, objective in zip(self.models, self.accuracies, strict=True):
            mean, _ = predicted.get(self.problem.objectives[objective], (None, None))
            before = None if mean is None else self.signs[objective] * mean
            model.add(self._row(trial), self._value(trial, objective), before)
        self._add_to(self._front, trial)

    def _add_to(self, front: Front, trial: FrozenTrial) -> None:
        if self.has_front:
            options = self._options[trial.number][None]
            if self.costs.feasible(options)[0]:
                cost = self.costs.of(options)[0, self.priced[0]]
                front.add(float(cost), self._value(trial, self.accuracies[0]))

    def _row(self, trial: FrozenTrial) -> NDArray[np.float64]:
        return self.features.rows(self._options[trial.number][None])[0]

    def _value(self, trial: FrozenTrial, objective: int) -> float:
        return float(self.signs[objective] * trial.values[objective])


def _one_bit(sites: Sites, costs: KnownCosts) -> NDArray[np.bool_]:
    """Which options make a layer 1-bit: by the first cost, since a box need not use our names of methods."""
    one_bit = np.zeros((len(sites), sites.widest), dtype=np.bool_)
    for k, site in enumerate(sites.sites):
        own = costs.shares[0, k, : len(site.options)]
        if site.is_layer and own.max() > own.min():
            one_bit[k, : len(own)] = own - own.min() <= ONE_BIT * (own.max() - own.min())
    return one_bit
