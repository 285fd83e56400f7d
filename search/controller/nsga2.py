"""NSGA-II whose generations cost nothing to look up, and come out the same when a run is taken up again."""

from collections import Counter
from collections.abc import Sequence

from optuna.samplers import NSGAIISampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

GENERATION = "bitfront:generation"
"""The system attribute that says which generation a trial belongs to."""


class Generations:
    """How many complete trials each generation has, and whom the next was bred from: shared by a study's samplers."""

    def __init__(self) -> None:
        self.complete: Counter[int] | None = None
        self.parents: list[list[FrozenTrial]] = [[]]


class GenerationalNSGAII(NSGAIISampler):
    """Optuna's NSGA-II, with its generations and parents held in `generations`.

    Optuna's own looks through all trials for a generation and for its parents, at every proposal; it hands out parents
    in one order when it has just chosen them and in another when they were kept, so that a resumed study breeds
    differently; and it gives no generation to trials with fixed parameters, and then never breeds from them. The rule
    is Optuna's: the latest generation until as many of its trials are complete as the population has members, then the
    next; its parents are the best of the generation before and of that one's parents.
    """

    def __init__(self, *, seed: int, population_size: int, generations: Generations) -> None:
        super().__init__(seed=seed, population_size=population_size)
        self._size = population_size
        self._generations = generations

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        super().before_trial(study, trial)
        self.get_trial_generation(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        super().after_trial(study, trial, state, values)
        if state == TrialState.COMPLETE and self._generations.complete is not None:
            self._generations.complete[self.get_trial_generation(study, trial)] += 1

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:
        if GENERATION not in trial.system_attrs:
            generation = self._latest_generation(study)
            study._storage.set_trial_system_attr(trial._trial_id, GENERATION, generation)
            trial.system_attrs[GENERATION] = generation
        return int(trial.system_attrs[GENERATION])

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        done = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        return [trial for trial in done if trial.system_attrs.get(GENERATION) == generation]

    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        parents = self._generations.parents
        while len(parents) <= generation:
            parents.append(self.select_parent(study, len(parents)))
        return parents[generation]

    def _latest_generation(self, study: Study) -> int:
        if self._generations.complete is None:
            done = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
            self._generations.complete = Counter(trial.system_attrs.get(GENERATION, 0) for trial in done)
        latest = max(self._generations.complete, default=0)
        return latest + (self._generations.complete[latest] >= self._size)
