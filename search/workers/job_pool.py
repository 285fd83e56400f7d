"""Jobs that take long, spread over workers: each is an actor that executes one job after another."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import ray
from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError

from search.errors import RunError
from search.workers.nodes import THIS_MACHINE, Nodes, living_nodes
from search.workers.runner import most_threads
from search.workers.session import ray_session
from search.workers.share import Share
from search.workers.worker import limit_threads

Call = tuple[Any, ...]
"""The arguments of one job."""


class Executes(Protocol):
    """Executes jobs in a worker."""

    def execute(self, *call: Any) -> Any: ...


class _Actor:
    """A worker, which makes its executor once."""

    def __init__(self, make: Callable[[Any], Executes], parts: Any, threads: int) -> None:
        limit_threads(threads)
        self._executor = make(parts)

    def execute(self, *call: Any) -> Any:
        return self._executor.execute(*call)


def run_jobs(
    calls: Sequence[Call],
    parts: Any,
    make: Callable[[Any], Executes],
    on_result: Callable[[int, Any], None],
    *,
    workers: int,
    nodes: Nodes = THIS_MACHINE,
) -> None:
    """Call `make(parts).execute(*call)` for each call, `workers` at a time; `on_result` gets the place and what came.

    `parts` are broadcast once. Raises RunError when a worker dies, and what a job raises; what came before has been
    given to `on_result`.
    """
    with ray_session(nodes.address, workers):
        share = Share.of(living_nodes(), workers, nodes.demand)
        shared = ray.put(parts)
        options = {"num_cpus": share.cpus, "num_gpus": share.gpus, "memory": share.memory or None}
        actor = ray.remote(_Actor).options(**options)
        threads = min(share.threads, most_threads())
        waiting = list(reversed(range(len(calls))))
        held: dict[Any, tuple[int, Any]] = {}
        for _ in range(min(share.places, len(calls))):
            one = actor.remote(make, shared, threads)
            place = waiting.pop()
            held[one.execute.remote(*calls[place])] = (place, one)  # type: ignore[attr-defined]
        while held:
            (ready,), _ = ray.wait(list(held), num_returns=1)
            place, one = held.pop(ready)
            on_result(place, _result(ready))
            if waiting:
                place = waiting.pop()
                held[one.execute.remote(*calls[place])] = (place, one)


def _result(ready: Any) -> Any:
    try:
        return ray.get(ready)
    except RayTaskError as error:
        raise error.cause from error
    except (RayActorError, OutOfMemoryError) as error:
        raise RunError(
            f"A worker died: {str(error).splitlines()[0]} If memory ran out, give fewer --workers. "
            "The same command goes on where it stopped."
        ) from error
