"""Training a backbone as a classifier, by labels or by the scores of a real-valued one, and measuring it."""

from collections import Counter
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.data.batches import Batch
from trainers.data.classes.pictures import Pictures
from trainers.devices import to_device
from trainers.evaluate.top_k import RANKS, hits
from trainers.progress import Progress
from trainers.training.finishing import finish_training
from trainers.training.inputs_first import train_inputs_first
from trainers.training.loop import Task
from trainers.training.processes import ONE_PROCESS, Processes
from trainers.training.settings import TrainSettings
from trainers.training.step import Losses


def distribution_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """ReActNet's distribution loss (arXiv:2003.03488), a scalar: the cross entropy to the teacher's scores.

        -1/N sum_n sum_c p_t(c|n) log p_s(c|n)

    p are the softmax of raw scores (N, C), at a temperature of 1. There is no term of the labels.
    """
    return -(teacher.softmax(1) * student.log_softmax(1)).sum(1).mean()


def train_classifier(
    network: nn.Module,
    data: Pictures,
    settings: TrainSettings,
    task: Task,
    *,
    teacher: nn.Module | None = None,
    inputs_first_epochs: int = 0,
    progress: Progress | None = None,
) -> None:
    """Train a classifier in place, by its labels, or with a frozen `teacher` by `distribution_loss` alone.

    `inputs_first_epochs`: see `train_inputs_first`; a state with another number isn't resumed. Raises DivergedError
    when a loss isn't finite, and what reading raises. If the settings ask for that, it is validated on the
    pictures of `task.val`.
    """

    def step_losses(batch: Batch, epoch: int, step: int) -> list[Losses]:
        images = torch.stack(batch[0])
        scores = network(images)
        if teacher is None:
            return [{"cls": F.cross_entropy(scores, labels_of(batch))}]
        with torch.no_grad():
            given = teacher(images)
        return [{"distribution": distribution_loss(scores, given)}]

    def score(network: nn.Module, val: Pictures, processes: Processes) -> dict[str, float]:
        return measure_classifier(network, val, settings.batch_size, processes)

    task = replace(task, score=score, described_as={"inputs_first_epochs": inputs_first_epochs, **task.described_as})
    modules = nn.ModuleDict({"network": network})
    validated = train_inputs_first(modules, step_losses, data, settings, task, inputs_first_epochs, progress)
    finish_training(network, data, settings, task.seed, settings.epochs if validated is None else validated.epochs)


@torch.no_grad()
def measure_classifier(
    network: nn.Module, data: Pictures, batch_size: int, processes: Processes = ONE_PROCESS
) -> dict[str, float]:
    """The shares of the pictures whose class is the first, `top1`, and among the first five, `top5`.

    Several processes take over the first one's network, and each reads its part of every batch; all get the figures.
    """
    device = next(network.parameters()).device
    processes.take_over(network, device)
    found = Counter({f"top{rank}": 0 for rank in RANKS})
    network.eval()
    for read in data.batches(batch_size, seed=0, epoch=0, augment=False, part=processes.part):
        if read[0]:  # a last, small batch may have none for this process
            batch = to_device(read, device)
            found.update(hits(network(torch.stack(batch[0])), labels_of(batch)))
    shares = processes.to_first(dict(found), device)
    total = None if shares is None else {name: sum(share[name] for share in shares) for name in found}
    return {name: count / len(data) for name, count in (processes.from_first(total, device) or {}).items()}


def labels_of(batch: Batch) -> Tensor:
    """(N,) the classes of a batch's pictures, counted from 0."""
    return torch.cat([target["labels"] for target in batch[1]])
