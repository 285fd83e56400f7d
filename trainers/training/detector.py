"""Training one fixed detector: a teacher, or a candidate that is retrained. The same code for both."""

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from spaces.candidate import Candidate
from trainers.data.batches import Batch
from trainers.data.decoded import Decoded
from trainers.devices import to_device
from trainers.distill import Distiller
from trainers.progress import Progress
from trainers.training.inputs_first import train_inputs_first
from trainers.training.loop import Task
from trainers.training.recalibrate import recalibrate
from trainers.training.searched_signs import searches
from trainers.training.settings import TrainSettings
from trainers.training.step import Losses


def train_detector(
    network: nn.Module,
    data: Decoded,
    settings: TrainSettings,
    *,
    seed: int,
    stage: str,
    candidate: Candidate | None = None,
    distiller: Distiller | None = None,
    inputs_first_epochs: int = 0,
    described_as: Mapping[str, object] | None = None,
    resume_from: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Train `network` on detection losses and, with a distiller, on the candidate's own terms; in place.

    `inputs_first_epochs`: see `train_inputs_first`. The training resumes from the state in `resume_from` if that has
    the same settings and `described_as`. Raises DivergedError when a loss isn't finite.
    """
    modules = nn.ModuleDict({"network": network})
    if distiller is not None:
        modules["distiller"] = distiller

    def step_losses(batch: Batch, epoch: int, step: int) -> list[Losses]:
        images, targets = batch
        if distiller is None or candidate is None:
            return [dict(network(images, targets).losses)]
        return [distiller.step(network, candidate, images, targets)]

    described = {"inputs_first_epochs": inputs_first_epochs, **(described_as or {})}
    task = Task(stage=stage, seed=seed, described_as=described, resume_from=resume_from)
    train_inputs_first(modules, step_losses, data, settings, task, inputs_first_epochs, progress)
    # Its BatchNorms have never seen the average, or the signs.
    if settings.ema is not None or any(search.relaxation == "soft" for search in searches(network)):
        order = data.batches(min(settings.batch_size, len(data)), seed=seed, epoch=0, augment=False)
        device = next(network.parameters()).device
        recalibrate(network, (to_device(batch, device)[0] for batch in order))
