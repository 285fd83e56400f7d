"""What to try next: config, controller (Optuna and Ray Tune), the stages of a run, command line.

The names below are the Python face of the command line. They are loaded when they are first used: `import search` and
`bitfront --help` must not wait for torch, Ray and pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from search.errors import RunError

if TYPE_CHECKING:
    from search.config import Config, ConfigError, load_config
    from search.stages.detector_result import Result
    from search.stages.search import Search, run_retrain, run_search
    from search.stages.train import run_train

__all__ = [
    "Config",
    "ConfigError",
    "Result",
    "RunError",
    "Search",
    "load_config",
    "run_retrain",
    "run_search",
    "run_train",
]

_MODULES = {
    "Config": "search.config",
    "ConfigError": "search.config",
    "Result": "search.stages.detector_result",
    "Search": "search.stages.search",
    "load_config": "search.config",
    "run_retrain": "search.stages.search",
    "run_search": "search.stages.search",
    "run_train": "search.stages.train",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
