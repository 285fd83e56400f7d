"""The input of evaluation, checked and flattened so that all images are processed at once.

One dict of arrays per image. Detections: boxes (n, 4) xyxy, scores (n,), labels (n,) 1..C. Truths: boxes (m, 4),
labels (m,), and optionally difficult (m,) bool for VOC's rule, iscrowd (m,) bool for COCO's. CPU tensors are accepted
too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Flat:
    """Boxes of all images behind one another: image (n,) index, boxes (n, 4) float64, labels (n,), and `values` (n,).

    `values` are the scores of detections, and the flags (difficult or iscrowd) of truths.
    """

    image: NDArray[np.int64]
    boxes: NDArray[np.float64]
    labels: NDArray[np.int64]
    values: NDArray[Any]


def flatten_detections(detections: Sequence[Image], num_classes: int) -> Flat:
    """All detections in image order; ValueError for a score that is NaN, a box that isn't finite, an unknown label."""
    flat = _flatten(detections, "scores", np.float64, None, num_classes, "detections")
    if np.isnan(flat.values).any():
        worst = int(flat.image[np.isnan(flat.values)][0])
        raise ValueError(f"Detections of image {worst} have a score that is NaN: they can't be ranked.")
    return flat


def flatten_truths(truths: Sequence[Image], num_classes: int, flag: str) -> Flat:
    """All truths in image order with one of their flags, which is False where an image doesn't have it."""
    return _flatten(truths, flag, np.bool_, False, num_classes, "truths")


def check_counts(detections: Sequence[Image], truths: Sequence[Image], num_classes: int) -> None:
    """Refuse lists that can't belong together (ValueError)."""
    if len(detections) != len(truths):
        raise ValueError(f"There are detections of {len(detections)} images but truths of {len(truths)}.")
    if num_classes < 1:
        raise ValueError(f"num_classes is {num_classes}, must be at least 1.")


def _flatten(images: Sequence[Image], field: str, dtype: Any, default: object, num_classes: int, what: str) -> Flat:
    counts = [len(image["labels"]) for image in images]
    boxes, labels, values = [], [], []
    for index, (image, count) in enumerate(zip(images, counts, strict=True)):
        own_boxes = np.asarray(image["boxes"], dtype=np.float64)
        value = np.full(count, default) if default is not None and field not in image else np.asarray(image[field])
        if own_boxes.size != 4 * count or value.shape != (count,):
            raise ValueError(
                f"The {what} of image {index} have {count} labels, boxes {own_boxes.shape} and {field} {value.shape}."
            )
        boxes.append(own_boxes.reshape(-1, 4))
        labels.append(np.asarray(image["labels"]))
        values.append(value)
    flat = Flat(
        image=np.repeat(np.arange(len(images)), counts),
        boxes=np.concatenate([np.empty((0, 4)), *boxes]),
        labels=np.concatenate([np.empty(0, dtype=np.int64), *labels]).astype(np.int64),
        values=np.concatenate([np.empty(0), *values]).astype(dtype),
    )
    _check_values(flat, num_classes, what)
    return flat


def _check_values(flat: Flat, num_classes: int, what: str) -> None:
    bad_label = (flat.labels < 1) | (flat.labels > num_classes)
    if bad_label.any():
        image, label = int(flat.image[bad_label][0]), int(flat.labels[bad_label][0])
        raise ValueError(f"The {what} of image {image} have the label {label}, allowed are 1 to {num_classes}.")
    bad_box = ~np.isfinite(flat.boxes).all(axis=1)
    if bad_box.any():
        raise ValueError(f"The {what} of image {int(flat.image[bad_box][0])} have a box that isn't finite.")
