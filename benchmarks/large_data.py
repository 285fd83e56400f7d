"""A training whose images don't fit into memory: its memory, and its pace beside that of one with all in memory.

A VOC set is generated in a temporary folder, which is removed at the end. `bitfront train` then trains on it for an
epoch in a process of its own with a small `data.memory_limit_mb`, while the memory of all its processes is added up:
PSS, in which a page that n processes share counts 1/n in each. Afterwards steps on images from memory and on images
from the cache take turns in one process; each turn begins with nothing read ahead.

Budgets (docs/measurements/budgets.md): at most 2.5 GB, and 0.90 of the images a second from memory. Exit status 1 when
one is missed.

Run it with: python benchmarks/large_data.py, which takes a minute; the figures of docs/ are those of --images 20000.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.batches import Batch
from trainers.data.decoded import Decoded
from trainers.data.decoding import Memory, decode
from trainers.data.formats import data_format
from trainers.data.streaming.cache import Streaming
from trainers.training.memory import keep_freed_memory

MEMORY_BUDGET, PACE_BUDGET = 2.5, 0.90
SIDE, BATCH, ROUNDS, CLASSES = 256, 16, 5, ("circle", "square")
CONFIG = """
name: large
device: cpu
tensorboard: false
data: {{format: voc, root: {root}, classes: [circle, square], image_size: {side}, memory_limit_mb: {limit}}}
student: {{detector: ssd_resnet18, width: 0.125}}
train: {{layers: sign, start: scratch, epochs: 1, batch_size: {batch}}}
"""
ANNOTATION = """<annotation><size><width>{side}</width><height>{side}</height><depth>3</depth></size><object>
<name>{name}</name><difficult>0</difficult><bndbox><xmin>{0}</xmin><ymin>{1}</ymin><xmax>{2}</xmax><ymax>{3}</ymax>
</bndbox></object></annotation>"""


def write_set(root: Path, images: int) -> None:
    """A VOC set: `images` to train on, 32 to validate on and 32 to test on, each with one figure on a grey ground."""
    voc = root / "VOCdevkit" / "VOC2007"
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (voc / folder).mkdir(parents=True)
    for split, count in (("train", images), ("val", 32), ("test", 32)):
        names = [f"{split}_{number:06d}" for number in range(count)]
        (voc / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names))
        for number, name in enumerate(names):
            write_image(voc, name, np.random.default_rng((number, *split.encode())))


def write_image(voc: Path, name: str, rng: np.random.Generator) -> None:
    left, top = rng.integers(1, SIDE // 2, 2).tolist()
    box, label = (left, top, left + SIDE // 3, top + SIDE // 3), int(rng.integers(2))
    picture = Image.new("RGB", (SIDE, SIDE), tuple(rng.integers(0, 128, 3).tolist()))
    draw, colour = ImageDraw.Draw(picture), tuple(rng.integers(128, 256, 3).tolist())
    (draw.ellipse if label == 0 else draw.rectangle)(box, fill=colour)
    picture.save(voc / "JPEGImages" / f"{name}.jpg", quality=85)
    (voc / "Annotations" / f"{name}.xml").write_text(ANNOTATION.format(*box, side=SIDE, name=CLASSES[label]))


def tree(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in (task / "children").read_text().split():
            yield from tree(int(child))


def pss_gb(pid: int) -> float:
    """The memory of a process and all that it started."""
    total = 0
    try:
        for one in tree(pid):
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):  # one of them ended meanwhile
        return 0.0
    return total / 2**20


def trained_in(root: Path, limit: float) -> tuple[float, float]:
    """The seconds of `bitfront train` on the set, and the most memory that it took in GB."""
    config = root / "large.yaml"
    config.write_text(CONFIG.format(root=root, side=SIDE, limit=limit, batch=BATCH))
    command = [sys.executable, "-m", "search", "train", str(config), "--run-dir", str(root / "run")]
    started, most, ended = time.monotonic(), [0.0], threading.Event()
    with subprocess.Popen(command, stderr=(root / "log").open("wb")) as process:  # noqa: S603
        while process.poll() is None:
            most.append(pss_gb(process.pid))
            ended.wait(0.25)
    if process.returncode:
        raise SystemExit((root / "log").read_text())
    return time.monotonic() - started, max(most)


def paces(memory: Decoded, cached: Decoded, steps: int) -> tuple[list[float], list[float]]:
    """Images a second of turns of `steps` steps, each from other images, on those in memory and in the cache."""
    keep_freed_memory()
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=len(CLASSES), image_size=SIDE, width=0.25)
    torch.manual_seed(0)
    network = build_fixed(spec, Candidate({}))
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS + 1):
        for which, data in enumerate((memory, cached)):
            started = time.perf_counter()
            batches = data.batches(BATCH, seed=0, epoch=turn, augment=True, drop_last=True)
            for _, batch in zip(range(steps), batches, strict=False):
                step(network, optimizer, batch)
            batches.close()
            if turn:  # the first warms up, and starts the workers
                found[which].append(steps * BATCH / (time.perf_counter() - started))
    return found


def step(network: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch) -> None:
    optimizer.zero_grad(set_to_none=True)
    torch.stack(list(network(*batch).losses.values())).sum().backward()
    optimizer.step()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=2000, help="images of the generated set")
    parser.add_argument("--limit-mb", type=float, default=64.0, help="data.memory_limit_mb of the training")
    parser.add_argument("--steps", type=int, default=12, help="steps of each turn")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_set(root, asked.images)
        seconds, most = trained_in(root, asked.limit_mb)
        print(f"{asked.images} images, {asked.images * 3 * SIDE**2 / 2**30:.2f} GB decoded, {os.cpu_count()} cores")
        print(f"bitfront train, with decoding: {asked.images / seconds:.0f} images/s, {most:.2f} GB of {MEMORY_BUDGET}")
        listed = data_format("voc").image_sets(root).read("train", class_names=CLASSES)
        cached = decode(listed, SIDE, Memory(asked.limit_mb, Streaming(root / "run" / "image_cache")))
        memory = cached.subset(range(min(len(cached), 2 * asked.steps * BATCH)))
        of_memory, of_cache = paces(memory, cached, min(asked.steps, len(memory) // BATCH))
    ratio = statistics.median(b / a for a, b in zip(of_memory, of_cache, strict=True))
    pace = statistics.median(of_memory), statistics.median(of_cache)
    print(f"steps from memory {pace[0]:.1f}, from the cache {pace[1]:.1f} images/s, ratio {ratio:.2f} of {PACE_BUDGET}")
    return int(most > MEMORY_BUDGET or ratio < PACE_BUDGET)


if __name__ == "__main__":
    sys.exit(main())
