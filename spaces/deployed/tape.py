"""What a network computes on a batch, written down operator by operator, with its layers as single steps.

An exporter walks the steps and builds each in its target's operators. The network runs once, eagerly: sizes and choices
are those of this batch.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from spaces.deployed.describe import UndescribedError
from spaces.layers import SearchableUnit
from spaces.layers.levels import LevelNorms

LAYER = "layer"


@dataclass(frozen=True)
class Value:
    """A tensor that depends on the batch, by its place among all such; the batch itself is 0."""

    number: int


@dataclass(frozen=True)
class Step:
    """One operator, or one layer.

    operator: torch's name of it, such as `aten.add.Tensor`, or `LAYER`. inputs: its arguments in order, a Value for
    each tensor that depends on the batch and the Tensor itself for one that doesn't. named: arguments by name. outputs:
    a Value each, None for results that are no tensors. layer: the module's name. level: of the pyramid, for which a
    layer that several levels share has a norm of its own.
    """

    operator: str
    inputs: tuple[Any, ...]
    named: dict[str, Any]
    outputs: tuple[Value | None, ...]
    layer: str = ""
    level: int = 0


@dataclass(frozen=True)
class Tape:
    """Steps in their order, the tensors that they had on the batch by number, and what the network returned."""

    steps: list[Step]
    tensors: list[Tensor]
    returned: list[Value]


@torch.no_grad()
def record(network: nn.Module, run: Callable[[Tensor], Sequence[Tensor]], batch: Tensor) -> Tape:
    """The steps of `run(batch)`, which runs the network. It is in evaluation mode.

    Steps are its units, convolutions and linear layers, see `describe`, and torch's operators in between; what
    doesn't depend on the batch is no step. Raises UndescribedError for an operator that changes its input in place.
    """
    recorder = _Recorder(batch)
    with _as_steps(network, recorder), recorder:
        returned = run(batch)
    return Tape(recorder.steps, recorder.tensors, [recorder.value(one) for one in returned])


def needed(tape: Tape) -> list[Step]:
    """The steps that the returned values depend on."""
    wanted, kept = set(tape.returned), []
    for step in reversed(tape.steps):
        if wanted.intersection(step.outputs):
            kept.append(step)
            wanted |= {one for one in tree_flatten((step.inputs, step.named))[0] if isinstance(one, Value)}
    return kept[::-1]


class _Recorder(TorchDispatchMode):
    """Sees every operator that torch runs. Tensors are known by identity: all are kept, so that none is reused."""

    def __init__(self, batch: Tensor) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.tensors = [batch]
        self._numbers = {id(batch): 0}
        self.paused = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        if not self.paused and any(id(one) in self._numbers for one in tree_flatten((args, kwargs))[0]):
            if func._schema.is_mutable:
                raise UndescribedError(f"{func} changes its input in place, which can't be exported.")
            self.note(str(func), args, kwargs or {}, made)
        return made

    def note(
        self, operator: str, inputs: tuple[Any, ...], named: dict[str, Any], made: Any, layer: str = "", level: int = 0
    ) -> None:
        """Append a step that made one tensor or several."""
        inputs, named = tree_map(self._replaced, (inputs, named))
        results = made if isinstance(made, tuple | list) else (made,)
        outputs = tuple(self._new(one) if isinstance(one, Tensor) else None for one in results)
        self.steps.append(Step(operator, inputs, named, outputs, layer, level))

    def value(self, tensor: Tensor) -> Value:
        """The value that the tensor is."""
        return Value(self._numbers[id(tensor)])

    def _replaced(self, one: Any) -> Any:
        return Value(self._numbers[id(one)]) if id(one) in self._numbers else one

    def _new(self, tensor: Tensor) -> Value:
        self._numbers[id(tensor)] = len(self.tensors)
        self.tensors.append(tensor)
        return Value(len(self.tensors) - 1)


@contextmanager
def _as_steps(network: nn.Module, recorder: _Recorder) -> Iterator[None]:
    """Within it every layer notes one step, and nothing of what it is made of."""
    layers: dict[str, nn.Module] = {}
    for name, module in network.named_modules():
        if isinstance(module, SearchableUnit | nn.Conv2d | nn.Linear) and not _inside(name, layers):
            layers[name] = module
    for name, module in layers.items():
        module.forward = _noting(recorder, name, module)
    try:
        yield
    finally:
        for module in layers.values():
            del module.forward


def _inside(name: str, layers: dict[str, nn.Module]) -> bool:
    return any(name.startswith(f"{layer}.") for layer in layers)


def _noting(recorder: _Recorder, name: str, module: nn.Module) -> Callable[[Tensor], Tensor]:
    forward: Callable[[Tensor], Tensor] = module.forward

    def run(x: Tensor) -> Tensor:
        recorder.paused = True
        try:
            y = forward(x)
        finally:
            recorder.paused = False
        levels = [one.level for one in module.modules() if isinstance(one, LevelNorms)]
        recorder.note(LAYER, (x,), {}, y, name, (levels[0] if levels else None) or 0)
        return y

    return run
