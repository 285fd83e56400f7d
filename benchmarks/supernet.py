"""A single-path supernet step against the float step, and what scoring costs beyond running the detector.

Budgets (docs/measurements/budgets.md): the supernet step takes at most 1.30 times the float step of the same detector;
a score spends at most 10 % on anything but running the detector on the subset. Running it means images in, detections
out; how much of that are decoding and NMS is a row of its own, without a budget. Without one are also the rows of a
supernet with `weights: by_kind` over one with shared weights: a step with its optimizer, and the bytes of all tensors.
Times are ratios of medians, measured in turn in one process. Exit status 1 when a budget is missed.

Run it with: python benchmarks/supernet.py
"""

import math
import random
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.space import Knob, SearchSpace
from spaces.supernet import activate, build_fixed, build_supernet, extract
from trainers.data.batches import batches
from trainers.data.decoded import Decoded
from trainers.evaluate.voc import voc_ap
from trainers.inference import detect, truths
from trainers.training.memory import keep_freed_memory

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=5, image_size=128, width=0.5)
METHODS = ("real", "sign", "bireal")
STAGES = ("layer1", "layer2", "layer3", "layer4")
BATCH, ROUNDS, IMAGES = 16, 25, 160
STEP_BUDGET, SCORE_BUDGET = 1.30, 0.10


def random_data(images: int, size: int) -> Decoded:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, size / 2, (images, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(size / 8, size / 2, (images, 2))], axis=1)
    return Decoded(
        images=rng.integers(0, 256, (images, 3, size, size), dtype=np.uint8),
        boxes=boxes.astype(np.float32),
        labels=rng.integers(1, 6, images),
        difficult=np.zeros(images, dtype=bool),
        offsets=np.arange(images + 1),
        image_ids=tuple(map(str, range(images))),
        class_names=("a", "b", "c", "d", "e"),
    )


def step_seconds(network: nn.Module, before: Callable[[], None], update: Callable[[], object] = lambda: None) -> float:
    images = [torch.rand(3, SPEC.image_size, SPEC.image_size) for _ in range(BATCH)]
    targets = [{"boxes": torch.tensor([[20.0, 20, 70, 90]]), "labels": torch.tensor([1])} for _ in range(BATCH)]
    before()
    started = time.perf_counter()
    network.zero_grad(set_to_none=True)
    torch.stack(list(network(images, targets).losses.values())).sum().backward()
    update()
    return time.perf_counter() - started


def step_ratio() -> tuple[float, float]:
    """Median seconds of a float step and of a supernet step over random paths."""
    space = SearchSpace([Knob(f"layer/backbone.{stage}", METHODS) for stage in STAGES])
    supernet = build_supernet(SPEC, {f"backbone.{stage}": METHODS for stage in STAGES})
    real = build_fixed(SPEC, Candidate({}))
    rng = random.Random(0)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        times[0].append(step_seconds(real, lambda: None))
        times[1].append(step_seconds(supernet, lambda: activate(supernet, space.sample(rng))))
    return statistics.median(times[0][3:]), statistics.median(times[1][3:])


def by_kind_ratios() -> tuple[tuple[float, float], tuple[int, int]]:
    """Median seconds of a step with AdamW over the same random paths, and bytes: with shared weights, and by kind."""
    space = SearchSpace([Knob(f"layer/backbone.{stage}", METHODS) for stage in STAGES])
    supernets = [build_supernet(SPEC, {"backbone": METHODS}, weights) for weights in ("shared", "by_kind")]
    optimizers = [torch.optim.AdamW(supernet.parameters()) for supernet in supernets]
    rng = random.Random(0)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        path = space.sample(rng)
        for supernet, optimizer, seconds in zip(supernets, optimizers, times, strict=True):
            seconds.append(step_seconds(supernet, partial(activate, supernet, path), optimizer.step))
    sizes = [sum(tensor.nbytes for tensor in supernet.state_dict().values()) for supernet in supernets]
    return (statistics.median(times[0][3:]), statistics.median(times[1][3:])), (sizes[0], sizes[1])


def score_overhead() -> tuple[float, float, float]:
    """Median seconds of running the detector on the subset, of everything else that a score without steps does, and of
    the network alone, without decoding and NMS."""
    data = random_data(IMAGES, SPEC.image_size)
    candidate = Candidate({"layer/backbone": "sign"})
    state = build_supernet(SPEC, {"backbone": METHODS}).state_dict()
    expected = truths(data)
    passes, rest, alone = [], [], []
    loaded = [images for images, _ in batches(data, 32, seed=0, epoch=0, augment=False)]
    for _ in range(9):
        started = time.perf_counter()
        network = extract(state, SPEC, candidate)
        built = time.perf_counter()
        found = detect(network, data)
        detected = time.perf_counter()
        voc_ap(found, expected, num_classes=5)
        rest.append(time.perf_counter() - detected + built - started)
        passes.append(detected - built)
        alone.append(network_seconds(network, loaded))
    return statistics.median(passes[1:]), statistics.median(rest[1:]), statistics.median(alone[1:])


@torch.no_grad()
def network_seconds(network: nn.Module, loaded: list[list[torch.Tensor]]) -> float:
    started = time.perf_counter()
    for images in loaded:
        network(images)  # detections are decoded when they are read
    return time.perf_counter() - started


def main() -> int:
    keep_freed_memory()  # as every training does
    real, path = step_ratio()
    (shared, by_kind), (shared_bytes, by_kind_bytes) = by_kind_ratios()
    passes, rest, alone = score_overhead()
    rows = [
        ("supernet step / float step", path / real, STEP_BUDGET, f"{path * 1e3:.1f} ms / {real * 1e3:.1f} ms"),
        ("score beyond the detector", rest / passes, SCORE_BUDGET, f"{rest * 1e3:.1f} ms / {passes * 1e3:.1f} ms"),
        (
            "decoding and NMS / network",
            (passes - alone) / alone,
            math.inf,
            f"{(passes - alone) * 1e3:.1f} ms / {alone * 1e3:.1f} ms",
        ),
        ("step by kind / shared", by_kind / shared, math.inf, f"{by_kind * 1e3:.1f} ms / {shared * 1e3:.1f} ms"),
        (
            "bytes by kind / shared",
            by_kind_bytes / shared_bytes,
            math.inf,
            f"{by_kind_bytes / 1e6:.1f} MB / {shared_bytes / 1e6:.1f} MB",
        ),
    ]
    print(f"{SPEC.detector} x {SPEC.width}, {SPEC.image_size} pixels, batch {BATCH}, {torch.get_num_threads()} threads")
    for name, ratio, budget, detail in rows:
        limit = f"budget {budget:.2f}   {'ok' if ratio <= budget else 'MISSED'}" if budget < math.inf else "no budget"
        print(f"{name:28} {ratio:6.3f}   {limit:18} ({detail})")
    return int(any(ratio > budget for _, ratio, budget, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
