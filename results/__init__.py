"""What came out: the trials table, the Pareto front, plots (code; a run's files live in its run folder).

The names are loaded when they are first used: errors and the names of figures and files need no pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from results.errors import RunError

if TYPE_CHECKING:
    from results.comparison import Comparison, compare
    from results.frame_files import export
    from results.opening import open_run
    from results.pareto import knee, pareto_mask
    from results.run import Run
    from results.tables import write_run_tables
    from results.volume import hypervolume

__all__ = [
    "Comparison",
    "Run",
    "RunError",
    "compare",
    "export",
    "hypervolume",
    "knee",
    "open_run",
    "pareto_mask",
    "write_run_tables",
]

_MODULES = {
    "Comparison": "results.comparison",
    "Run": "results.run",
    "compare": "results.comparison",
    "export": "results.frame_files",
    "hypervolume": "results.volume",
    "knee": "results.pareto",
    "open_run": "results.opening",
    "pareto_mask": "results.pareto",
    "write_run_tables": "results.tables",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
