"""How many cores, which part of a GPU and how much memory each worker gets of a machine or a cluster."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from search.errors import RunError

UNITS = 10_000
"""Ray counts in ten-thousandths and rounds. A share that isn't rounded down here might not fit."""
GIGABYTE = 2**30


@dataclass(frozen=True)
class Demand:
    """What the user wants each worker to have. What is None follows from the nodes and the number of workers."""

    cpu: float | None = None
    gpu: float | None = None
    memory_gb: float | None = None

    def fit_gpus(self, node: Mapping[str, float]) -> int | None:
        """How many workers the node's GPUs can hold; None where no GPU is wanted. A part lies on one GPU."""
        if not self.gpu:
            return None
        count = int(node.get("GPU", 0))
        return int(count // self.gpu) if self.gpu > 1 else count * (UNITS // _units(self.gpu))

    def fit_memory(self, node: Mapping[str, float]) -> int | None:
        return None if self.memory_gb is None else int(node.get("memory", 0) // (self.memory_gb * GIGABYTE))

    def __str__(self) -> str:
        wanted = {"cpu": self.cpu, "gpu": self.gpu, "memory_gb": self.memory_gb}
        return ", ".join(f"{name}: {value:g}" for name, value in wanted.items() if value is not None)


ANY = Demand()


@dataclass(frozen=True)
class Share:
    """What each worker gets, on one node, with its part of a GPU on one GPU.

    Threads times workers never exceed a node's cores, unless there are too few for one each, or the user wants so.
    places: how many workers the nodes can hold; the others wait until a node joins.
    """

    cpus: float
    gpus: float
    threads: int
    memory: int
    places: int

    @classmethod
    def of(cls, nodes: Sequence[Mapping[str, float]], workers: int, demand: Demand = ANY) -> "Share":
        """The largest share with which `workers` workers fit on the nodes, each given by its resources.

        What `demand` names is as it says. Where there are GPUs and it names none, every worker gets a part of one, and
        the cores that nodes with GPUs can spare. Raises RunError when no node can hold a worker.
        """
        asked, demand = demand, _with_gpu(demand, nodes, workers)
        room = [_room(node, demand) for node in nodes]
        hosts = [(int(node.get("CPU", 0)), most) for node, most in zip(nodes, room, strict=True) if most >= 1]
        if not hosts:
            raise RunError(_without_host(asked, nodes))
        units = _units(demand.cpu) if demand.cpu is not None else _largest_share(hosts, workers)
        return cls(
            cpus=units / UNITS,
            gpus=_units(demand.gpu or 0.0) / UNITS,
            threads=max(1, units // UNITS),
            memory=int((demand.memory_gb or 0.0) * GIGABYTE),
            places=min(workers, _places(units, hosts)),
        )

    def fits(self, node: Mapping[str, float]) -> bool:
        """Whether a node of these resources, if it were idle, could hold a worker."""
        needed = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory}
        return all(node.get(kind, 0) >= amount for kind, amount in needed.items())

    def resources(self) -> dict[str, float]:
        """As Tune wants them; the memory is in bytes."""
        return {"cpu": self.cpus, "gpu": self.gpus, "memory": self.memory}


def _units(amount: float) -> int:
    return math.floor(amount * UNITS + 1e-6)


def _with_gpu(demand: Demand, nodes: Sequence[Mapping[str, float]], workers: int) -> Demand:
    """With an equal part of a GPU for each worker, where there are GPUs and the user has not said how much."""
    counts = [int(node.get("GPU", 0)) for node in nodes if node.get("CPU", 0) >= 1]
    if demand.gpu is not None or not any(node.get("GPU", 0) >= 1 for node in nodes):
        return demand
    on_each = math.ceil(workers / max(1, sum(counts)))
    return Demand(demand.cpu, UNITS // on_each / UNITS, demand.memory_gb)


def _room(node: Mapping[str, float], demand: Demand) -> int:
    """How many workers a node can hold, were its cores divided at will."""
    cores = int(node.get("CPU", 0))
    by_cores = cores * UNITS // (_units(demand.cpu) if demand.cpu is not None else 1)
    limits = [by_cores, demand.fit_gpus(node), demand.fit_memory(node)]
    return min(limit for limit in limits if limit is not None)


def _places(size: int, hosts: Sequence[tuple[int, int]]) -> int:
    """How many workers of that size, in units of a core, fit on nodes given by cores and room."""
    return sum(min(most, cores * UNITS // size) for cores, most in hosts)


def _largest_share(hosts: Sequence[tuple[int, int]], workers: int) -> int:
    """The largest size, in units of a core, at which all workers fit that have room at all; whole cores are better."""
    workers = min(workers, sum(most for _, most in hosts))
    whole = range(UNITS, max(cores for cores, _ in hosts) * UNITS + 1, UNITS)
    parts = [cores * UNITS // sharers for cores, _ in hosts for sharers in range(1, workers + 1)]
    return _largest_that_fits(whole, hosts, workers) or _largest_that_fits(parts, hosts, workers)


def _largest_that_fits(sizes: Iterable[int], hosts: Sequence[tuple[int, int]], workers: int) -> int:
    return max((size for size in sizes if size and _places(size, hosts) >= workers), default=0)


def _without_host(asked: Demand, nodes: Sequence[Mapping[str, float]]) -> str:
    kinds = "CPU and a GPU" if any(node.get("GPU", 0) >= 1 for node in nodes) and asked.gpu is None else "CPU"
    needed = f"search.resources asks for {asked}" if asked != ANY else f"A worker needs a {kinds}"
    memory = [f" and {node.get('memory', 0) / GIGABYTE:.3g} GB" if asked.memory_gb else "" for node in nodes]
    resources = "; ".join(
        f"{node.get('CPU', 0):g} CPU and {node.get('GPU', 0):g} GPU{more}"
        for node, more in zip(nodes, memory, strict=True)
    )
    start = "Ask for less, or start" if asked != ANY else "Start"
    return (
        f"{needed} on one node of Ray, and no node has that. The nodes have: "
        f"{resources or 'nothing, as none is alive'}. {start} the nodes again with --num-cpus (and --num-gpus 0 on "
        "those whose GPUs are not for this)."
    )
