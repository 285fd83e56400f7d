"""The storage of the study in memory, which takes a trial's parameters without copying the trial each time."""

from collections.abc import Mapping

from optuna.distributions import BaseDistribution
from optuna.storages import InMemoryStorage
from optuna.study import Study
from optuna.trial import Trial


class OwnTrials(InMemoryStorage):
    """Optuna's storage in memory, for one thread.

    Optuna gives a trial its parameters one by one, and its storage replaces the trial by a copy at each of them, so
    that a list of trials that another thread has read never changes. With 60 knobs the copies took a tenth of the time
    of ask and tell.
    """

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        trial = self.get_trial(trial_id)
        self.check_trial_is_updatable(trial_id, trial.state)
        trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        trial.distributions[param_name] = distribution


def ask_sampled(study: Study, distributions: Mapping[str, BaseDistribution]) -> Trial:
    """What `study.ask(distributions)` gives where the sampler samples all of these together and nothing is enqueued.

    The trial takes its parameters at once: to take 60 of them one by one is a fifth of the time of ask.
    Raises ValueError for a value that is none of its distribution's.
    """
    trial = study.ask()
    sampled = trial.relative_params
    own = study.get_trials(deepcopy=False)[trial.number]
    for key, one in distributions.items():
        own.params[key] = one.to_external_repr(one.to_internal_repr(sampled[key]))
    own.distributions.update(distributions)
    return trial
