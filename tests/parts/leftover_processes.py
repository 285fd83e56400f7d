"""Which processes a piece of work leaves behind: none can get away, because Linux gives its orphans to this process."""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ADOPT = 36
"""Linux's prctl.h: PR_SET_CHILD_SUBREAPER."""


@contextmanager
def adopting() -> Iterator[Callable[..., list[str]]]:
    """Gives the command lines of all processes, begun within by this one or its offspring, that outlive some seconds.

    `but` leaves those out whose line has it. All are killed at the end.
    """
    before = set(_offspring())
    ctypes.CDLL(None).prctl(_ADOPT, 1)

    def living() -> dict[int, str]:
        _bury(before)
        return {pid: line for pid, line in _offspring().items() if pid not in before}

    def left(seconds: float = 30, but: str | None = None) -> list[str]:
        deadline = time.monotonic() + seconds
        while found := [line.strip() for line in living().values() if but is None or but not in line]:
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        return found

    try:
        yield left
    finally:
        for pid in living():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ctypes.CDLL(None).prctl(_ADOPT, 0)


def _bury(others: set[int]) -> None:
    """Wait for our dead children, as the first process of a system does: Ray looks whether a parent is there."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    for pid in map(int, children.read_text().split()):
        if pid not in others:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _offspring() -> dict[int, str]:
    """The command lines of this process's children, theirs and so on; the dead that nobody has waited for left out."""
    parents, lines = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            if state != "Z":
                parents[int(folder.name)] = int(parent)
                line = (folder / "cmdline").read_bytes()
                lines[int(folder.name)] = line.replace(b"\0", b" ").decode(errors="replace")
    found, generation = {}, {os.getpid()}
    while generation:
        generation = {pid for pid, parent in parents.items() if parent in generation}
        found |= {pid: lines[pid] for pid in generation}
    return found
