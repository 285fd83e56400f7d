"""The training loop that teachers, supernets and retrained detectors share: seeded and resumable."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from spaces.layers.signs import sign
from trainers.data.batches import Batch, batches
from trainers.data.decoded import Decoded
from trainers.data.errors import DataError
from trainers.devices import to_device
from trainers.distill.adversarial import discriminator_accuracy, discriminator_parameters
from trainers.progress import Progress, SilentProgress
from trainers.seeding import seeded
from trainers.training.memory import keep_freed_memory
from trainers.training.resuming import Position, Resumption
from trainers.training.schedule import warmed_cosine
from trainers.training.searched_signs import flip_rate, searched_logits, searches, set_search_progress
from trainers.training.settings import TrainSettings

StepLosses = Callable[[Batch, int, int], dict[str, Tensor]]
"""From a batch, the epoch and the step within it to the losses whose sum is trained."""


class DivergedError(FloatingPointError):
    """A loss, a gradient or a weight that is no longer a finite number."""


def train(
    modules: nn.ModuleDict,
    step_losses: StepLosses,
    data: Decoded,
    settings: TrainSettings,
    *,
    seed: int,
    stage: str,
    described_as: Mapping[str, object] | None = None,
    resume_from: Path | None = None,
    keep_end: bool = False,
    progress: Progress | None = None,
) -> None:
    """Train all parameters in `modules` with AdamW and a warmed-up cosine rate.

    Data order and augmentation depend on `seed` and the epoch alone. torch's own generator is seeded at every step from
    `seed`, epoch and step, whatever the stage is called, and `step_losses` must draw any other random choice from these
    too: then a training that is killed and started again ends bit for bit where an unbroken one does. With
    `resume_from` the state is kept there as often as `resuming` has it, and with `keep_end` at the very end too; the
    file is removed by the caller once the result is saved. Raises DivergedError when a loss or gradient isn't finite,
    naming every term, and DataError when the data doesn't fill one batch.
    """
    if len(data) < settings.batch_size:
        raise DataError(
            f"the training of {stage}",
            f"there are {len(data)} images, fewer than its batch_size of {settings.batch_size}",
            "Give it more images or a smaller batch_size",
        )
    keep_freed_memory()
    device = next(modules.parameters()).device
    optimizer = torch.optim.AdamW(_groups(modules, settings), lr=settings.learning_rate)
    steps_per_epoch = len(data) // settings.batch_size
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warmed_cosine(settings.epochs * steps_per_epoch))
    identity = {**asdict(settings), "seed": seed, "stage": stage, "data": data.fingerprint(), **(described_as or {})}
    sides = _sides(modules)
    started = {name: sign(logits.detach()) for name, logits in searched_logits(modules).items()}
    searched = searches(modules)
    kept = Resumption(resume_from, identity, {"modules": modules, "optimizer": optimizer, "schedule": schedule})
    told, found = progress or SilentProgress(), kept.resume()
    if found is None:
        told.note(f"{stage}: begins anew, what was left unfinished is of other settings, other data or another version")
    at = found or Position()
    with told.stage(stage, settings.epochs) as shown:
        shown.resume(at.epoch)
        while at.epoch < settings.epochs:
            modules.train()
            order = batches(
                data, settings.batch_size, seed=seed, epoch=at.epoch, augment=True, drop_last=True, skip=at.step
            )
            for batch in order:
                torch.manual_seed(seeded(seed, "draws", at.epoch, at.step))  # anchors, proposals, teachers
                done = at.epoch * steps_per_epoch + at.step
                set_search_progress(searched, done / (settings.epochs * steps_per_epoch))
                losses = step_losses(to_device(batch, device), at.epoch, at.step)
                loss = torch.stack(list(losses.values())).sum()
                check_finite(losses, stage, at.epoch, at.step)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                norms = [float(clip_grad_norm_(side, settings.clip_norm)) for side in sides]
                if not all(map(math.isfinite, norms)):
                    where = f"of {stage} is not finite in epoch {at.epoch}, step {at.step}"
                    raise DivergedError(f"The gradient {where}: {_listed(losses)}.")
                optimizer.step()
                schedule.step()
                at.add(losses, discriminator_accuracy(modules))
                if at.step < steps_per_epoch:
                    kept.keep(at)
            flipped = {"flipped": round(flip_rate(modules, started), 4)} if started else {}
            shown.advance(1, **at.figures(), **flipped)
            at = Position(at.epoch + 1)
            ended = at.epoch == settings.epochs
            if not ended or keep_end:
                kept.keep(at, at_once=ended)
    set_search_progress(searched, 1.0)


def check_finite(losses: dict[str, Tensor], stage: str, epoch: int, step: int) -> None:
    """Raise DivergedError, naming every term, when one isn't finite."""
    if all(math.isfinite(float(loss.detach())) for loss in losses.values()):
        return
    raise DivergedError(f"The loss of {stage} is not finite in epoch {epoch}, step {step}: {_listed(losses)}.")


def _listed(losses: dict[str, Tensor]) -> str:
    return ", ".join(f"{name}={float(loss.detach()):g}" for name, loss in losses.items())


def _groups(modules: nn.ModuleDict, settings: TrainSettings) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels only: on biases and BatchNorm it does harm.

    The logits of searched signs have a learning rate of their own and no decay, which would pull them to a draw.
    Discriminators have a rate of their own too. AdamW's state is each parameter's own, so that a group apart is an
    optimizer apart.
    """
    logits = searched_logits(modules).values()
    discriminators = discriminator_parameters(modules)
    known = {id(one) for one in (*logits, *discriminators)}
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for parameter in modules.parameters():
        if parameter.requires_grad and id(parameter) not in known:
            (decayed if parameter.ndim > 1 else free).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    searched = [one for one in logits if one.requires_grad]
    if searched:
        groups.append({"params": searched, "weight_decay": 0.0, "lr": settings.logit_learning_rate})
    if discriminators:
        groups.append({"params": discriminators, "weight_decay": 0.0, "lr": settings.discriminator_learning_rate})
    return groups


def _sides(modules: nn.ModuleDict) -> list[list[nn.Parameter]]:
    """The parameters that train towards one loss, and the discriminators that play against them: clipped apart."""
    discriminators = discriminator_parameters(modules)
    against = {id(one) for one in discriminators}
    return [[p for p in modules.parameters() if id(p) not in against], discriminators]
