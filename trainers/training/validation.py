"""Validation between a training's epochs: its figures, the best weights, and when to end early."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from trainers.training.settings import TrainSettings
from trainers.training.step import Training

MAIN = ("ap", "map50", "top1")
"""The figures by which weights are the best, the first one that there is of these."""


@dataclass(frozen=True)
class Validated:
    """What validations found. best: the epochs after which the figures were best; the first of equal ones.

    figures: by the number of epochs done, in 0..1. weights: the network's after the best, on the CPU.
    """

    main: str
    best: int
    figures: Mapping[int, Mapping[str, float]]
    weights: Mapping[str, Tensor]

    @property
    def epochs(self) -> int:
        """How many were trained, up to the last validation: all of them, or those before patience ended."""
        return max(self.figures)

    def as_plain(self) -> dict[str, Any]:
        """The figures without the weights, as JSON can hold them."""
        epochs = [{"epoch": epoch, **figures} for epoch, figures in self.figures.items()]
        return {"main": self.main, "best_epoch": self.best, "best": self.figures[self.best], "epochs": epochs}


class Validation:
    """Measures a network every few epochs, and after the last one, as it would be if the training ended there.

    With a moving average it is the average that is measured, with statistics of its own. The training itself goes on
    as if nothing had been measured. `score` gives the figures of the network as it then is, `finish` does before what
    follows a training's last step, after so many epochs. The state has the best weights, so that they are those of its
    figures whenever the training is killed.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: TrainSettings,
        score: Callable[[], Mapping[str, float]],
        finish: Callable[[int], None],
    ) -> None:
        self._network, self._score, self._finish = network, score, finish
        self._every, self._epochs, self._patience = settings.validate_every, settings.epochs, settings.patience
        self._figures: dict[int, dict[str, float]] = {}
        self._weights: dict[str, Tensor] = {}

    def after(self, epoch: int, training: Training) -> dict[str, float | str]:
        """The figures for the progress after so many epochs, as `val_<name>` to four decimals; none if it isn't due."""
        if self._every is None or (epoch % self._every and epoch != self._epochs):
            return {}
        with training.as_finished():
            self._finish(epoch)
            self._figures[epoch] = {name: float(value) for name, value in self._score().items()}
            if self._best == epoch:
                self._weights = {
                    name: tensor.detach().cpu().clone() for name, tensor in self._network.state_dict().items()
                }
        figures: dict[str, float | str] = {f"val_{name}": round(v, 4) for name, v in self._figures[epoch].items()}
        return {**figures, "ended": "patience"} if self.ended and epoch < self._epochs else figures

    @property
    def ended(self) -> bool:
        """Whether there were `patience` validations in a row without a better one."""
        return self._patience is not None and sum(epoch > self._best for epoch in self._figures) >= self._patience

    def result(self) -> Validated:
        """What was found. Only after a validation."""
        return Validated(self._main, self._best, dict(self._figures), self._weights)

    def ending_text(self) -> str:
        """Why the training ended early."""
        last, best = max(self._figures), self._figures[self._best][self._main]
        return (
            f"ended after {last} of {self._epochs} epochs: val_{self._main} was best after {self._best}, {best:.4f}, "
            f"and no better in {self._patience} validation{'s' if self._patience != 1 else ''}"
        )

    def state_dict(self) -> dict[str, Any]:
        """The figures so far and the best weights."""
        return {"figures": self._figures, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self._figures, self._weights = state["figures"], state["weights"]

    @property
    def _main(self) -> str:
        return next(name for name in MAIN if name in next(iter(self._figures.values())))

    @property
    def _best(self) -> int:
        return max(self._figures, key=lambda epoch: (self._figures[epoch][self._main], -epoch), default=0)
