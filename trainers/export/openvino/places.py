"""Where a detector's layers run, and which of them read each other's results: graphs of one layer, and of two.

Maps come and go in the order of memory that networks keep them in, channels last: turning them into another one would
take longer than many a layer.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch.utils._pytree import tree_flatten

from spaces.deployed.form import BinaryInput, Convolution
from spaces.deployed.rows import Row, arrays_of, row_of
from spaces.deployed.tape import LAYER, Step, Value, needed
from trainers.export.openvino.fusing import keep_signs_apart
from trainers.export.openvino.graph import build_step
from trainers.export.openvino.layers import build_layer, pooled
from trainers.export.openvino.random_network import Described
from trainers.export.openvino.runtime import Output, model, op

OF_A_VALUE = frozenset({"name", "method", "step", "low", "high", "top", "divides", "norm_eps"})
"""What of a layer's row doesn't change how long it takes."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """A layer where it runs: on a map of this shape, at a level of the pyramid. pool: of the map before it, in a
    shortcut. step: its own in the tape."""

    layer: Convolution
    shape: Shape
    level: int
    step: Step
    pool: int = 1

    @property
    def key(self) -> str:
        """The same for layers that take the same time: of equal numbers, sizes and arrays, whatever their values."""
        arrays = {name: one.shape for name, one in arrays_of(self.layer, self.level).items()}
        return json.dumps([_what_counts(row_of(self.layer)), arrays, self.shape, self.pool])

    @property
    def numbers(self) -> str:
        """On what it computes: floats, bytes or bits; and whether a gate, which isn't fused, makes its result."""
        computed = {"float": "floats", "binary": "bits"}.get(self.layer.kind, "bytes")
        return computed if self.layer.gate is None else f"gated {computed}"

    @property
    def reads(self) -> str:
        """How it reads its input: as the numbers that it computes on, with a threshold that hangs on the map, or with a
        gate that does."""
        given = self.layer.input
        return "means" if isinstance(given, BinaryInput) and given.dynamic is not None else self.numbers

    def build(self, x: Output) -> Output:
        return build_layer(self.layer, pooled(x, self.pool), self.level)

    def graph(self) -> Any:
        """It alone."""
        x = _parameter(self.shape)
        return _graph(self.build(_map(x)), [x])


@dataclass(frozen=True)
class Neighbours:
    """Two places, by their numbers in `places`: the second reads what the first makes, behind `between`.

    joined: they read the same map, and their results are added: a shortcut and its layer.
    """

    before: int
    after: int
    between: tuple[Step, ...] = ()
    joined: bool = False

    def graph(self, one: Described, before: Place, after: Place) -> Any:
        """Both. What else the steps between them read is an input."""
        x = _parameter(before.shape)
        if self.joined:
            made = op.add(after.build(_map(x)), before.build(_map(x))).output(0)
            return _graph(made, [x])
        inputs, outputs = [x], {made_by(before.step): before.build(_map(x))}
        for step in self.between:
            for value in values(step):
                if value not in outputs:
                    inputs.append(_parameter(_shape(one, value)))
                    outputs[value] = _map(inputs[-1])
            made = build_step(step, outputs)
            several = made if isinstance(made, tuple) else (made,)
            outputs |= {key: own for key, own in zip(step.outputs, several, strict=True) if key is not None}
        return _graph(after.build(outputs[after.step.inputs[0]]), inputs)

    def key(self, one: Described, before: Place, after: Place) -> str:
        """The same for pairs that take the same time."""
        between = [[step.operator, [_shape(one, value) for value in values(step)]] for step in self.between]
        return json.dumps([before.key, after.key, between, self.joined])


def places(one: Described) -> list[Place]:
    """Of all layers that the outputs need, in their order: each behind the convolution in its shortcut, if any."""
    return [place for step in needed(one.walked.tape) if step.operator == LAYER for place in _parts(one, step)]


def neighbours(one: Described) -> list[Neighbours]:
    """All pairs of places of which the second reads the first's result, or adds it to its own."""
    steps = needed(one.walked.tape)
    makers = {value: number for number, step in enumerate(steps) for value in step.outputs if value is not None}
    found = places(one)
    main = {id(place.step): number for number, place in enumerate(found)}  # the last place of a step is the layer's own
    pairs = []
    for number, place in enumerate(found):
        between, before = _before(steps, makers, place.step)
        pairs += [Neighbours(main[id(one)], number, between) for one in before]
        if main[id(place.step)] != number:
            pairs.append(Neighbours(number, main[id(place.step)], joined=True))
    return pairs


def made_by(layer: Step) -> Value:
    """What a layer's step makes."""
    [made] = layer.outputs
    if made is None:
        raise TypeError(f"{layer.layer} makes no tensor.")
    return made


def values(step: Step) -> list[Value]:
    """What a step reads."""
    return [one for one in tree_flatten((step.inputs, step.named))[0] if isinstance(one, Value)]


def _before(steps: list[Step], makers: Mapping[Value, int], step: Step) -> tuple[tuple[Step, ...], list[Step]]:
    """The steps between a layer and the layers that it reads, and these."""
    between, before, unseen = set[int](), set[int](), values(step)
    while unseen:
        number = makers.get(unseen.pop())
        if number is None:
            continue
        if steps[number].operator == LAYER:
            before.add(number)
        elif number not in between:
            between.add(number)
            unseen += values(steps[number])
    return tuple(steps[one] for one in sorted(between)), [steps[one] for one in sorted(before)]


def _parts(one: Described, step: Step) -> Iterator[Place]:
    layer, shape = one.layers[step.layer], _shape(one, step.inputs[0])
    shortcut = layer.shortcut
    if shortcut is not None and (own := shortcut.normed) is not None:
        yield Place(own, shape, 0, step, shortcut.stride)
        layer = replace(layer, shortcut=None)
    yield Place(layer, shape, step.level, step)


def _shape(one: Described, value: Value) -> Shape:
    return tuple(one.walked.tape.tensors[value.number].shape)


def _parameter(shape: Shape) -> Any:
    """An input, channels last if it is a map."""
    return op.parameter([shape[0], *shape[2:], shape[1]] if len(shape) == 4 else list(shape), np.float32)


def _map(x: Any) -> Output:
    return op.transpose(x, [0, 3, 1, 2]).output(0) if len(x.get_output_shape(0)) == 4 else x.output(0)


def _graph(made: Output, inputs: list[Any]) -> Any:
    """A graph that ends with a map, channels last, or with rows.

    A second result, of one value, keeps OpenVINO from computing a 1x1 convolution between two changes of order as a
    product of matrices, which networks don't do.
    """
    results = [made]
    if len(made.get_shape()) == 4:
        none, one = (np.full(4, value) for value in (0, 1))
        results = [op.transpose(made, [0, 2, 3, 1]).output(0), op.slice(made, none, one, one).output(0)]
    graph = model(results, inputs, "layers")
    keep_signs_apart(graph)
    return graph


def _what_counts(row: Row) -> Row:
    kept: dict[str, Any] = {name: value for name, value in row.items() if name not in OF_A_VALUE}
    return {name: _what_counts(value) if isinstance(value, dict) else value for name, value in kept.items()}
