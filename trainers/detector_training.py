"""Training one fixed detector: a teacher, or a candidate that is retrained. The same code for both."""

from pathlib import Path

import torch
from torch import Tensor, nn

from spaces.candidate import Candidate
from trainers.data.batches import Batch
from trainers.data.decoded import Decoded
from trainers.distill import Distiller
from trainers.loop import TrainSettings, train
from trainers.progress import Progress


def train_detector(
    network: nn.Module,
    data: Decoded,
    settings: TrainSettings,
    *,
    seed: int,
    stage: str,
    candidate: Candidate | None = None,
    distiller: Distiller | None = None,
    resume_from: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Train `network` on detection losses and, with a distiller, on the candidate's own terms; in place.

    Raises DivergedError when a loss isn't finite.
    """
    modules = nn.ModuleDict({"network": network})
    if distiller is not None:
        modules["distiller"] = distiller

    def step_losses(batch: Batch, epoch: int, step: int) -> dict[str, Tensor]:
        images, targets = batch
        if distiller is None or candidate is None:
            return dict(network(images, targets).losses)
        with distiller.tracing(candidate, network):
            output = network(images, targets)
        return dict(output.losses) | distiller.losses(candidate, images, targets, output)

    train(modules, step_losses, data, settings, seed=seed, stage=stage, resume_from=resume_from, progress=progress)


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is the GPU where there is one; any other name is taken as torch takes it."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
