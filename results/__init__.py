"""What came out: the trials table, the Pareto front, plots (code; a run's files live in its run folder)."""
