"""What runs a search: config, plan, stages, controller (Optuna and Ray Tune), command line; and the calls from Python.

from search import load_config, run_search

config = load_config("demo", ["search.trials=20"])
outcome = run_search(config)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.cli.progress import terminal_progress
    from search.comparison.retraining import run_retrain
    from search.config import Config, ConfigError, load_config
    from search.errors import RunError
    from search.stages.detector_result import Result
    from search.stages.export import Exported, run_export, run_export_front
    from search.stages.given_times import with_latency
    from search.stages.pretrain import Pretrained, run_pretrain
    from search.stages.search import Search, run_search
    from search.stages.train import run_train
    from trainers.detector_file import load_detector
    from trainers.progress import combined_progress

__all__ = [
    "Config",
    "ConfigError",
    "Exported",
    "Pretrained",
    "Result",
    "RunError",
    "Search",
    "combined_progress",
    "load_config",
    "load_detector",
    "run_export",
    "run_export_front",
    "run_pretrain",
    "run_retrain",
    "run_search",
    "run_train",
    "terminal_progress",
    "with_latency",
]

_HOMES = {
    "Config": "search.config",
    "ConfigError": "search.config",
    "load_config": "search.config",
    "RunError": "search.errors",
    "Result": "search.stages.detector_result",
    "Search": "search.stages.search",
    "Exported": "search.stages.export",
    "Pretrained": "search.stages.pretrain",
    "run_pretrain": "search.stages.pretrain",
    "run_export": "search.stages.export",
    "run_export_front": "search.stages.export",
    "run_retrain": "search.comparison.retraining",
    "run_search": "search.stages.search",
    "run_train": "search.stages.train",
    "with_latency": "search.stages.given_times",
    "load_detector": "trainers.detector_file",
    "terminal_progress": "search.cli.progress",
    "combined_progress": "trainers.progress",
}
"""Where each name is defined: torch and Ray are imported when one of them is asked for, not by `import search`."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
