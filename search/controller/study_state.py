"""A foreign sampler whose state in the study survives the end of a process, and whose errors name it."""

import copy
import json
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.errors import RunError

STUDY, TRIAL = "bitfront:study", "bitfront:trial"
"""The attributes under which a record keeps what a sampler wrote into the study and into the trial."""
FIXED = "fixed_params"
"""Optuna's own attribute of a trial that was enqueued."""


class ForeignError(RunError):
    """A foreign sampler has failed. `what` tells only that; the text also has the way out of a search."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} What has been scored is kept. Repair the sampler, then start the same command again; for another "
            "sampler, start in another folder (--run-dir)."
        )
        self.what = what


class StudyState:
    """What the samplers of one study have written into the study's system attributes, as of the last record."""

    def __init__(self) -> None:
        self.recorded: dict[str, Any] = {}
        self.study: Study | None = None

    def open(self, study: Study) -> None:
        """Write back, once a process, what the records of earlier ones keep."""
        if self.study is not None:
            return
        self.study = study
        for trial in study.get_trials(deepcopy=False):
            for key, value in trial.user_attrs.get(STUDY, {}).items():
                study._storage.set_study_system_attr(study._study_id, key, value)
        self.recorded = self._attributes()

    def news(self) -> dict[str, Any]:
        """What has been written since the last call."""
        before, self.recorded = self.recorded, self._attributes()
        return {key: value for key, value in self.recorded.items() if key not in before or before[key] != value}

    def _attributes(self) -> dict[str, Any]:
        # Samplers can keep state nowhere else, and Optuna's own do so by the same private names.
        study = self.study
        return {} if study is None else copy.deepcopy(study._storage.get_study_system_attrs(study._study_id))


class StatefulSampler(BaseSampler):
    """A sampler of anybody's. path: as in the config. state: shared by all samplers of a study.

    What it writes into the study or the trial is among the attributes that the record keeps of a trial. What it keeps
    in itself is not: each proposal has a sampler of its own.
    """

    def __init__(self, sampler: BaseSampler, path: str, state: StudyState) -> None:
        self._sampler, self._path, self._state = sampler, path, state

    def attributes(self, number: int) -> Mapping[str, object]:
        """What a record must keep of this trial, so that a resumed study goes on as it would have."""
        study = self._state.study
        written = {} if study is None else dict(study.get_trials(deepcopy=False)[number].system_attrs)
        written.pop(FIXED, None)
        kept = {STUDY: self._state.news(), TRIAL: written}
        with self._named(number):
            json.dumps(kept)  # the record could not hold anything else
        return {key: value for key, value in kept.items() if value}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._state.open(study)
        for key, value in trial.user_attrs.get(TRIAL, {}).items():
            study._storage.set_trial_system_attr(trial._trial_id, key, value)
        with self._named(trial.number):
            self._sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        with self._named(trial.number):
            able = self._sampler.infer_relative_search_space(study, trial)
            return self._sampler.sample_relative(study, trial, {k: v for k, v in search_space.items() if k in able})

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        with self._named(trial.number):
            return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        with self._named(trial.number):
            try:
                self._sampler.after_trial(study, trial, state, values)
            except RuntimeError as error:
                # Optuna's searches through a whole space stop their study; here the controller sees when it is through.
                if "Study.stop" not in str(error):
                    raise

    @contextmanager
    def _named(self, number: int) -> Iterator[None]:
        """Errors inside name the sampler, the trial and the line of code."""
        try:
            yield
        except Exception as error:  # foreign code may fail in any way
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}, line {last.lineno}"
            what = f"The sampler {self._path} raised {type(error).__name__} at trial {number}: {error} ({where})."
            raise ForeignError(what) from error
