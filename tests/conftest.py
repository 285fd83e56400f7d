"""What many tests share: one thread, tiny detectors and tiny data."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import settings
from torch import Tensor, nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec, searchable_units
from spaces.supernet import build_fixed, build_supernet
from trainers.data.decoded import Decoded

torch.set_num_threads(1)
settings.register_profile("unclocked", deadline=None)
settings.load_profile("unclocked")

METHODS = ("real", "sign", "bireal")


@pytest.fixture
def spec() -> DetectorSpec:
    """The smallest detector: 8, 16, 32 and 64 channels at 96 pixels, three classes."""
    return DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, width=0.125)


@pytest.fixture
def fixed(spec: DetectorSpec) -> Callable[..., nn.Module]:
    """Builds a tiny detector that has one method in every unit."""

    def build(method: str, seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        return build_fixed(spec, Candidate({"layer/backbone": method}))

    return build


@pytest.fixture
def supernet(spec: DetectorSpec) -> nn.Module:
    """A tiny supernet with every method in every unit, and no two tensors alike."""
    torch.manual_seed(0)
    network = build_supernet(spec, {"backbone": METHODS})
    scramble(network)
    return network


def scramble(network: nn.Module) -> None:
    """Random BatchNorm parameters and statistics: a mixed-up copy must not pass for the right one."""
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias, std=0.2)
            norm.running_mean.normal_(0, 0.2)
            norm.running_var.uniform_(0.5, 1.5)


@pytest.fixture
def lively() -> Callable[[nn.Module], nn.Module]:
    """Gives a network BatchNorm parameters and statistics as a training would: fresh ones hide a wrong mapping."""

    def shake(network: nn.Module) -> nn.Module:
        torch.manual_seed(0)
        scramble(network)
        return network.eval()

    return shake


@pytest.fixture
def random_candidate() -> Callable[..., Candidate]:
    """Draws a method for every unit (`layer`), block or stage of a network."""

    def draw(network: nn.Module, granularity: str, seed: int) -> Candidate:
        parts = {"layer": None, "block": -1, "stage": -2}[granularity]
        prefixes = dict.fromkeys(".".join(name.split(".")[:parts]) for name in searchable_units(network))
        rng = np.random.default_rng(seed)
        return Candidate({f"layer/{prefix}": str(rng.choice(METHODS)) for prefix in prefixes})

    return draw


@pytest.fixture
def images() -> list[Tensor]:
    return list(torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1)))


@pytest.fixture
def targets() -> list[dict[str, Tensor]]:
    """Objects of 10, 21, 42 and 66 pixels, so that every pyramid level has one to find."""
    first = [[27.0, 27.0, 69.0, 69.0]]
    second = [[15.0, 15.0, 81.0, 81.0], [5.0, 5.0, 15.0, 15.0], [60.0, 60.0, 81.0, 81.0]]
    return [
        {"boxes": torch.tensor(first), "labels": torch.tensor([1])},
        {"boxes": torch.tensor(second), "labels": torch.tensor([3, 2, 1])},
    ]


@pytest.fixture
def blobs() -> Callable[..., Decoded]:
    """Images of noise with one bright square each, whose colour is its class (red, green, blue)."""

    def make(count: int, size: int = 96, seed: int = 0) -> Decoded:
        rng = np.random.default_rng(seed)
        images = rng.integers(0, 90, (count, 3, size, size), dtype=np.uint8)
        sides = rng.integers(size // 4, size // 2, count)
        corners = np.stack([rng.integers(0, size - sides), rng.integers(0, size - sides)], axis=1)
        labels = rng.integers(1, 4, count)
        for image, (x, y), side, label in zip(images, corners, sides, labels, strict=True):
            image[label - 1, y : y + side, x : x + side] = 230
        arrays = {
            "images": images,
            "boxes": np.concatenate([corners, corners + sides[:, None]], axis=1).astype(np.float32),
            "labels": labels.astype(np.int64),
            "difficult": np.zeros(count, dtype=np.bool_),
            "offsets": np.arange(count + 1, dtype=np.int64),
        }
        return Decoded.from_arrays(arrays, [f"{index:03d}" for index in range(count)], ("red", "green", "blue"))

    return make
