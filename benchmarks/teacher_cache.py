"""A distillation step with a teacher's outputs read from the cache, against one in which the teacher runs.

Budget (docs/measurements/budgets.md): the cached step takes at most 0.85 of the live one, and its losses differ by
at most 1e-3 of themselves.
Student: an all-`bireal` SSD with a ResNet-18 of half the width at 128 pixels, batch 16; teachers: its twin,
and the wider network that a pool would have. As in a search, of a teacher's outputs that is kept which the term reads.
Medians of steps taken in turn, in one process. Exit status 1 when a budget is missed.

Run it with: python benchmarks/teacher_cache.py
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorOutput, DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.batches import batches
from trainers.data.decoded import Decoded
from trainers.devices import freeze
from trainers.distill import TERMS, Distiller
from trainers.distill.teacher_cache import kept_outputs
from trainers.training.memory import keep_freed_memory

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=5, image_size=128, width=0.5)
BATCH, STEPS = 16, 24
MEASURED = ("feature_hint", "joint_cls")
STEP_BUDGET, LOSS_BUDGET = 0.85, 1e-3
Known = Callable[[str], DetectorOutput | None]


def random_data(images: int) -> Decoded:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, SPEC.image_size / 2, (images, 2))
    sides = rng.uniform(SPEC.image_size / 8, SPEC.image_size / 2, (images, 2))
    return Decoded(
        images=rng.integers(0, 256, (images, 3, SPEC.image_size, SPEC.image_size), dtype=np.uint8),
        boxes=np.concatenate([corners, corners + sides], axis=1).astype(np.float32),
        labels=rng.integers(1, 6, images),
        difficult=np.zeros(images, dtype=bool),
        offsets=np.arange(images + 1),
        image_ids=tuple(map(str, range(images))),
        class_names=("a", "b", "c", "d", "e"),
    )


def compared(width: float, term: str, folder: Path) -> tuple[float, float]:
    """The ratio of the median steps, cached to live, and the largest relative difference of the term's loss."""
    torch.manual_seed(0)
    student = build_fixed(SPEC, Candidate({"layer/backbone": "bireal"}))
    spec = replace(SPEC, width=width)
    teacher = freeze(build_fixed(spec, Candidate({})))
    distiller = Distiller(student, {"big": teacher}, {term: ["big"]})
    candidate = Candidate({f"teacher/{term}": "big", f"weight/{term}": 1.0})
    data = random_data(BATCH * STEPS)
    outputs = kept_outputs(folder, teacher, asdict(spec), data, BATCH, frozenset({TERMS[term].reads}))
    times: dict[str, list[float]] = {"live": [], "cached": []}
    apart = []
    shown = list(batches(data, BATCH, seed=0, epoch=0, augment=False))
    for step, (images, targets) in enumerate(shown):
        start = step * BATCH

        def known(name: str, start: int = start) -> DetectorOutput:
            return outputs.output(start, start + BATCH, torch.device("cpu"))

        losses = {}
        ways: dict[str, Known | None] = {"live": None, "cached": known}
        for way, cache in ways.items():
            student.zero_grad(set_to_none=True)
            torch.manual_seed(step)
            statistics_before = {name: x.clone() for name, x in student.named_buffers()}
            began = time.perf_counter()
            made = student(images, targets)
            found = distiller.losses(candidate, images, made, cache)
            torch.stack([*made.losses.values(), *found.values()]).sum().backward()
            times[way].append(time.perf_counter() - began)
            losses[way] = float(found[term].detach())
            _restore(student, statistics_before)
        apart.append(abs(losses["cached"] - losses["live"]) / abs(losses["live"]))
    return statistics.median(times["cached"][2:]) / statistics.median(times["live"][2:]), max(apart)


def _restore(network: nn.Module, buffers: dict[str, torch.Tensor]) -> None:
    for name, x in network.named_buffers():
        x.copy_(buffers[name])


def main() -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    missed = False
    print(f"{'teacher':24}{'term':16}{'cached / live':>14}{'budget':>8}{'loss apart':>14}{'budget':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for name, width in (("twin", SPEC.width), ("twice as wide", 2 * SPEC.width)):
            for term in MEASURED:
                ratio, apart = compared(width, term, Path(folder))
                missed |= ratio > STEP_BUDGET or apart > LOSS_BUDGET
                print(f"{name:24}{term:16}{ratio:14.2f}{STEP_BUDGET:8.2f}{apart:14.1e}{LOSS_BUDGET:10.0e}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
