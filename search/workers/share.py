"""How many cores, and which part of a GPU, each worker may use of a machine or a cluster."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from search.errors import RunError

UNITS = 10_000
"""Ray counts in ten-thousandths and rounds. A share that isn't rounded down here might not fit."""


@dataclass(frozen=True)
class Share:
    """What each worker gets, on one node, with its part of a GPU on one GPU.

    Threads times workers never exceed a node's cores, unless there are too few for one each.
    """

    cpus: float
    gpus: float
    threads: int

    @classmethod
    def of(cls, nodes: Sequence[Mapping[str, float]], workers: int) -> "Share":
        """The largest share with which `workers` workers fit on the nodes, each given by its resources.

        Where there are GPUs, every worker gets a part of one, and the cores that nodes with GPUs can spare.
        Raises RunError when no node can hold a worker.
        """
        needed = ("CPU", "GPU") if any(node.get("GPU", 0) >= 1 for node in nodes) else ("CPU",)
        hosts = [node for node in nodes if all(node.get(kind, 0) >= 1 for kind in needed)]
        if not hosts:
            raise RunError(_without_host(needed, nodes))
        cores, gpus = ([int(node.get(kind, 0)) for node in hosts] for kind in ("CPU", "GPU"))
        on_each_gpu = math.ceil(workers / sum(gpus)) if "GPU" in needed else 0
        room = [count * on_each_gpu for count in gpus] if on_each_gpu else [workers] * len(hosts)
        whole = range(UNITS, max(cores) * UNITS + 1, UNITS)
        parts = [count * UNITS // sharers for count in cores for sharers in range(1, workers + 1)]
        units = _largest_that_fits(whole, cores, room, workers) or _largest_that_fits(parts, cores, room, workers)
        return cls(
            cpus=units / UNITS,
            gpus=UNITS // on_each_gpu / UNITS if on_each_gpu else 0.0,
            threads=max(1, units // UNITS),
        )


def _largest_that_fits(sizes: Iterable[int], cores: Sequence[int], room: Sequence[int], workers: int) -> int:
    """The largest size, in units of a core, at which all workers fit; 0 where none does.

    room: how many workers each node may hold, whatever its number of cores.
    """
    return max(
        (
            size
            for size in sizes
            if sum(min(most, count * UNITS // size) for count, most in zip(cores, room, strict=True)) >= workers
        ),
        default=0,
    )


def _without_host(needed: Sequence[str], nodes: Sequence[Mapping[str, float]]) -> str:
    resources = "; ".join(f"{node.get('CPU', 0):g} CPU and {node.get('GPU', 0):g} GPU" for node in nodes)
    return (
        f"A worker needs a {' and a '.join(needed)} on one node of Ray, and no node has that. The nodes have: "
        f"{resources or 'nothing, as none is alive'}. Start the nodes again with --num-cpus (and --num-gpus 0 on those "
        "whose GPUs are not for this)."
    )
