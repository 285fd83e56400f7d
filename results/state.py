"""Whether a run's search is at work, was stopped, or has come to its end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from results import layout

State = Literal["running", "unfinished", "finished"]
"""running: a process writes into the run now. unfinished: none does, though trials are missing."""

PLANNED, ENDED = "planned", "ended"
"""Notes of the trials table: how many trials the search will have, and whether it has come to its end."""
YES = "yes"


def is_locked(folder: Path) -> bool:
    """Whether a process writes into the run now. Only reads; where the lock can't be read, the answer is no.

    A lock that was let go in order is empty. For one that is not, whose holder may have been killed, the lock is taken
    for a moment beside other readers; `search.run.lock` waits for longer than that before it gives up.
    """
    try:
        with (folder / layout.LOCK).open("rb") as lock:
            if not lock.read(1):
                return False
            if os.name == "nt":
                return True
            import fcntl  # here, since Windows has none

            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def state_of(notes: dict[str, str], locked: bool) -> State:
    """From the notes of a trials table. One from before the tables were written during a search is that of its end."""
    if PLANNED not in notes or notes.get(ENDED) == YES:
        return "finished"
    return "running" if locked else "unfinished"
