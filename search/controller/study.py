"""The Optuna study of a run: made at its first start, and compared with the config at each later one."""

import hashlib
import json
import warnings
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage

from search.controller.objectives import directions
from search.errors import RunError
from spaces.space import SearchSpace

IDENTITY = "bitfront"


def open_study(
    storage: BaseStorage, place: str, name: str, space: SearchSpace, objectives: Sequence[str], *, begun: bool
) -> optuna.Study:
    """The study `name` in the storage at `place`, with its objectives named.

    begun: whether the run has proposed candidates before, so that its study must be there. May be called again after a
    call that was cut off. Raises RunError where the study is missing, or is that of another space or other objectives.
    """
    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        if begun:
            raise RunError(
                f"{place} holds no study of this run, although the run has begun. Give the search.storage that it "
                "began with, or start again in another folder (--run-dir)."
            ) from None
        study = optuna.create_study(storage=storage, study_name=name, directions=directions(objectives))
    _check_identity(study, place, {"space": _fingerprint(space), "objectives": list(objectives)})
    if study.metric_names != list(objectives):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(list(objectives))
    return study


def _check_identity(study: optuna.Study, place: str, identity: dict[str, Any]) -> None:
    recorded = study.user_attrs.get(IDENTITY)
    if recorded is None and not study.get_trials(deepcopy=False):
        study.set_user_attr(IDENTITY, identity)
    elif recorded != identity:
        differing = [key for key in identity if (recorded or {}).get(key) != identity[key]]
        raise RunError(
            f"{place} records a search with another {' and '.join(differing)}. "
            "Use the config that the run was started with, or another folder (--run-dir) and name."
        )


def _fingerprint(space: SearchSpace) -> str:
    knobs = [[knob.key, list(knob.choices)] for knob in space.knobs]
    return hashlib.sha256(json.dumps(knobs).encode()).hexdigest()[:16]
