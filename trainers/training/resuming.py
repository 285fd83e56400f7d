"""The saved state from which an interrupted training resumes, and how often it is saved."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from trainers.checkpoint import load_training_state, save_training_state
from trainers.training.processes import ONE_PROCESS, Processes

FORMAT = 2
SAVE_EVERY_SECONDS = 20.0
SAVE_SHARE = 0.05
"""The largest share of a training's time that goes into saving states."""


class Stateful(Protocol):
    """A part of a training: modules, an optimizer, a schedule."""

    def state_dict(self) -> Any: ...
    def load_state_dict(self, state: Any) -> Any: ...


@dataclass
class Position:
    """How far a training is: epochs done, steps done in the next epoch, and the losses and figures of these steps."""

    epoch: int = 0
    step: int = 0
    totals: dict[str, Tensor] = field(default_factory=dict)
    """The sums of each loss over the steps."""
    reported: dict[str, list[float | Tensor]] = field(default_factory=dict)
    """The figures of modules by name, with one value for each step that reported it."""

    def add(self, losses: Mapping[str, Tensor], figures: Mapping[str, float | Tensor]) -> None:
        """Count one more step, with its losses and the figures of its modules."""
        for name, loss in losses.items():
            self.totals[name] = self.totals.get(name, 0.0) + loss.detach()
        for name, value in figures.items():
            self.reported.setdefault(name, []).append(value)
        self.step += 1

    def figures(self) -> dict[str, float]:
        """The epoch's losses so far to five digits, their sum first, and modules' figures to four decimals.

        Losses are means over the steps, figures over the steps that had them.
        """
        each = {name: float(f"{float(total) / self.step:.5g}") for name, total in self.totals.items()}
        figures = {name: round(float(sum(values) / len(values)), 4) for name, values in self.reported.items()}
        return {"loss": float(f"{sum(each.values()):.5g}"), **(each if len(each) > 1 else {}), **figures}


class Storage(Protocol):
    """Where states lie, each under the path of its file."""

    def load(self, file: Path) -> dict[str, Any] | None:
        """The state; None where there is none."""

    def save(self, file: Path, state: Mapping[str, Any]) -> None:
        """Save the state, whole or not at all."""


class FileStorage:
    """States in files of this machine."""

    def load(self, file: Path) -> dict[str, Any] | None:
        """See `load_training_state`."""
        return load_training_state(file)

    def save(self, file: Path, state: Mapping[str, Any]) -> None:
        """See `save_training_state`."""
        save_training_state(file, state)


FILES = FileStorage()


class Resumption:
    """Saves the state of a training in a file and loads its parts from there.

    A state of another `identity` (settings, seed, data) isn't resumed. Without a file nothing is saved. Of several
    processes the first one alone reads and saves. `check` is called before a state is saved, and raises if it is none
    to go on from.
    """

    def __init__(
        self,
        file: Path | None,
        identity: dict[str, Any],
        parts: Mapping[str, Stateful],
        storage: Storage = FILES,
        processes: Processes = ONE_PROCESS,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._file, self._identity, self._parts = file, identity, parts
        self._storage, self._processes, self._check = storage, processes, check
        self._saved, self._took = time.monotonic(), 0.0

    def resume(self, device: torch.device | None = None) -> Position | None:
        """Load the parts and return their position: the beginning without a file, None for another training's.

        device: on which processes exchange tensors; None is the CPU.
        """
        reads = self._file is not None and self._processes.first
        state = self._storage.load(self._file) if reads and self._file is not None else None
        state = self._processes.from_first(state, device or torch.device("cpu"))
        if state is None:
            return Position()
        if state.get("format") != FORMAT or state["identity"] != self._identity:
            return None
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        known = {key.name for key in fields(Position)}  # older versions saved discriminators' accuracies separately
        return Position(**{name: value for name, value in state["position"].items() if name in known})

    def keep(self, position: Position, *, at_once: bool = False) -> None:
        """Save the state if it is due; with `at_once` in any case.

        It is due every `SAVE_EVERY_SECONDS`, and earlier at an epoch's end, but saving takes at most `SAVE_SHARE` of
        the time.
        """
        begun = time.monotonic()
        shortest = self._took / SAVE_SHARE
        due = begun - self._saved > (max(shortest, SAVE_EVERY_SECONDS) if position.step else shortest)
        if self._file is None or not self._processes.first or not (due or at_once):
            return
        self._check()
        state = {name: part.state_dict() for name, part in self._parts.items()}
        header = {"format": FORMAT, "identity": self._identity, "position": asdict(position)}
        self._storage.save(self._file, header | state)
        self._saved = time.monotonic()
        self._took = self._saved - begun
