"""A scorer that takes a moment and can fail in many ways, in a module that workers import. It needs no torch."""

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

from spaces.candidate import Candidate


@dataclass(frozen=True)
class FakeParts:
    """seconds a score takes; how some candidates end, by the number of sign layers they have: nan or one of ENDINGS."""

    seconds: float = 0.0
    endings: Mapping[int, str] | None = None
    log: str | None = None


def make_fake_scorer(parts: FakeParts) -> "FakeScorer":
    return FakeScorer(parts)


class FakeScorer:
    """map50 is 0.9 less 0.05 a sign layer, and 0.01 more a rung. Each score is noted in the parts' log file."""

    def __init__(self, parts: FakeParts) -> None:
        self._parts = parts
        self._scored = 0

    def score(self, candidate: Candidate, rung: int = 0) -> SimpleNamespace:
        time.sleep(self._parts.seconds)
        self._scored += 1
        signs = list(candidate.layers().values()).count("sign")
        ending = (self._parts.endings or {}).get(signs)
        if ending in ENDINGS:
            ENDINGS[ending]()
        if self._parts.log is not None:
            with open(self._parts.log, "a") as log:  # noqa: PTH123 - a whole line at once, appended
                log.write(f"{candidate.id}.{rung}\n")
        map50 = float("nan") if ending == "nan" else 0.9 - 0.05 * signs + 0.01 * rung
        return SimpleNamespace(
            metrics={"map50": map50},
            seconds={
                "evaluate": self._parts.seconds,
                "nth_of_worker": self._scored,
                "threads": int(os.environ["OMP_NUM_THREADS"]),  # as torch would read it, were it imported
                "torch": "torch" in sys.modules,
            },
        )


def _diverge() -> None:
    raise FloatingPointError("the loss is\nnot finite")


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang() -> None:
    """Sleep in C without letting another thread of Python run."""
    ctypes.PyDLL(None).sleep(1000)


def _eat_memory() -> None:
    """Ask for more memory than there is: a gigabyte more than this process has."""
    limits, pages = resource.getrlimit(resource.RLIMIT_AS), int(open("/proc/self/statm").read().split()[0])  # noqa: PTH123, SIM115
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**29, limits[1]))
    try:
        bytearray(2**30)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


FILLED = 4 * 2**30
"""Bytes that "fill" writes."""


def _fill_memory() -> None:
    """Take memory of the machine, and keep it for longer than Ray's memory monitor needs to see it."""
    taken = bytearray(b"1") * FILLED
    time.sleep(30)
    del taken


ENDINGS = {
    "raise": _diverge,
    "die": lambda: os._exit(1),
    "kill": _kill,
    "hang": _hang,
    "eat": _eat_memory,
    "fill": _fill_memory,
}


def fake_costs(candidate: Candidate) -> dict[str, float]:
    """bit_ops is 1024 a real layer and 1 a sign layer."""
    methods = list(candidate.layers().values())
    return {"bit_ops": 1024.0 * methods.count("real") + methods.count("sign")}
