"""Generations that cost no look through all trials, and that breed the same children when a run is resumed."""

from collections import Counter
from collections.abc import Mapping, Sequence

from optuna.samplers import BaseGASampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

GENERATION = "bitfront:generation"
"""The attribute under which a record keeps a trial's generation."""


class Generations:
    """What all samplers made for one study share: each trial's generation by its number, and each one's parents.

    `complete` counts the complete trials per generation; None until a study has been looked at.
    """

    def __init__(self) -> None:
        self.by_number: dict[int, int] = {}
        self.complete: Counter[int] | None = None
        self.parents: list[list[FrozenTrial]] = [[]]


class Generational(BaseGASampler):
    """What an evolutionary sampler of Optuna's takes from `generations` instead of looking through all trials.

    Optuna's own looks through all trials for a generation and for its parents, at every proposal. It orders parents in
    one way when it has just chosen them and in another when it reads them back, so that a resumed study breeds
    differently. It gives no generation to trials with fixed parameters, and so never breeds from them. The rule
    is Optuna's: the latest generation until as many of its trials are complete as the population has members, then the
    next; the parents of a generation are the best of the one before and of that one's parents.

    A sampler can't write a trial's attributes by Optuna's public interface. Who records the study writes
    `attributes(number)` into each trial's user attributes; a trial without them counts as of generation 0.

    A subclass names it before Optuna's class and sets `generations` and `size`, how many members a population has.
    """

    generations: Generations
    size: int

    def attributes(self, number: int) -> Mapping[str, int]:
        """What a record must keep of this trial, so that a resumed study goes on as it would have."""
        return {GENERATION: self.generations.by_number[number]}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        super().before_trial(study, trial)
        self.get_trial_generation(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        super().after_trial(study, trial, state, values)
        if state == TrialState.COMPLETE and self.generations.complete is not None:
            self.generations.complete[self.get_trial_generation(study, trial)] += 1

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:
        by_number = self.generations.by_number
        if trial.number not in by_number:
            recorded = _recorded_generation(trial)
            by_number[trial.number] = self._latest_generation(study) if recorded is None else recorded
        return by_number[trial.number]

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        return [trial for trial in complete if self.generations.by_number.get(trial.number, 0) == generation]

    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        parents = self.generations.parents
        while len(parents) <= generation:
            parents.append(self.select_parent(study, len(parents)))
        return parents[generation]

    def _latest_generation(self, study: Study) -> int:
        complete = self.generations.complete
        if complete is None:
            complete = self.generations.complete = self._count(study)
        latest = max(complete, default=0)
        return latest + (complete[latest] >= self.size)

    def _count(self, study: Study) -> Counter[int]:
        """Complete trials per generation, once for a study that another process has begun."""
        by_number = self.generations.by_number
        trials = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        for trial in trials:
            by_number.setdefault(trial.number, _recorded_generation(trial) or 0)
        return Counter(by_number[trial.number] for trial in trials)


def _recorded_generation(trial: FrozenTrial) -> int | None:
    """The generation that a record keeps. The records of earlier versions have it among Optuna's system attributes."""
    recorded = trial.user_attrs.get(GENERATION, trial.system_attrs.get(GENERATION))
    return None if recorded is None else int(recorded)
