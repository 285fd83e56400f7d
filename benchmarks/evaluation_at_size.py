"""COCO's evaluation at its size: 5,000 images with 100 detections each, 80 classes, against pycocotools.

Each runs in a process of its own; memory is what the evaluation adds to the detections and truths. Exits with 1 where
figures differ by more than 1e-6, or where ours takes more time or memory than pycocotools.

python benchmarks/evaluation_at_size.py [IMAGES]
"""

import json
import resource
import subprocess
import sys
import time

import numpy as np

from trainers.evaluate.coco import coco_ap
from trainers.evaluate.coco_reference import pycocotools_ap
from trainers.evaluate.detections import Image

IMAGES, DETECTIONS, CLASSES = 5000, 100, 80
CROWDED = 50
"""Every so many images one has 60 objects of one class, as COCO's pictures of bookshelves do."""
EVALUATIONS = {"coco_ap": coco_ap, "pycocotools": pycocotools_ap}


def case(images: int) -> tuple[list[Image], list[Image]]:
    """Truths, 7 an image on average, and detections: each truth shifted a little, the others at random."""
    rng = np.random.default_rng(0)
    found, truths = [], []
    for number in range(images):
        count = 60 if number % CROWDED == 0 else int(rng.integers(1, 14))
        label = np.full(count, 1) if count == 60 else rng.integers(1, CLASSES + 1, count)
        truth = {"boxes": _boxes(rng, count), "labels": label, "iscrowd": rng.random(count) < 0.01}
        boxes, labels = _boxes(rng, DETECTIONS), rng.integers(1, CLASSES + 1, DETECTIONS)
        boxes[:count] = truth["boxes"] + rng.normal(0, 8, (count, 4))
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)  # no box is turned inside out
        labels[:count] = label
        found.append({"boxes": boxes, "scores": rng.random(DETECTIONS), "labels": labels})
        truths.append(truth)
    return found, truths


def _boxes(rng: np.random.Generator, count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    corner = rng.uniform(0, 500, (count, 2))
    return np.hstack([corner, corner + rng.uniform(20, 140, (count, 2))])


def measured(name: str, images: int) -> dict[str, object]:
    """Figures, seconds on the clock and on a core, and the memory that the evaluation adds, in MB."""
    EVALUATIONS[name](*case(10), CLASSES)  # the imports
    found, truths = case(images)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, busy = time.perf_counter(), time.process_time()
    figures = EVALUATIONS[name](found, truths, CLASSES)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    return {"figures": figures, "seconds": seconds, "busy": busy, "mb": added}


def main() -> int:
    """Print the table; 0 if ours is right and no slower and no larger, 1 if not."""
    if sys.argv[1:2] == ["--part"]:
        print(json.dumps(measured(sys.argv[2], int(sys.argv[3]))))
        return 0
    images = sys.argv[1] if len(sys.argv) > 1 else str(IMAGES)
    rows = {}
    for name in EVALUATIONS:
        command = [sys.executable, __file__, "--part", name, images]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own file
        rows[name] = one = json.loads(text)
        times = f"{one['seconds']:>8.1f} s ({one['busy']:.1f} s of a core)"
        print(f"{name:<12}{times}{one['mb']:>8.0f} MB   {one['figures']}", flush=True)
    ours, theirs = rows["coco_ap"], rows["pycocotools"]
    off = max(abs(ours["figures"][name] - theirs["figures"][name]) for name in theirs["figures"])
    fine = off <= 1e-6 and ours["busy"] <= theirs["busy"] and ours["mb"] <= theirs["mb"]
    print(f"largest difference {off:.1e}: {'within the budget' if fine else 'MISSED the budget'}")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
