"""Samplers by import path: Optuna's, OptunaHub's, or one's own."""

import copy
import importlib
import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any, TypeGuard

from optuna.samplers import BaseSampler

from search.controller.optunahub_modules import HUB, hub_module
from search.controller.problem import FromSeed, SamplerError
from search.controller.study_state import StatefulSampler, StudyState
from spaces.lookup import did_you_mean


def is_import_path(name: str) -> bool:
    """Whether a sampler's name is `package.module:Class` or `optunahub:package`, and no name of the table."""
    return ":" in name


def foreign_from_seed(path: str, arguments: Mapping[str, object]) -> FromSeed:
    """What makes samplers of the class at `path`, with `arguments`, and a seed where it takes one.

    Raises SamplerError where the class can't be imported, is no sampler, or doesn't take the arguments.
    """
    sampler, state = sampler_class(path), StudyState()
    seeded = _check_arguments(path, sampler, arguments)

    def from_seed(seed: int) -> BaseSampler:
        given = copy.deepcopy(dict(arguments)) | ({"seed": seed} if seeded else {})
        try:
            made = sampler(**given)
        except Exception as error:  # foreign code may fail in any way
            raise SamplerError(
                f"{path} can't be made with these arguments: {type(error).__name__}: {error}. Correct them."
            ) from error
        return StatefulSampler(made, path, state)

    return from_seed


def sampler_class(path: str) -> type[BaseSampler]:
    """The class at `package.module:Class`, `optunahub:package` or `optunahub:package:Class`. Raises SamplerError."""
    place, _, name = path.partition(":")
    if place == HUB:
        package, _, name = name.partition(":")
        module = hub_module(package)
    else:
        module = _module(path, place)
    known = [key for key, value in vars(module).items() if _is_sampler(value)]
    if place == HUB and not name and len(known) == 1:
        name = known[0]
    found = getattr(module, name, None)
    if _is_sampler(found):
        return found
    has = f"Its samplers: {', '.join(sorted(known)) or 'none'}."
    if place == HUB and not name:
        raise SamplerError(f"{path} has {len(known)} samplers; put the name of one behind it, with a colon. {has}")
    if found is None:
        raise SamplerError(f"{path!r}: there is no {name!r} in {module.__name__}.{did_you_mean(name, known)} {has}")
    raise SamplerError(f"{path!r} is no class derived from optuna.samplers.BaseSampler. {has}")


def _module(path: str, place: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except Exception as error:  # a foreign module may fail in any way
        raise SamplerError(
            f"{path!r} can't be imported: {type(error).__name__}: {error}. Install its package, or put its folder on "
            "PYTHONPATH; an import path is package.module:Class, such as optuna.samplers:TPESampler."
        ) from error


def _is_sampler(value: object) -> TypeGuard[type[BaseSampler]]:
    return inspect.isclass(value) and issubclass(value, BaseSampler) and value is not BaseSampler


def _check_arguments(path: str, sampler: type[BaseSampler], arguments: Mapping[str, Any]) -> bool:
    """Whether the class takes a seed. Raises SamplerError for arguments that it doesn't take."""
    parameters = inspect.signature(sampler).parameters
    seeded = "seed" in parameters
    if "seed" in arguments:
        raise SamplerError(
            "arguments has a seed, but each proposal gets a seed of its own, which follows from the config's seed and "
            "the trial's number. Take it out, and change the config's seed instead."
        )
    takes_any = any(one.kind == inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    takes = [name for name, one in parameters.items() if one.kind not in _GATHERED and name != "seed"]
    for name in () if takes_any else arguments:
        if name not in takes:
            raise SamplerError(
                f"{path} takes no argument {name!r}.{did_you_mean(name, takes)} It takes: {', '.join(takes) or 'none'}."
            )
    missing = [name for name in takes if parameters[name].default is inspect.Parameter.empty and name not in arguments]
    if missing:
        raise SamplerError(f"{path} needs the argument {missing[0]!r}: give it under arguments.")
    return seeded


_GATHERED = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
