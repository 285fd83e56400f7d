"""The nodes that workers run on: where they are, what a worker needs of one, and what happens when none is left."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ray
from ray.tune import Callback

from search.errors import RunError
from search.workers.assignments import Assignments
from search.workers.share import ANY, Demand, Share

CHECK_SECONDS = 2.0
BUSY_SECONDS = 120.0
"""After this time without any worker, the progress says that the cluster may be busy with other work."""
LOST_SECONDS = 600.0
"""So long a search without a node waits for one, since a cluster's autoscaler takes minutes to bring it."""


@dataclass(frozen=True)
class Nodes:
    """Where workers are, what each gets and how long it may take.

    address: HOST:PORT of a Ray cluster's head; None is this machine. demand: a worker's part of a node.
    timeout: seconds for one score, after which the worker is ended; None for no limit.
    """

    address: str | None = None
    demand: Demand = ANY
    timeout: float | None = None


THIS_MACHINE = Nodes()


def living_nodes() -> list[Mapping[str, float]]:
    """The resources of each node that Ray has now."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


class NodeWatch(Callback):
    """Says so when workers have no node, and ends a search that waits for one in vain, with RunError."""

    def __init__(self, share: Share, assignments: Assignments, note: Callable[[str], None]) -> None:
        self._share = share
        self._assignments = assignments
        self._note = note
        self._checked = self._busy = time.monotonic()
        self._noted: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks for a restore that never comes, because the journal is the state."""
        return {}

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        now = time.monotonic()
        if now - self._checked < CHECK_SECONDS:
            return
        self._checked = now
        if self._assignments.held:
            self._busy = now
            self._noted.clear()
        elif not any(self._share.fits(node) for node in living_nodes()):
            self._wait(now - self._busy)
        elif now - self._busy > BUSY_SECONDS:
            self._say(
                f"search: no worker has started for {BUSY_SECONDS:.0f} s; other programs may have the cores or the "
                "memory (on a cluster, 'ray status' shows which nodes are in use)"
            )

    def _wait(self, seconds: float) -> None:
        self._say(
            f"search: no node can hold a worker any more; waiting {LOST_SECONDS / 60:g} minutes for one to join "
            "(ray start --address=HEAD:PORT)"
        )
        if seconds > LOST_SECONDS:
            raise RunError(
                f"All nodes that could hold a worker are lost, and none has joined for {seconds:.0f} s. All results "
                "that arrived are recorded. Start nodes with 'ray start --address=HEAD:PORT', then start the same "
                "command again: it goes on where it stopped."
            )

    def _say(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self._note(text)
