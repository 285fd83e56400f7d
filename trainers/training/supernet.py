"""Training a supernet by one of several rules, see `rules.table`."""

import random
from collections.abc import Iterable

from torch import nn

from trainers.data.batches import Batch
from trainers.data.decoded import Decoded
from trainers.progress import Progress
from trainers.training.inputs_first import train_inputs_first
from trainers.training.loop import Task
from trainers.training.paths import Paths
from trainers.training.rules.table import Rule
from trainers.training.settings import TrainSettings
from trainers.training.step import Losses


def train_supernet(
    paths: Paths,
    rule: Rule,
    data: Decoded,
    settings: TrainSettings,
    task: Task,
    *,
    inputs_first_epochs: int = 0,
    progress: Progress | None = None,
) -> None:
    """Train the supernet and the distiller's adapters in place, in every step with the passes of the rule.

    Each pass uses its candidate's own teachers and loss weights, so adapters are trained together with the supernet.
    Draws depend only on (seed, epoch, step). `inputs_first_epochs`: see `train_inputs_first`. Raises DivergedError when
    a loss isn't finite.
    """

    def step_losses(batch: Batch, epoch: int, step: int) -> Iterable[Losses]:
        return rule.step(paths, batch, random.Random(f"{task.seed}/{epoch}/{step}"))

    modules = nn.ModuleDict({"supernet": paths.supernet, "distiller": paths.distiller})
    train_inputs_first(modules, step_losses, data, settings, task, inputs_first_epochs, progress)
