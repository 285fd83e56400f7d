"""Packages of OptunaHub, which are downloaded: needs the extra `samplers` and, at first, a network."""

import importlib
from types import ModuleType

from search.controller.problem import SamplerError, needs

HUB = "optunahub"


def hub_module(package: str) -> ModuleType:
    """The package of that name, such as samplers/auto_sampler, from OptunaHub's registry. Raises SamplerError."""
    path = f"{HUB}:{package}"
    needs(HUB, f"{path!r}")
    try:
        return importlib.import_module(HUB).load_module(package=package)
    except Exception as error:  # no network, no such package, or one that needs others
        raise SamplerError(
            f"{path!r} can't be loaded: {type(error).__name__}: {error}. Look its name up at hub.optuna.org (such as "
            "optunahub:samplers/auto_sampler), and install what it needs. The first load needs a network."
        ) from error
