"""Whether a sampler is one of the table, with arguments that it takes, or has the form of an import path."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from search.config.messages import schema_problems
from search.config.names import unknown
from search.config.problems import Kind, Problem
from search.config.schema import Sampler
from search.controller.foreign import is_import_path
from search.controller.optunahub_modules import HUB
from search.controller.samplers import SAMPLERS

KEY = "search.sampler"
WORD = r"[A-Za-z_]\w*"
IMPORT_PATH = re.compile(rf"{WORD}(\.{WORD})*:{WORD}|{HUB}:[\w./-]+(:{WORD})?")


def known_sampler(chosen: Sampler) -> Iterator[Problem]:
    """The problems of `search.sampler` that show without an import of foreign code, which the plan of a search does."""
    name = chosen.name
    if is_import_path(name):
        if not IMPORT_PATH.fullmatch(name):
            text = f"is {name!r}; an import path is package.module:Class, or {HUB}:package for one of OptunaHub's."
            yield Problem(KEY, Kind.NOT_ALLOWED, text, name)
    elif name in SAMPLERS:
        yield from _arguments(chosen, SAMPLERS[name])
    else:
        module, dot, last = name.rpartition(".")
        path = f"{module}:{last}" if dot and last else "optuna.samplers:TPESampler"
        text = f"{unknown(name, SAMPLERS)} Any other by its import path, with a colon before the class: {path}."
        yield Problem(KEY, Kind.UNKNOWN, text, name)


def _arguments(chosen: Sampler, make: Callable[..., object]) -> Iterator[Problem]:
    key, schema = f"{KEY}.arguments", _schema(make)
    if "seed" in chosen.arguments:
        text = "follows from the config's seed. Take it out, and change the config's seed instead."
        yield Problem(f"{key}.seed", Kind.CONFLICT, text, chosen.arguments["seed"])
    elif chosen.arguments and not schema.model_fields:
        yield Problem(key, Kind.NO_EFFECT, f"{chosen.name} takes none. Take them out.", chosen.arguments)
    else:
        try:
            schema.model_validate(chosen.arguments)
        except ValidationError as error:
            for one in schema_problems(error, schema):
                yield replace(one, key=f"{key}.{one.key}")


def _schema(make: Callable[..., object]) -> type[BaseModel]:
    """The arguments that a line of the table takes, from its signature: all but the first, which is the problem."""
    hints = get_type_hints(make, include_extras=True)
    parameters = list(inspect.signature(make).parameters.items())[1:]
    fields: Any = {name: (hints.get(name, Any), one.default) for name, one in parameters}
    return create_model("arguments", __config__=ConfigDict(extra="forbid"), **fields)
