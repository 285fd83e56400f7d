"""A training that Ray's processes can import: a small network, on data at which a process may die or an error occur."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from trainers.data.errors import DataError
from trainers.training.loop import train
from trainers.training.settings import TrainSettings


class Small(nn.Module):
    """Four numbers an image, behind a BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=8)
        self.bn = nn.BatchNorm2d(4)

    def loss(self, images: list[torch.Tensor], targets: list[dict[str, torch.Tensor]]) -> torch.Tensor:
        y = self.bn(self.conv(torch.stack(images))).mean((2, 3))
        return ((y - torch.stack([target["boxes"][0] for target in targets]) / 96) ** 2).mean()


@dataclass
class SmallJob:
    """Trains a small network for `epochs`."""

    modules: nn.ModuleDict
    epochs: int = 6

    def move(self, device: torch.device) -> None:
        self.modules.to(device)

    def train(self, data: Any, task: Any, progress: Any) -> str:
        def step_losses(batch: Any, epoch: int, step: int) -> list[dict[str, torch.Tensor]]:
            return [{"small": self.modules["network"].loss(*batch)}]

        train(self.modules, step_losses, data, TrainSettings(epochs=self.epochs, batch_size=4), task, progress)
        return "returned"


@dataclass
class Fateful:
    """Data at which the second process, at the beginning of an epoch, dies by SIGKILL or meets bad data.

    deaths: a folder with a file for each of its deaths; it dies `most` times.
    """

    data: Any
    epoch: int
    fate: str
    deaths: Path
    most: int = 1

    def __len__(self) -> int:
        return len(self.data)

    def fingerprint(self) -> str:
        return str(self.data.fingerprint())

    def batches(self, *args: Any, epoch: int, **options: Any) -> Iterator[Any]:
        second = dist.is_initialized() and dist.get_rank() == 1
        if second and epoch == self.epoch and len(list(self.deaths.iterdir())) < self.most:
            (self.deaths / str(os.getpid())).touch()
            if self.fate == "bad":
                raise DataError("7.jpg", "it is truncated")
            os.kill(os.getpid(), signal.SIGKILL)
        yield from self.data.batches(*args, epoch=epoch, **options)


@dataclass
class Fated:
    """Images to detect on, of which no process but the first comes to the end: the first time it dies, or has bad data.

    deaths: a folder with a file for each death.
    """

    data: Any
    deaths: Path
    fate: str
    rule: str = "voc"

    @property
    def resized(self) -> Any:
        return self.data.resized

    def detected(self, index: int, found: Any) -> Any:
        return self.data.detected(index, found)

    def __len__(self) -> int:
        return len(self.data)

    def batches(self, *args: Any, skip: int, **options: Any) -> Iterator[Any]:
        if skip and self.fate == "bad":
            raise DataError("7.jpg", "it is truncated")
        if skip and not list(self.deaths.iterdir()):
            (self.deaths / str(os.getpid())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield from self.data.batches(*args, skip=skip, **options)
