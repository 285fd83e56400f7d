"""One step of a training, without the loop over batches: losses, gradients, their clipping, and the update."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from trainers.data.batches import Batch
from trainers.devices import to_device
from trainers.seeding import seeded, seeded_torch
from trainers.training.module_figures import Annealed, FlippedSigns, Reporting, mean_figures, set_progress
from trainers.training.parameter_groups import clipping_sides, optimizer_groups, searched_parameters
from trainers.training.resuming import Position, Stateful
from trainers.training.schedule import warmed_cosine
from trainers.training.settings import TrainSettings

StepLosses = Callable[[Batch, int, int], dict[str, Tensor]]
"""From a batch, the epoch and the step within it to the losses whose sum is trained."""


class DivergedError(FloatingPointError):
    """A loss, a gradient or a weight is no longer a finite number."""


class Training:
    """Modules with their optimizer and schedule (AdamW, a warmed-up cosine rate), trained one batch at a time.

    In every step torch draws from (seed, epoch, step), and the caller's generators are as before when it ends.
    `step_losses` must derive all other randomness from these, so that a resumed training matches an uninterrupted one
    bit for bit.
    """

    def __init__(
        self,
        modules: nn.ModuleDict,
        step_losses: StepLosses,
        settings: TrainSettings,
        *,
        steps_per_epoch: int,
        seed: int,
        stage: str,
    ) -> None:
        self.modules, self._step_losses, self.settings = modules, step_losses, settings
        self.steps_per_epoch, self._seed, self._stage = steps_per_epoch, seed, stage
        self._device = next(modules.parameters()).device
        groups = optimizer_groups(modules, settings.learning_rate, settings.rates, settings.weight_decay)
        self._optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate)
        self._steps = settings.epochs * steps_per_epoch
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, warmed_cosine(self._steps))
        self._sides = clipping_sides(modules)
        self._flipped = FlippedSigns(searched_parameters(modules))
        self._reporting = [module for module in modules.modules() if isinstance(module, Reporting)]
        self._annealed = [module for module in modules.modules() if isinstance(module, Annealed)]

    def parts(self) -> dict[str, Stateful]:
        """The parts whose state must be saved to resume the training."""
        return {"modules": self.modules, "optimizer": self._optimizer, "schedule": self._schedule}

    def step(self, batch: Batch, at: Position) -> None:
        """Train on one batch, and add its losses and figures to `at`, which moves on by a step.

        Raises DivergedError, before any weight changes, when a loss or a gradient isn't finite.
        """
        set_progress(self._annealed, (at.epoch * self.steps_per_epoch + at.step) / self._steps)
        draws = seeded(self._seed, "draws", at.epoch, at.step)  # anchors, proposals, teachers
        with seeded_torch(draws, self._device):
            self._update(batch, at)

    def _update(self, batch: Batch, at: Position) -> None:
        losses = self._step_losses(to_device(batch, self._device), at.epoch, at.step)
        loss = torch.stack(list(losses.values())).sum()
        check_finite(losses, self._stage, at.epoch, at.step)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norms = [float(clip_grad_norm_(side, self.settings.clip_norm)) for side in self._sides]
        if not all(map(math.isfinite, norms)):
            where = f"of {self._stage} is not finite in epoch {at.epoch}, step {at.step}"
            raise DivergedError(f"The gradient {where}: {_listed(losses)}.")
        self._optimizer.step()
        self._schedule.step()
        at.add(losses, mean_figures(self._reporting))

    def figures(self, at: Position) -> dict[str, float]:
        """An epoch's figures at its end: losses and modules' figures as means over its steps, and flipped signs."""
        return at.figures() | self._flipped.figures()

    def finish(self) -> None:
        """Set annealed modules to their state at the end of a training, even if no step was left to do."""
        set_progress(self._annealed, 1.0)


def check_finite(losses: Mapping[str, Tensor], stage: str, epoch: int, step: int) -> None:
    """Raise DivergedError, naming every term, when one isn't finite."""
    if all(math.isfinite(float(loss.detach())) for loss in losses.values()):
        return
    raise DivergedError(f"The loss of {stage} is not finite in epoch {epoch}, step {step}: {_listed(losses)}.")


def _listed(losses: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{name}={float(loss.detach()):g}" for name, loss in losses.items())
