"""How long each layer of a detector takes with each of its methods, and what lies between it and its neighbours.

Equal layers are measured once, and so are equal pairs of neighbours. What two neighbours take together is not the sum
of what each takes: the first may hand on bytes instead of floats, operators of both are fused, an order of memory is
changed. The difference hangs on what they compute on, and on how the second reads its input: it is measured for these.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.latency import Seam
from spaces.layers import REAL
from trainers.export.openvino.places import Neighbours, Place, neighbours, places
from trainers.export.openvino.random_network import Described, described
from trainers.export.openvino.runtime import model, op
from trainers.export.openvino.timing import Run, Time, runs, times

Choices = Mapping[str, Sequence[str]]

Alternatives = Mapping[str, Place]
"""A place by method."""


@dataclass(frozen=True)
class LayerTimes:
    """By layer and method; a layer that runs on several levels has the sum. graphs: how many were measured."""

    layers: dict[str, dict[str, Time]]
    seams: list[Seam]
    graphs: int


def layer_times(spec: DetectorSpec, choices: Choices, rounds: int, seconds: float, threads: int) -> LayerTimes:
    """Every layer as real, and those that `choices` names with each method that it offers; and the seams of these.

    A layer's time is without what it takes to call a graph, and without its shortcut's convolution, a layer too.
    """
    methods = dict.fromkeys([REAL, *(method for offered in choices.values() for method in offered)])
    networks = [described(spec, _everywhere(choices, method)) for method in methods]
    found = [_by_method(own) for own in zip(*map(places, networks), strict=True)]
    edges = neighbours(networks[0])
    graphs: dict[str, Callable[[], Any]] = {place.key: place.graph for own in found for place in own.values()}
    for edge in edges:
        for before in _kinds(found[edge.before], "numbers").values():
            for after in _kinds(found[edge.after], "reads").values():
                key = edge.key(networks[0], before, after)
                graphs.setdefault(key, partial(edge.graph, networks[0], before, after))
    call, *measured = times(
        [_call(threads), *(_run(one(), threads) for one in graphs.values())], rounds, seconds, threads
    )
    taken = {key: _without(one, call.ms) for key, one in zip(graphs, measured, strict=True)}
    return LayerTimes(_by_layer(found, taken), _seams(networks[0], found, edges, taken), len(graphs))


def _everywhere(choices: Choices, method: str) -> Candidate:
    """The candidate with a method in each layer that offers it."""
    return Candidate({f"layer/{prefix}": method if method in offered else REAL for prefix, offered in choices.items()})


def _by_method(own: Iterable[Place]) -> Alternatives:
    return {place.layer.method: place for place in own}


def _kinds(own: Alternatives, kind: str) -> dict[str, Place]:
    """For each value of an attribute the first place that has it: it stands for all of these."""
    kinds: dict[str, Place] = {}
    for place in own.values():
        kinds.setdefault(getattr(place, kind), place)
    return kinds


def _by_layer(found: Iterable[Alternatives], taken: Mapping[str, Time]) -> dict[str, dict[str, Time]]:
    layers: dict[str, dict[str, list[Time]]] = {}
    for own in found:
        for method, place in own.items():
            layers.setdefault(place.layer.name, {}).setdefault(method, []).append(taken[place.key])
    return {name: {method: _sum(levels) for method, levels in own.items()} for name, own in layers.items()}


def _seams(
    one: Described, found: Sequence[Alternatives], edges: Iterable[Neighbours], taken: Mapping[str, Time]
) -> list[Seam]:
    """By two layers' names; of those that meet on several levels the sum."""
    sums: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for edge in edges:
        first, second = found[edge.before], found[edge.after]
        names = first[REAL].layer.name, second[REAL].layer.name
        for method, before in first.items():
            own = sums.setdefault(names, {}).setdefault(method, {})
            for other, after in second.items():
                pair = _kinds(first, "numbers")[before.numbers], _kinds(second, "reads")[after.reads]
                together = taken[edge.key(one, *pair)].ms - sum(taken[place.key].ms for place in pair)
                own[other] = own.get(other, 0.0) + together
    return [Seam(*names, ms) for names, ms in sums.items()]


def _run(graph: Any, threads: int) -> Run:
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal(one.get_shape()).astype(np.float32) for one in graph.inputs]
    return runs(graph, inputs, threads)


def _call(threads: int) -> Run:
    """Runs a graph that does next to nothing."""
    x = op.parameter([1], np.float32)
    return runs(model([op.relu(x).output(0)], [x], "call"), [np.ones(1, np.float32)], threads)


def _without(time: Time, call: float) -> Time:
    return Time(*(max(0.0, one - call) for one in (time.ms, time.low, time.high)))


def _sum(levels: Sequence[Time]) -> Time:
    return Time(*(sum(getattr(one, name) for one in levels) for name in ("ms", "low", "high")))
