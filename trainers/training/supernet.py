"""Single-path supernet training: every step trains one sampled candidate (SPOS, arXiv:1904.00420, section 3.1)."""

import random
from pathlib import Path

from torch import Tensor, nn

from spaces.space import SearchSpace
from spaces.supernet import activate
from trainers.data.batches import Batch
from trainers.data.decoded import Decoded
from trainers.distill import Distiller
from trainers.distill.searched_losses import SearchedLosses
from trainers.progress import Progress
from trainers.training.loop import Task, train
from trainers.training.settings import TrainSettings


def train_supernet(
    supernet: nn.Module,
    distiller: Distiller,
    space: SearchSpace,
    data: Decoded,
    settings: TrainSettings,
    *,
    seed: int,
    searched: SearchedLosses | None = None,
    resume_from: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Train the supernet and the distiller's adapters in place, one uniformly drawn candidate per step.

    Each step uses the candidate's own teachers and loss weights, so adapters are trained together with the supernet.
    `searched` adds the layer losses of units whose signs are searched. Draws depend only on (seed, epoch, step).
    Raises DivergedError when a loss isn't finite.
    """

    def step_losses(batch: Batch, epoch: int, step: int) -> dict[str, Tensor]:
        images, targets = batch
        candidate = space.sample(random.Random(f"{seed}/{epoch}/{step}"))
        activate(supernet, candidate)
        return distiller.step(supernet, candidate, images, targets, searched=searched)

    modules = nn.ModuleDict({"supernet": supernet, "distiller": distiller})
    train(modules, step_losses, data, settings, Task(stage="supernet", seed=seed, resume_from=resume_from), progress)
