"""What many tests share: one thread, tiny detectors and tiny data."""

import os

# oneDNN 3.13 with AVX-512 on AMD Zen 4 writes past the end of the weight gradient of a 1x1 convolution with stride 2
# and fewer than 16 channels in channels-last order, as networks of width 0.125 have: the process dies. It reads this
# before its first use, and processes that a test starts inherit it.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from torch import Tensor, nn
from torchvision.models import resnet18

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec, searchable_units
from spaces.supernet import build_fixed, build_supernet
from spaces.without_values import without_values
from trainers.data.decoded import Decoded
from trainers.training import resuming

sys.path.insert(0, str(Path(__file__).parent / "parts"))

from recorded_progress import RecordedProgress
from tiny_sets import write_tiny

torch.set_num_threads(1)
settings.register_profile("unclocked", deadline=None)
settings.load_profile("unclocked")

METHODS = ("real", "sign", "bireal")


@pytest.fixture(scope="session", autouse=True)
def _files_are_not_synced() -> Iterator[None]:
    """No test cuts the power, and each of some thousand waits for the disk takes 5 ms. What a test calls is its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _tables_have_no_picture() -> Iterator[None]:
    """A picture takes half a second, and some hundred tests write tables. Those that look at it bring it back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("results.tables.front_picture", lambda *_: b"no picture")
        yield


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


@pytest.fixture(scope="session")
def published_resnet18() -> Callable[..., dict[str, Tensor]]:
    """Makes what torchvision's ResNet-18 would be at the width of a backbone of ours: 100 tensors, and 2 of `fc`."""

    def make(backbone: nn.Module, seed: int = 0) -> dict[str, Tensor]:
        with without_values():
            theirs = resnet18().state_dict()
        own, generator = backbone.state_dict(), torch.Generator().manual_seed(seed)
        names = {name: ours for name, ours in zip(theirs, backbone.from_published(theirs), strict=True) if ours in own}
        shapes = {name: own[ours].shape for name, ours in names.items() if "num_batches" not in name}
        shapes |= {"fc.weight": (5, 64), "fc.bias": (5,)}
        return {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}

    return make


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


@contextmanager
def _unchanged_generators() -> Iterator[None]:
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()
    yield
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1][1])
    assert np.random.get_state()[2:] == before[1][2:]
    assert random.getstate() == before[2]


@pytest.fixture
def generators() -> AbstractContextManager[None]:
    """A context in which the global generators of torch, numpy and `random` must neither be seeded nor drawn from."""
    return _unchanged_generators()


@pytest.fixture
def recorded_progress() -> type[RecordedProgress]:
    """The class, to make one or several of it."""
    return RecordedProgress


@pytest.fixture
def every_step_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings with a `resume_from` keep their state after every step, whatever it takes."""
    monkeypatch.setattr(resuming, "SAVE_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(resuming, "SAVE_SHARE", float("inf"))


@pytest.fixture
def learn_by_heart() -> Callable[..., None]:
    """Trains a detector on one batch again and again, with Adam and half a cosine."""

    def learn(
        network: nn.Module, images: list[Tensor], targets: list[dict[str, Tensor]], *, steps: int, rate: float
    ) -> None:
        optimizer = torch.optim.Adam(network.train().parameters(), lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(steps):
            optimizer.zero_grad()
            torch.stack(list(network(images, targets).losses.values())).sum().backward()
            nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            optimizer.step()
            schedule.step()

    return learn


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


@pytest.fixture
def tiny_data() -> Callable[..., Path]:
    """Writes a data set of one format to a root, see `write_tiny`."""
    return write_tiny
