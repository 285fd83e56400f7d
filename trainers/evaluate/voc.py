"""Average precision by PASCAL VOC's rule (Everingham et al., IJCV 2010, section 4.2; devkit, VOCevaldet.m)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.evaluate.class_result import ClassResult
from trainers.evaluate.detections import Flat, Image, check_counts, flatten_detections, flatten_truths


@dataclass(frozen=True)
class VocResult:
    """Mean APs in 0..1, and what each label has that has a non-difficult truth: its own map50 and map50_11.

    A class without such a truth is in no mean; if there is no other class, both means are NaN.
    """

    map50: float
    map50_11: float
    classes: Mapping[int, ClassResult]

    @property
    def per_class(self) -> dict[int, float]:
        """The all-point AP by label."""
        return {label: one.figures["map50"] for label, one in self.classes.items()}


def voc_ap(detections: Sequence[Image], truths: Sequence[Image], num_classes: int, iou: float = 0.5) -> VocResult:
    """All-point and 11-point mean AP over the classes 1..num_classes; one dict per image, as in `detections`.

    The detections of a class are ranked over all images, best score first, ties in the order of the images and, within
    one, in the order given. Each is compared with the truth of its class and image that has the greatest IoU (the first
    of equals), even if that is difficult or taken. Below `iou` it is a false positive; exactly `iou` is enough, as in
    the devkit. With a difficult truth it isn't counted, with a free one it is a true positive, with a taken one false.
    """
    check_counts(detections, truths, num_classes)
    detected = flatten_detections(detections, num_classes)
    truth = flatten_truths(truths, num_classes, "difficult")
    order = np.lexsort((-detected.values, detected.labels))  # by class, best first; lexsort is stable
    labels, ignored, right = detected.labels[order], *_judge(detected, truth, order, num_classes, iou)
    positives = np.bincount(truth.labels[~truth.values], minlength=num_classes + 1)
    classes = {}
    for label in np.flatnonzero(positives).tolist():
        span = slice(*np.searchsorted(labels, (label, label + 1)).tolist())
        counted = right[span][~ignored[span]]
        hits = np.cumsum(counted, dtype=np.int64)
        precision = hits / np.arange(1, len(hits) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]  # greatest precision at this recall or more
        figures = {
            "map50": float(envelope[counted].sum() / positives[label]),
            "map50_11": _eleven_point(envelope, hits, int(positives[label])),
        }
        scores = detected.values[order[span]][~ignored[span]]
        classes[label] = ClassResult(int(positives[label]), figures, scores, counted)
    if not classes:
        return VocResult(float("nan"), float("nan"), {})
    map50, map50_11 = (
        float(np.mean([one.figures[name] for one in classes.values()])) for name in ("map50", "map50_11")
    )
    return VocResult(map50, map50_11, classes)


def _eleven_point(envelope: NDArray[np.float64], hits: NDArray[np.int64], positives: int) -> float:
    """Mean over the recalls 0, 0.1, ..., 1 of the best precision there or beyond, 0 for recalls that aren't reached.

    Recalls are compared as whole numbers, so that 3 hits of 10 do reach 0.3.
    """
    first = np.searchsorted(hits * 10, np.arange(11) * positives)
    return float(np.append(envelope, 0.0)[first].mean())


def _judge(
    detected: Flat, truth: Flat, order: NDArray[np.int64], num_classes: int, iou: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For the detections in `order`: whether it is ignored, and whether it is a true positive."""
    best, overlap = _best_truth(detected, truth, num_classes)
    best, matched = best[order], overlap[order] >= iou
    ignored, right = np.zeros(len(order), dtype=np.bool_), np.zeros(len(order), dtype=np.bool_)
    ignored[matched] = truth.values[best[matched]]
    plain = np.flatnonzero(matched & ~ignored)
    # Only the first in rank takes a truth. Order within a class is kept, and a truth belongs to one class.
    right[plain[np.unique(best[plain], return_index=True)[1]]] = True
    return ignored, right


def _best_truth(detected: Flat, truth: Flat, num_classes: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each detection the truth of its image and class with the greatest IoU and that IoU; -1 and -1 without one."""
    best, overlap = np.full(len(detected.labels), -1), np.full(len(detected.labels), -1.0)
    detection_key = detected.image * (num_classes + 1) + detected.labels
    truth_key = truth.image * (num_classes + 1) + truth.labels
    by_key = np.argsort(truth_key, kind="stable")
    sorted_key = truth_key[by_key]
    first = np.searchsorted(sorted_key, detection_key, side="left")
    counts = np.searchsorted(sorted_key, detection_key, side="right") - first
    some = np.flatnonzero(counts)
    if not len(some):
        return best, overlap
    starts = np.cumsum(counts[some]) - counts[some]
    detection = np.repeat(some, counts[some])
    candidate = by_key[np.arange(len(detection)) + np.repeat(first[some] - starts, counts[some])]
    pairs = _iou(detected.boxes[detection], truth.boxes[candidate])
    overlap[some] = np.maximum.reduceat(pairs, starts)
    greatest = np.flatnonzero(pairs == overlap[detection])[::-1]
    best[detection[greatest]] = candidate[greatest]  # written from the last, so that the first of equals stays
    return best, overlap


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of corner boxes (n, 4) pair by pair; a box of no area overlaps nothing."""
    sides = (np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])).clip(min=0)
    common = sides[:, 0] * sides[:, 1]
    area_a, area_b = ((box[:, 2:] - box[:, :2]).clip(min=0).prod(axis=1) for box in (a, b))
    union: NDArray[np.float64] = area_a + area_b - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)
