"""What many tests share: one thread, tiny detectors and tiny data."""

import os

# oneDNN 3.13 with AVX-512 on AMD Zen 4 writes past the end of the weight gradient of a 1x1 convolution with stride 2
# and fewer than 16 channels in channels-last order, as networks of width 0.125 have: the process dies. It reads this
# before its first use, and processes that a test starts inherit it.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")

import json
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from PIL import Image
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


TINY_SPLITS = {"train": 8, "val": 4, "test": 4}
VISDRONE = "VisDrone2019-DET-"


def tiny_objects(number: int) -> list[tuple[int, int, int, int, int, int]]:
    """Of image `number` of a tiny data set: left, top, width, height, class 0 or 1, and 1 where it is flagged.

    Each has one object that counts, of both classes in turn; every third has a flagged one beside it.
    """
    counted = (4 + number, 4, 24, 20, number % 2, 0)
    return [counted] if number % 3 else [counted, (40, 30, 16, 12, number % 2, 1)]


@pytest.fixture
def tiny_data() -> Callable[..., Path]:
    """Writes a data set of one format, 64 x 48 pixels, with the splits and objects above; returns its root."""

    def write(form: str, root: Path) -> Path:
        for split, count in TINY_SPLITS.items():
            names = [f"{split}_{number}" for number in range(count)]
            folder, write_annotations = {
                "voc": ("VOCdevkit/VOC2007/JPEGImages", _write_voc),
                "coco": (split, _write_coco),
                "visdrone": (f"{VISDRONE}{split}/images", _write_visdrone),
                "yolo": (f"images/{split}", _write_yolo),
            }[form]
            (root / folder).mkdir(parents=True, exist_ok=True)
            for number, name in enumerate(names):
                pixels = np.random.default_rng((number, *split.encode())).integers(0, 90, (48, 64, 3), dtype=np.uint8)
                for left, top, width, height, label, _ in tiny_objects(number):
                    pixels[top : top + height, left : left + width, label] = 230
                Image.fromarray(pixels).save(root / folder / f"{name}.jpg", quality=92)
            write_annotations(root, split, names)
        return root

    return write


def _write_voc(root: Path, split: str, names: list[str]) -> None:
    base = root / "VOCdevkit" / "VOC2007"
    for folder in ("Annotations", "ImageSets/Main"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    (base / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names))
    for number, name in enumerate(names):
        objects = "".join(
            f"<object><name>{('cat', 'dog')[label]}</name><difficult>{flag}</difficult><bndbox><xmin>{x + 1}</xmin>"
            f"<ymin>{y + 1}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox></object>"
            for x, y, w, h, label, flag in tiny_objects(number)
        )
        size = "<size><width>64</width><height>48</height></size>"
        (base / "Annotations" / f"{name}.xml").write_text(f"<annotation>{size}{objects}</annotation>")


def _write_coco(root: Path, split: str, names: list[str]) -> None:
    """Category ids have gaps and stand in falling order, as nothing forbids."""
    rows = [(number, row) for number in range(len(names)) for row in tiny_objects(number)]
    content = {
        "categories": [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}],
        "images": [{"id": n + 7, "file_name": f"{m}.jpg", "width": 64, "height": 48} for n, m in enumerate(names)],
        "annotations": [
            {"id": k, "image_id": n + 7, "bbox": [x, y, w, h], "category_id": 17 + c, "iscrowd": flag, "area": w * h}
            for k, (n, (x, y, w, h, c, flag)) in enumerate(rows, start=1)
        ],
    }
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))


def _write_visdrone(root: Path, split: str, names: list[str]) -> None:
    """Cars (4) and buses (9); what is flagged is an ignored region."""
    folder = root / f"{VISDRONE}{split}" / "annotations"
    folder.mkdir()
    for number, name in enumerate(names):
        lines = [
            f"{x},{y},{w},{h},{1 - flag},{0 if flag else (4, 9)[label]},0,0"
            for x, y, w, h, label, flag in tiny_objects(number)
        ]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")


def _write_yolo(root: Path, split: str, names: list[str]) -> None:
    """Nothing can be flagged there: flagged objects are left out."""
    (root / "data.yaml").write_text("train: images/train\nval: images/val\ntest: images/test\nnames: [cat, dog]\n")
    folder = root / "labels" / split
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        objects = [row for row in tiny_objects(number) if not row[-1]]
        lines = [f"{c} {(x + w / 2) / 64} {(y + h / 2) / 48} {w / 64} {h / 48}" for x, y, w, h, c, _ in objects]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
