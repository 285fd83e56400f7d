"""Ends workers that take too long over a candidate. From the driver, since a hang in C code answers no signal."""

import time
from dataclasses import dataclass

import ray
from ray.actor import ActorHandle

from search.workers.reasons import late_reason

GRACE_SECONDS = 1.0
"""How long a worker beyond its limit has to answer. One that answers is not busy: its score is on the way."""


@dataclass
class _Watched:
    worker: ActorHandle
    deadline: float
    answer: ray.ObjectRef | None = None  # comes when the worker is through with what it does


class TimeLimit:
    """Knows since when each worker has been busy with its candidate, and ends those that are beyond the limit.

    seconds: from the moment at which a worker that is set up gets a candidate; None for no limit.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._watched: dict[str, _Watched] = {}
        self._ended: set[str] = set()

    def begin(self, name: str, worker: ActorHandle) -> None:
        """Start the clock of the worker of this name, which gets a candidate."""
        if self._seconds is not None:
            self._watched[name] = _Watched(worker, time.monotonic() + self._seconds)

    def end(self, name: str) -> None:
        """Stop it: the score is there, or the worker died."""
        self._watched.pop(name, None)

    def reason(self, name: str) -> str | None:
        """Why the worker's candidate has no score, if the worker was ended here."""
        return late_reason(self._seconds) if self._seconds is not None and name in self._ended else None

    def enforce(self) -> None:
        """End the workers that are beyond the limit and don't answer. To be called often: it doesn't wait."""
        now = time.monotonic()
        for name, watched in self._watched.items():
            if now < watched.deadline or name in self._ended:
                continue
            if watched.answer is None:
                watched.answer = watched.worker.__ray_ready__.remote()
            elif ray.wait([watched.answer], timeout=0)[0]:
                watched.deadline, watched.answer = now + float(self._seconds or 0), None
            elif now >= watched.deadline + GRACE_SECONDS:
                self._ended.add(name)
                ray.kill(watched.worker)
