"""One step of a training, without the loop over batches: losses, gradients, their clipping, and the update."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from spaces.precision import computing_in
from trainers.data.batches import Batch
from trainers.devices import to_device
from trainers.seeding import seeded, seeded_torch
from trainers.training.accumulation import parts_of
from trainers.training.averaging import AveragedWeights
from trainers.training.finiteness import FiniteSteps, check_finite
from trainers.training.mixed_precision import check_precision
from trainers.training.module_figures import Annealed, FlippedSigns, Reporting, mean_figures, set_progress
from trainers.training.parameter_groups import clipping_sides, searched_parameters
from trainers.training.processes import ONE_PROCESS, Processes
from trainers.training.recipe import make_optimizer, rate_share
from trainers.training.resilience import ResilientWeights
from trainers.training.resuming import Position, Stateful
from trainers.training.settings import TrainSettings
from trainers.training.silence import SilentWeights, signed_weights

Losses = dict[str, Tensor]
"""Scalars by name."""

StepLosses = Callable[[Batch, int, int], Iterable[Losses]]
"""From a batch, the epoch and the step within it to the losses of each of the step's passes.

The sum of a pass's losses goes backward before the next pass begins, so that a step needs the memory of one pass.
"""


class Training:
    """Modules with the optimizer and the schedule of their settings, trained one batch at a time.

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
        processes: Processes = ONE_PROCESS,
    ) -> None:
        self.modules, self._step_losses, self.settings = modules, step_losses, settings
        self.steps_per_epoch, self._seed, self._stage = steps_per_epoch, seed, stage
        self.processes = processes
        self.device = next(modules.parameters()).device
        check_precision(settings.precision, self.device)
        # fp16 has a range so small that gradients vanish in it unless they are scaled; else this does nothing.
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "fp16")
        self._optimizer = make_optimizer(modules, settings)
        self._steps = settings.epochs * steps_per_epoch
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, rate_share(settings, steps_per_epoch))
        self._sides = clipping_sides(modules)
        self._averaged = None if settings.ema is None else AveragedWeights(modules.parameters(), settings.ema)
        silence = settings.silence_decay
        self._silent = None if silence is None else SilentWeights(signed_weights(modules), silence)
        self._resilient = ResilientWeights(modules)
        self._finite = FiniteSteps(stage, delayed=self.device.type != "cpu" and not self._scaler.is_enabled())
        self._flipped = FlippedSigns(searched_parameters(modules))
        self._reporting = [module for module in modules.modules() if isinstance(module, Reporting)]
        self._annealed = [module for module in modules.modules() if isinstance(module, Annealed)]

    def parts(self) -> dict[str, Stateful]:
        """The parts whose state must be saved to resume the training."""
        parts: dict[str, Stateful] = {"modules": self.modules, "optimizer": self._optimizer, "schedule": self._schedule}
        if self._scaler.is_enabled():
            parts["scaler"] = self._scaler
        if self._silent is not None:
            parts["silent"] = self._silent
        if self._resilient:
            parts["resilient"] = self._resilient
        return parts if self._averaged is None else {**parts, "averaged": self._averaged}

    def step(self, batch: Batch, at: Position) -> None:
        """Train on one batch, and add its losses and figures to `at`, which moves on by a step.

        A step of several passes counts with their mean losses, and reports their number as `passes`. A term that a
        pass doesn't have counts as 0 there.

        Raises DivergedError when a loss or a gradient isn't finite: on a CPU before any weight changes, on other
        devices some steps later, or in `check`.
        """
        set_progress(self._annealed, (at.epoch * self.steps_per_epoch + at.step) / self._steps)
        draws = seeded(self._seed, "draws", at.epoch, at.step)  # anchors, proposals, teachers
        own_draws = seeded_torch(self.processes.own_seed(draws), self.device, common=draws)
        with own_draws, computing_in(self.settings.precision), self.processes.step():
            self._update(batch, at)

    def _update(self, batch: Batch, at: Position) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        sums: Losses = {}
        parts, passes = self.settings.accumulate, 0
        for part in parts_of(batch, parts):
            for losses in self._step_losses(to_device(part, self.device), at.epoch, at.step):
                if not (self.processes.several or self._finite.delayed):  # one process alone must not stop
                    check_finite(losses, self._stage, at.epoch, at.step)
                self._scaler.scale(torch.stack(list(losses.values())).sum() / parts).backward()
                passes += 1
                for name, loss in losses.items():
                    sums[name] = sums[name] + loss.detach() if name in sums else loss.detach()
        means = self.processes.average_values({name: total / passes for name, total in sums.items()})
        passes //= parts
        self.processes.average_gradients(self.modules.parameters())
        # Gradients of passes are added, so that a limit for one pass grows with their number.
        limit = math.inf if self.settings.clip_norm is None else self.settings.clip_norm * passes
        self._scaler.unscale_(self._optimizer)
        self._resilient.pull()
        norms = [clip_grad_norm_(side, limit) for side in self._sides]
        self._finite.add(at.epoch, at.step, means, [] if self._may_overflow() else norms)
        with nullcontext() if self._silent is None else self._silent.updating():
            self._scaler.step(self._optimizer)
        self._scaler.update()
        self._schedule.step()
        if self._averaged is not None:
            self._averaged.update()
        figures = self.processes.average_figures(mean_figures(self._reporting), self.device)
        at.add(means, figures | ({"passes": passes} if passes > 1 else {}))

    def _may_overflow(self) -> bool:
        """Whether a gradient that isn't finite may come from its scale: the step is then left out, the scale halved."""
        return self._scaler.is_enabled() and self._scaler.get_scale() > 1

    def check(self) -> None:
        """Raise DivergedError if a loss or a gradient of the steps so far isn't finite."""
        self._finite.check()

    def figures(self, at: Position) -> dict[str, float]:
        """An epoch's figures at its end: losses and modules' figures as means over its steps, flipped signs, and the
        share of silent weights."""
        self.check()
        silent = {} if self._silent is None else self._silent.figures()
        return at.figures() | self._flipped.figures() | silent

    def finish(self) -> None:
        """Set annealed modules to their state at the end of a training, and weights to their average, if there is one.

        Also if no step was left to do.
        """
        set_progress(self._annealed, 1.0)
        if self._averaged is not None:
            self._averaged.apply()

    @contextmanager
    def as_finished(self) -> Iterator[None]:
        """Within this context the modules are as if the training ended here; afterwards they are as before."""
        before = {name: tensor.clone() for name, tensor in self.modules.state_dict().items()}
        try:
            self.finish()
            yield
        finally:
            self.modules.load_state_dict(before)
