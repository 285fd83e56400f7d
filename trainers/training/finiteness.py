"""Whether losses and gradients are finite numbers, asked without waiting for a GPU at every step."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

EVERY_STEPS = 50
"""So many steps are looked at together on a device that would be waited for."""


class DivergedError(FloatingPointError):
    """A loss, a gradient or a weight is no longer a finite number."""


class FiniteSteps:
    """Raises DivergedError for the first step whose losses or gradients aren't finite, some steps later if `delayed`.

    Delayed, weights have changed by then; `check` before they are saved or used.
    """

    def __init__(self, stage: str, *, delayed: bool) -> None:
        self._stage, self.delayed = stage, delayed
        self._unseen: list[tuple[str, dict[str, Tensor], list[Tensor]]] = []

    def add(self, epoch: int, step: int, losses: Mapping[str, Tensor], norms: Sequence[Tensor]) -> None:
        """Look at a step's losses and the norms of its gradients, now or with those of later steps."""
        self._unseen.append((f"epoch {epoch}, step {step}", dict(losses), list(norms)))
        if not self.delayed or len(self._unseen) == EVERY_STEPS:
            self.check()

    def check(self) -> None:
        """Look at all steps that haven't been looked at."""
        steps, self._unseen = self._unseen, []
        if not self.delayed:
            sound = [_all_finite(losses, norms) for _, losses, norms in steps]
        elif steps:  # one transfer for all steps
            sums = [
                torch.stack([one.float() for one in (*losses.values(), *norms)]).sum() for _, losses, norms in steps
            ]
            sound = torch.stack(sums).isfinite().tolist()
        else:
            sound = []
        if not all(sound):
            where, losses, _ = steps[sound.index(False)]
            if all(math.isfinite(float(loss)) for loss in losses.values()):
                raise DivergedError(f"The gradient of {self._stage} is not finite in {where}: {_listed(losses)}.")
            raise DivergedError(f"The loss of {self._stage} is not finite in {where}: {_listed(losses)}.")


def check_finite(losses: Mapping[str, Tensor], stage: str, epoch: int, step: int) -> None:
    """Raise DivergedError, naming every term, when one isn't finite."""
    if not _all_finite(losses, ()):
        raise DivergedError(f"The loss of {stage} is not finite in epoch {epoch}, step {step}: {_listed(losses)}.")


def _all_finite(losses: Mapping[str, Tensor], norms: Sequence[Tensor]) -> bool:
    return all(math.isfinite(float(one.detach())) for one in (*losses.values(), *norms))


def _listed(losses: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{name}={float(loss.detach()):g}" for name, loss in losses.items())
