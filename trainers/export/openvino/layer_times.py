"""How long each layer of a detector takes by itself with each of its methods; equal layers are measured once."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spaces.candidate import Candidate
from spaces.deployed.form import Convolution
from spaces.deployed.rows import Row, row_of
from spaces.deployed.tape import LAYER, Step, needed
from spaces.detectors import DetectorSpec
from spaces.layers import REAL
from trainers.export.openvino.layers import build_layer
from trainers.export.openvino.random_network import Described, described
from trainers.export.openvino.runtime import model, op
from trainers.export.openvino.timing import Run, Time, runs, times

OF_A_VALUE = frozenset({"name", "method", "step", "low", "high", "top", "divides", "norm_eps"})
"""What of a layer's row doesn't change how long it takes; a method whose layer looks like another's is as fast."""

Choices = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Place:
    """A layer where it runs: its name, its method, its input's shape, and the pyramid's level."""

    name: str
    method: str
    layer: Convolution
    shape: tuple[int, ...]
    level: int

    @property
    def key(self) -> str:
        """The same for layers that take the same time."""
        return json.dumps([_what_counts(row_of(self.layer)), self.shape])


@dataclass(frozen=True)
class LayerTimes:
    """By layer and method; a layer that runs on several levels has the sum. graphs: how many were measured."""

    layers: dict[str, dict[str, Time]]
    graphs: int


def layer_times(spec: DetectorSpec, choices: Choices, rounds: int, threads: int) -> LayerTimes:
    """Every layer as real, and those that `choices` names with each method that it offers.

    A layer is a graph of its own, behind its input and without the shortcut's convolution, which is a layer too. What
    it takes to call a graph is taken off.
    """
    methods = dict.fromkeys([REAL, *(method for offered in choices.values() for method in offered)])
    networks = [_places(described(spec, _everywhere(choices, method))) for method in methods]
    distinct = {place.key: place for places in networks for place in places}
    call, *found = times([_call(threads), *(_run(one, threads) for one in distinct.values())], rounds, threads)
    taken = {key: _without(one, call.ms) for key, one in zip(distinct, found, strict=True)}
    layers: dict[str, dict[str, Time]] = {}
    for places in networks:
        for name, levels in _by_name(places).items():
            layers.setdefault(name, {})[levels[0].method] = _sum([taken[place.key] for place in levels])
    return LayerTimes(layers, len(distinct))


def _everywhere(choices: Choices, method: str) -> Candidate:
    """The candidate with a method in each layer that offers it."""
    return Candidate({f"layer/{prefix}": method if method in offered else REAL for prefix, offered in choices.items()})


def _places(one: Described) -> list[Place]:
    return [place for step in needed(one.walked.tape) if step.operator == LAYER for place in _parts(one, step)]


def _parts(one: Described, step: Step) -> Iterator[Place]:
    """A layer, and its shortcut's convolution behind the mean over pixels."""
    layer, shape = one.layers[step.layer], tuple(one.walked.tape.tensors[step.inputs[0].number].shape)
    shortcut = layer.shortcut
    if shortcut is None or (own := shortcut.normed) is None:
        yield Place(layer.name, layer.method, layer, shape, step.level)
        return
    yield Place(layer.name, layer.method, replace(layer, shortcut=None), shape, step.level)
    sides = (-(-side // shortcut.stride) for side in shape[2:])
    yield Place(own.name, own.method, own, (*shape[:2], *sides), 0)


def _by_name(places: Iterable[Place]) -> dict[str, list[Place]]:
    named: dict[str, list[Place]] = {}
    for place in places:
        named.setdefault(place.name, []).append(place)
    return named


def _run(place: Place, threads: int) -> Run:
    x = op.parameter(list(place.shape), np.float32)
    graph = model([build_layer(place.layer, x.output(0), place.level)], [x], "layer")
    return runs(graph, [np.random.default_rng(0).standard_normal(place.shape).astype(np.float32)], threads)


def _call(threads: int) -> Run:
    """Runs a graph that does next to nothing."""
    x = op.parameter([1], np.float32)
    return runs(model([op.relu(x).output(0)], [x], "call"), [np.ones(1, np.float32)], threads)


def _without(time: Time, call: float) -> Time:
    return Time(*(max(0.0, one - call) for one in (time.ms, time.low, time.high)))


def _sum(levels: Sequence[Time]) -> Time:
    return Time(*(sum(getattr(one, name) for one in levels) for name in ("ms", "low", "high")))


def _what_counts(row: Row) -> Row:
    kept: dict[str, Any] = {name: value for name, value in row.items() if name not in OF_A_VALUE}
    return {name: _what_counts(value) if isinstance(value, dict) else value for name, value in kept.items()}
