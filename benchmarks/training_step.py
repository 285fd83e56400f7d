"""Where the time of a training step goes, and what threads and larger batches give.

The detector is the demo's, real-valued, on random images. Parts of a step: its images (read, augmented, stacked), the
forward pass with its losses, the backward pass, the optimizer. A row for each number of threads and size of a batch.
The last column is milliseconds an image over those of one thread and the smallest batch. Below stands the optimizer
over torch's plain AdamW, one operation after the other. Times are medians, measured in turn in one process.

Run it with: python benchmarks/training_step.py --threads 1,2 --batches 16,32,64
The last line is JSON.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import chain, count, pairwise, product
from typing import Any

import torch
from supernet import random_data
from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.batches import Batch
from trainers.training.fused import adamw
from trainers.training.memory import keep_freed_memory

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=5, image_size=96, width=0.25, heads="light")
PARTS = ("images", "forward", "backward", "optimizer")
STEPS, UNMEASURED = 20, 3

MakeOptimizer = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


def step_parts(threads: int, batch: int, optimizer_of: MakeOptimizer) -> list[float]:
    """Median milliseconds of each of the PARTS."""
    torch.set_num_threads(threads)
    network = build_fixed(SPEC, Candidate({})).train()
    optimizer = optimizer_of([{"params": list(network.parameters()), "lr": 1e-4}])
    data = random_data(batch * 2, SPEC.image_size)

    epochs = (data.batches(batch, seed=0, epoch=epoch, augment=True, drop_last=True) for epoch in count())
    source = chain.from_iterable(epochs)
    steps = [_times(network, optimizer, source) for _ in range(STEPS + UNMEASURED)]
    return [1e3 * statistics.median(times) for times in zip(*steps[UNMEASURED:], strict=True)]


def _times(network: nn.Module, optimizer: torch.optim.Optimizer, source: Iterator[Batch]) -> list[float]:
    stamps = [time.perf_counter()]
    images, targets = next(source)
    stamps.append(time.perf_counter())
    loss = torch.stack(list(network(images, targets).losses.values())).sum()
    stamps.append(time.perf_counter())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    stamps.append(time.perf_counter())
    optimizer.step()
    stamps.append(time.perf_counter())
    return [after - before for before, after in pairwise(stamps)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", default="1,2", help="numbers of threads, with commas between them")
    parser.add_argument("--batches", default="16,32,64", help="images a step, with commas between them")
    chosen = parser.parse_args()
    threads, sizes = ([int(one) for one in text.split(",")] for text in (chosen.threads, chosen.batches))
    keep_freed_memory()  # as every training does
    print(f"{'threads':>9} {'batch':>9} " + " ".join(f"{name:>9}" for name in (*PARTS, "ms/image", "ratio")))
    rows: list[dict[str, float]] = []
    for used, size in product(threads, sizes):
        parts = step_parts(used, size, adamw)
        row = {"threads": used, "batch": size, **dict(zip(PARTS, parts, strict=True)), "ms/image": sum(parts) / size}
        rows.append(row | {"ratio": row["ms/image"] / (rows[0] if rows else row)["ms/image"]})
        print(" ".join(f"{value:9.2f}" if isinstance(value, float) else f"{value:9}" for value in rows[-1].values()))
    plain = step_parts(threads[0], sizes[0], torch.optim.AdamW)[-1]
    print(f"optimizer over torch's plain AdamW: {rows[0]['optimizer'] / plain:.2f} ({plain:.1f} ms)")
    print(json.dumps({"steps": rows, "plain_optimizer": plain}))


if __name__ == "__main__":
    main()
