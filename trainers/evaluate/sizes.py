"""Average precision by the size of objects, and average recall, both by COCO's rule; equal to pycocotools to 1e-6.

An object's size is the area of its box in pixels of the original image, where COCO takes the area of its mask.
"""

import math

import numpy as np
from numpy.typing import NDArray

from trainers.evaluate.coco import precision_at_recalls
from trainers.evaluate.detections import Flat
from trainers.evaluate.matching import match, place_in_run, positives_and_ranks

SIZES = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, math.inf)}
"""The least and the greatest area; an area on the border between two belongs to both."""
LIMITS = (1, 10, 100)
"""How many detections per image and class count in ar1, ar10 and ar100."""


def ap_and_ar(detected: Flat, truth: Flat, num_classes: int, scale: NDArray[np.float64]) -> dict[str, float]:
    """ap_small, ap_medium, ap_large, ar1, ar10, ar100, ar_small, ar_medium and ar_large, in 0..1.

    detected, truth: as `coco.counted` gives them. scale: (images,) the area of a pixel of the boxes in pixels of the
    original image. A figure is the mean over the IoUs 0.5, 0.55, ..., 0.95 and over the classes that have such an
    object; without any it is NaN.
    """
    matched, ignored = match(detected, truth, num_classes)
    place = place_in_run(detected.image * (num_classes + 1) + detected.labels)
    recalls = {}
    for limit in LIMITS:
        first = place < limit
        right = matched & ~ignored & first[:, None]
        by_class = [right[rank].sum(axis=0) / n for _, n, rank in positives_and_ranks(detected, truth, num_classes)]
        recalls[f"ar{limit}"] = _mean(by_class)
    of_sizes = {name: _of_size(detected, truth, num_classes, scale, borders) for name, borders in SIZES.items()}
    return {
        **{f"ap_{name}": ap for name, (ap, _) in of_sizes.items()},
        **recalls,
        **{f"ar_{name}": ar for name, (_, ar) in of_sizes.items()},
    }


def _of_size(
    detected: Flat, truth: Flat, num_classes: int, scale: NDArray[np.float64], borders: tuple[float, float]
) -> tuple[float, float]:
    """AP and AR of the objects of a size. Others are ignored, and so are detections of other sizes that found none."""
    outside = _outside(truth, scale, borders)
    matched, ignored = match(detected, truth, num_classes, outside)
    ignored |= ~matched & _outside(detected, scale, borders)[:, None]
    precisions, recalls = [], []
    for _, positives, rank in positives_and_ranks(detected, truth, num_classes, outside):
        precisions.append(precision_at_recalls(matched[rank], ignored[rank], positives))
        recalls.append((matched[rank] & ~ignored[rank]).sum(axis=0) / positives)
    return _mean(precisions), _mean(recalls)


def _outside(flat: Flat, scale: NDArray[np.float64], borders: tuple[float, float]) -> NDArray[np.bool_]:
    area = (flat.boxes[:, 2:] - flat.boxes[:, :2]).prod(axis=1) * scale[flat.image]
    area = area.round(1)  # boxes in float32 miss a border by some hundredths of a pixel
    low, high = borders
    found: NDArray[np.bool_] = (area < low) | (area > high)
    return found


def _mean(by_class: list[NDArray[np.float64]]) -> float:
    return float(np.mean(by_class)) if by_class else float("nan")
