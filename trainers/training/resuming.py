"""The state from which a training that was cut off goes on, and how often it is kept."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from trainers.checkpoint import load_training_state, save_training_state

FORMAT = 2
SAVE_EVERY_SECONDS = 20.0
SAVE_SHARE = 0.05
"""Of the time that may go into keeping states."""


class Stateful(Protocol):
    """A part of a training: modules, an optimizer, a schedule."""

    def state_dict(self) -> Any: ...
    def load_state_dict(self, state: Any) -> Any: ...


@dataclass
class Position:
    """How far a training is: the epochs done, the steps done in the next one, and what these amount to."""

    epoch: int = 0
    step: int = 0
    totals: dict[str, Tensor] = field(default_factory=dict)
    """The sums of each loss over the steps."""
    accuracies: list[float] = field(default_factory=list)
    """The discriminators', one for each step in which they played."""

    def add(self, losses: Mapping[str, Tensor], accuracy: float | None) -> None:
        """A step's losses, and how rightly discriminators told, if they played."""
        for name, one in losses.items():
            self.totals[name] = self.totals.get(name, 0.0) + one.detach()
        self.accuracies += [] if accuracy is None else [accuracy]
        self.step += 1

    def figures(self) -> dict[str, float]:
        """The epoch's losses so far, as means over its steps, their sum first, and the accuracy; to five digits."""
        each = {name: float(f"{float(one) / self.step:.5g}") for name, one in self.totals.items()}
        told = self.accuracies
        accuracy = {"discriminator_accuracy": round(sum(told) / len(told), 4)} if told else {}
        return {"loss": float(f"{sum(each.values()):.5g}"), **(each if len(each) > 1 else {}), **accuracy}


class Resumption:
    """Keeps the state of a training in a file, and puts its parts where the file says.

    A state of another `identity` (settings, seed, data) is not gone on from. Without a file nothing is kept.
    """

    def __init__(self, file: Path | None, identity: dict[str, Any], parts: Mapping[str, Stateful]) -> None:
        self._file, self._identity, self._parts = file, identity, parts
        self._saved, self._took = time.monotonic(), 0.0

    def resume(self) -> Position | None:
        """Load the parts, and where they are: the beginning without a file, None where it holds another training."""
        state = load_training_state(self._file) if self._file is not None else None
        if state is None:
            return Position()
        if state.get("format") != FORMAT or state["identity"] != self._identity:
            return None
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        return Position(**state["position"])

    def keep(self, position: Position, *, at_once: bool = False) -> None:
        """Save the state where it is due: after `SAVE_EVERY_SECONDS`, at the end of an epoch sooner, but not before the
        last save has come to `SAVE_SHARE` of the time since; with `at_once` in any case."""
        ready = time.monotonic()
        least = self._took / SAVE_SHARE
        since = ready - self._saved
        due = since > (max(least, SAVE_EVERY_SECONDS) if position.step else least)
        if self._file is None or not (due or at_once):
            return
        state = {name: part.state_dict() for name, part in self._parts.items()}
        about = {"format": FORMAT, "identity": self._identity, "position": asdict(position)}
        save_training_state(self._file, about | state)
        self._saved = time.monotonic()
        self._took = self._saved - ready
