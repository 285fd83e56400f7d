"""A run that a command looks at: opened, and announced where its search has not come to its end."""

from pathlib import Path

import results
from results import layout
from search.cli.streams import say


def opened_run(path: Path) -> results.Run:
    """The run in this folder. A line on stderr says that more trials may follow. Raises RunError as `open_run` does."""
    run = results.open_run(path)
    if run.state != "finished":
        say(f"the search is {run.state}: {run.finished} of {run.planned} trials\n")
    if run.state == "unfinished":
        say(f"Go on with it by: bitfront search {path / layout.CONFIG} --run-dir {path}\n")
    return run
