"""What came out: the trials table, the Pareto front, plots (code; a run's files live in its run folder)."""

from results.errors import RunError
from results.hypervolume import hypervolume
from results.pareto import knee, pareto_mask
from results.run import Run, open_run
from results.tables import write_run_tables

__all__ = ["Run", "RunError", "hypervolume", "knee", "open_run", "pareto_mask", "write_run_tables"]
