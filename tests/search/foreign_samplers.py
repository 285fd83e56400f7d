"""Samplers as a user may write them, by import path: with state in the study, in themselves, and with mistakes."""

from optuna.samplers import BaseSampler

KEY = "asked"


class Foreign(BaseSampler):
    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, search_space):
        return {}

    def sample_independent(self, study, trial, param_name, param_distribution):
        return param_distribution.choices[0]


class InStudy(Foreign):
    """Counts in base 3 through the choices: what it counts to is in the study, one step for each knob."""

    def __init__(self, step=1):
        self.step = step  # complex numbers can be added, and are no JSON

    def sample_independent(self, study, trial, param_name, param_distribution):
        asked = study._storage.get_study_system_attrs(study._study_id).get(KEY, 0)
        study._storage.set_study_system_attr(study._study_id, KEY, asked + self.step)
        study._storage.set_trial_system_attr(trial._trial_id, KEY, asked)
        return param_distribution.choices[int(asked.real) // 5 % len(param_distribution.choices)]


class InItself(Foreign):
    """Proposes the first choices, then the second ones and so on, if one object serves the whole study."""

    def __init__(self, seed):
        self.asked = 0

    def before_trial(self, study, trial):
        self.asked += 1

    def sample_independent(self, study, trial, param_name, param_distribution):
        return param_distribution.choices[self.asked % len(param_distribution.choices)]


class Late(Foreign):
    """Fails once ten trials are complete."""

    def __init__(self, complete=10):
        self.complete = complete

    def sample_independent(self, study, trial, param_name, param_distribution):
        if len([one for one in study.trials if one.values]) >= self.complete:
            raise KeyError("kernel")
        return param_distribution.choices[trial.number % len(param_distribution.choices)]


class Single(Foreign):
    """For one objective, as CMA-ES."""

    def sample_independent(self, study, trial, param_name, param_distribution):
        if len(study.directions) > 1:
            raise ValueError("one objective")
        return param_distribution.choices[0]


class Refusing(Foreign):
    def __init__(self, *, rate, seed=None):
        if rate < 0:
            raise ValueError("rate must not be negative")


class NoSampler:
    pass
