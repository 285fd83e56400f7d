"""Time of evaluation: 500 images, 100 detections each, by VisDrone's rule 500, 20 classes.

Exits with 1 if VOC's AP50 misses its 50 ms; the other rules have no budget.

python benchmarks/evaluation.py
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from trainers.data.sample import REGION
from trainers.evaluate.coco import coco_ap
from trainers.evaluate.coco_reference import pycocotools_ap
from trainers.evaluate.detections import Image
from trainers.evaluate.figures import details
from trainers.evaluate.visdrone import visdrone_ap
from trainers.evaluate.voc import voc_ap

BUDGET_MS = 50
CLASSES = 20


def random_case(images: int, detections: int, seed: int = 0) -> tuple[list[Image], list[Image]]:
    """Truths (1 to 6 an image) and detections, of which a tenth are shifted truths."""
    rng = np.random.default_rng(seed)
    found, truths = [], []
    for _ in range(images):
        count = int(rng.integers(1, 7))
        corner, extent = rng.uniform(0, 200, (count, 2)), rng.uniform(20, 120, (count, 2))
        truth = {"boxes": np.hstack([corner, corner + extent]), "labels": rng.integers(1, CLASSES + 1, count)}
        pick = rng.integers(0, count, detections // 10)
        corner, extent = rng.uniform(0, 200, (detections, 2)), rng.uniform(20, 120, (detections, 2))
        boxes, labels = np.hstack([corner, corner + extent]), rng.integers(1, CLASSES + 1, detections)
        boxes[: len(pick)] = truth["boxes"][pick] + rng.normal(0, 8, (len(pick), 4))
        labels[: len(pick)] = truth["labels"][pick]
        found.append({"boxes": boxes, "scores": rng.uniform(0, 1, detections), "labels": labels})
        truths.append(truth)
    return found, truths


def with_regions(truth: Image, count: int, seed: int) -> Image:
    """The truths of an image with ignored regions of 20 to 60 pixels a side."""
    rng = np.random.default_rng(seed)
    corner, extent = rng.uniform(0, 200, (count, 2)), rng.uniform(20, 60, (count, 2))
    return {
        "boxes": np.vstack([truth["boxes"], np.hstack([corner, corner + extent])]),
        "labels": np.concatenate([truth["labels"], np.full(count, REGION)]),
        "difficult": np.arange(len(truth["labels"]) + count) >= len(truth["labels"]),
    }


def median_ms(function: Callable[..., object], found: list[Image], truths: list[Image], repeats: int) -> float:
    """Median milliseconds of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(found, truths, CLASSES)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def detailed(rule: str, found: list[Image], truths: list[Image], classes: int) -> object:
    """Results by class with their curves, and by size: what `bitfront evaluate` gives beside the figures."""
    told = details(found, truths, classes, rule, np.ones(len(found)))
    return told, [one.curve() for one in told.classes.values()]


def main() -> int:
    """Print the table; 0 if within the budget, 1 if not."""
    found, truths = random_case(images=500, detections=100)
    voc_ms = median_ms(voc_ap, found, truths, repeats=15)
    coco_ms = median_ms(coco_ap, found, truths, repeats=5)
    referee_ms = median_ms(pycocotools_ap, found, truths, repeats=3)
    many, truths_of_many = random_case(images=500, detections=500)
    truths_of_many = [with_regions(truth, count=3, seed=seed) for seed, truth in enumerate(truths_of_many)]
    flagged = [with_regions(truth, count=0, seed=0) for truth in truths]
    visdrone_ms = median_ms(visdrone_ap, many, truths_of_many, repeats=5)
    print(f"{'500 images x 100 detections':<30}{'median ms':>12}{'times faster than pycocotools':>32}")
    print(f"{'voc_ap (AP50, budget 50 ms)':<30}{voc_ms:>12.1f}{referee_ms / voc_ms:>32.1f}")
    print(f"{'coco_ap (AP at 10 IoUs)':<30}{coco_ms:>12.1f}{referee_ms / coco_ms:>32.1f}")
    print(f"{'pycocotools (AP at 10 IoUs)':<30}{referee_ms:>12.1f}{1:>32.1f}")
    print(f"{'visdrone_ap, 500 detections':<30}{visdrone_ms:>12.1f}")
    for rule, case in (("voc", (found, flagged)), ("coco", (found, flagged)), ("visdrone", (many, truths_of_many))):
        print(f"{f'details by the rule of {rule}':<30}{median_ms(partial(detailed, rule), *case, repeats=3):>12.1f}")
    print("within the budget" if voc_ms <= BUDGET_MS else f"MISSED the budget of {BUDGET_MS} ms")
    return 0 if voc_ms <= BUDGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
