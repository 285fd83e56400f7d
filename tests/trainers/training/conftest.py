"""A training of a network that is small enough to be trained many times."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainers.training.loop import Task, train
from trainers.training.settings import TrainSettings


class Toy(nn.Module):
    """Three numbers an image, with a BatchNorm, so that there is a state beyond parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=8)
        self.bn = nn.BatchNorm2d(4)

    def loss(self, images: list[Tensor], targets: list[dict[str, Tensor]]) -> Tensor:
        y = self.bn(self.conv(torch.stack(images))).mean((2, 3))
        return ((y - torch.stack([target["boxes"][0] for target in targets]) / 96) ** 2).mean()


@pytest.fixture
def toy() -> Callable[..., nn.ModuleDict]:
    """Makes modules with a `Toy` called network, and a layer that no loss reaches."""

    def make(seed: int = 0) -> nn.ModuleDict:
        torch.manual_seed(seed)
        return nn.ModuleDict({"network": Toy(), "idle": nn.Linear(3, 3)})

    return make


@pytest.fixture
def train_toy() -> Callable[..., list[tuple[int, int]]]:
    """Trains toy modules on their loss, and returns the (epoch, step) of each step that was begun."""

    def run(
        modules: nn.ModuleDict,
        data: Any,
        *,
        epochs: int = 4,
        batch_size: int = 4,
        fail_at: tuple[int, int] | None = None,
        progress: Any = None,
        **of_task: Any,
    ) -> list[tuple[int, int]]:
        steps = []

        def step_losses(batch: Any, epoch: int, step: int) -> list[dict[str, Tensor]]:
            steps.append((epoch, step))
            if (epoch, step) == fail_at:
                raise KeyboardInterrupt
            return [{"toy": modules["network"].loss(*batch)}]

        settings = TrainSettings(epochs=epochs, batch_size=batch_size)
        train(modules, step_losses, data, settings, Task(**({"seed": 3, "stage": "toy"} | of_task)), progress)
        return steps

    return run
