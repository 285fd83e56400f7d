"""Average precision by COCO's rule, on all images and thresholds at once; equal to pycocotools to 1e-6.

`matching` describes how detections are matched. At most 100 of them count per image and class, and precision is read at
101 recalls.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainers.evaluate.class_result import ClassResult
from trainers.evaluate.detections import Flat, Image, check_counts, flatten_detections, flatten_truths
from trainers.evaluate.matching import IOU_THRESHOLDS, best_of_each, match, positives_and_ranks

RECALLS = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = 100  # per image and class


def coco_ap(detections: Sequence[Image], truths: Sequence[Image], num_classes: int) -> dict[str, float]:
    """ap (mean over the IoUs 0.5, 0.55, ..., 0.95), ap50 and ap75, in 0..1, over the classes 1..num_classes.

    Truths may carry `iscrowd`; COCO's rule doesn't use `difficult`. A class whose truths are all crowds, or that
    has none, is in no mean; without any other class all three are NaN. Equal scores rank in the order of the images
    and, within one, in the order given.
    """
    detected, truth = counted(detections, truths, num_classes)
    matched, ignored = match(detected, truth, num_classes)
    precisions = [
        precision_at_recalls(matched[rank], ignored[rank], positives)
        for _, positives, rank in positives_and_ranks(detected, truth, num_classes)
    ]
    if not precisions:
        return {"ap": float("nan"), "ap50": float("nan"), "ap75": float("nan")}
    per_threshold = np.stack(precisions).mean(axis=(0, 2))
    return {"ap": float(per_threshold.mean()), "ap50": float(per_threshold[0]), "ap75": float(per_threshold[5])}


def coco_classes(detected: Flat, truth: Flat, num_classes: int) -> dict[int, ClassResult]:
    """ap, ap50 and ap75 of each class that is in the mean, by its label, from what `counted` gives."""
    matched, ignored = match(detected, truth, num_classes)
    found = {}
    for label, positives, rank in positives_and_ranks(detected, truth, num_classes):
        ap = precision_at_recalls(matched[rank], ignored[rank], positives).mean(axis=1)
        figures = {"ap": float(ap.mean()), "ap50": float(ap[0]), "ap75": float(ap[5])}
        counting = rank[~ignored[rank, 0]]
        found[label] = ClassResult(positives, figures, detected.values[counting], matched[counting, 0])
    return found


def counted(detections: Sequence[Image], truths: Sequence[Image], num_classes: int) -> tuple[Flat, Flat]:
    """The detections that count, sorted by image and class and falling score, and the truths with their crowds."""
    check_counts(detections, truths, num_classes)
    truth = flatten_truths(truths, num_classes, "iscrowd")
    return best_of_classes(flatten_detections(detections, num_classes), num_classes), truth


def best_of_classes(detected: Flat, num_classes: int) -> Flat:
    """The detections that count of each image and class, sorted by these and falling score."""
    return best_of_each(detected, detected.image * (num_classes + 1) + detected.labels, MAX_DETECTIONS)


def precision_at_recalls(matched: NDArray[np.bool_], ignored: NDArray[np.bool_], positives: int) -> NDArray[np.float64]:
    """(thresholds, recalls) from the ranked detections (n, thresholds) of one class; 0 at recalls not reached."""
    hits = np.cumsum(matched & ~ignored, axis=0)
    misses = np.cumsum(~matched & ~ignored, axis=0)
    recall = hits / positives
    precision = hits / (hits + misses + np.spacing(1))
    envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    padded = np.vstack([envelope, np.zeros(len(IOU_THRESHOLDS))])
    return np.stack([padded[np.searchsorted(recall[:, t], RECALLS), t] for t in range(len(IOU_THRESHOLDS))])
