"""The storage of the study in memory: where one thread reads and writes, it copies neither trials nor lists of them."""

from collections.abc import Container, Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import InMemoryStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState


class OwnTrials(InMemoryStorage):
    """Optuna's storage in memory, for one thread.

    Optuna gives a trial its parameters one by one, and its storage replaces the trial by a copy at each of them, so
    that a list of trials that another thread has read never changes. With 60 knobs the copies took a tenth of the time
    of ask and tell. A list of all trials is copied at each call for the same reason, which five times a trial at 3,000
    trials took another tenth.
    """

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """As Optuna's, but without `deepcopy` and `states` it is the storage's own list, which grows: only to read."""
        if deepcopy or states is not None:
            return super().get_all_trials(study_id, deepcopy, states)
        self._check_study_id(study_id)
        return self._studies[study_id].trials

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        trial = self.get_trial(trial_id)
        self.check_trial_is_updatable(trial_id, trial.state)
        trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        trial.distributions[param_name] = distribution


class Flat(dict[str, Any]):
    """A mapping to values that never change, of which a deep copy is a copy.

    `study.tell` returns a deep copy of the trial: one by one, its 60 parameters and their distributions took an eighth
    of the time of ask and tell.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> "Flat":
        return Flat(self)


def ask_sampled(study: Study, distributions: Mapping[str, BaseDistribution]) -> Trial:
    """What `study.ask(distributions)` gives where the sampler samples all of these together and nothing is enqueued.

    The trial takes its parameters at once: to take 60 of them one by one is a fifth of the time of ask.
    Raises ValueError for a value that is none of its distribution's.
    """
    trial = study.ask()
    sampled = trial.relative_params
    own = study.get_trials(deepcopy=False)[trial.number]
    own.params = Flat(
        {key: one.to_external_repr(one.to_internal_repr(sampled[key])) for key, one in distributions.items()}
    )
    own.distributions = Flat(distributions)
    return trial
