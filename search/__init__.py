"""What runs a search: config, plan, stages, controller (Optuna and Ray Tune), command line; and the calls from Python.

from search import load_config, run_search

config = load_config("demo", ["search.trials=20"])
outcome = run_search(config)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.config import Config, ConfigError, load_config
    from search.errors import RunError
    from search.stages.detector_result import Result
    from search.stages.export import Exported, run_export, run_export_front
    from search.stages.search import Search, run_retrain, run_search
    from search.stages.train import run_train
    from trainers.detector_file import load_detector

__all__ = [
    "Config",
    "ConfigError",
    "Exported",
    "Result",
    "RunError",
    "Search",
    "load_config",
    "load_detector",
    "run_export",
    "run_export_front",
    "run_retrain",
    "run_search",
    "run_train",
]

_HOMES = {
    "Config": "search.config",
    "ConfigError": "search.config",
    "load_config": "search.config",
    "load_detector": "trainers.detector_file",
    "RunError": "search.errors",
    "Result": "search.stages.detector_result",
    "Search": "search.stages.search",
    "Exported": "search.stages.export",
    "run_export": "search.stages.export",
    "run_export_front": "search.stages.export",
    "run_retrain": "search.stages.search",
    "run_search": "search.stages.search",
    "run_train": "search.stages.train",
}
"""Where each name is defined: torch and Ray are imported when one of them is asked for, not by `import search`."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
