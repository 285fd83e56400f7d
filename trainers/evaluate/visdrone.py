"""Average precision and recall by VisDrone-DET's rule (Zhu et al., arXiv:2001.06303; VisDrone2018-DET-toolkit).

The rule, as the toolkit computes it: truths and detections half of whose area or more lies in ignored regions are
dropped; the 500 best remaining detections of an image count, all classes together; they are matched as by COCO's
rule, where an object to be ignored (score 0) swallows detections as a crowd does; AP is the area under the whole
precision envelope, not read at 101 recalls; AR is the recall that all of them reach.

Our reading, where the toolkit's versions differ or round: shares of area are exact, not counted in pixels; an object to
be ignored needn't be detected; a class without a truth is in no mean.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainers.data.sample import REGION
from trainers.evaluate.class_result import ClassResult
from trainers.evaluate.detections import Flat, Image, check_counts, flatten_detections, flatten_truths
from trainers.evaluate.matching import IOU_THRESHOLDS, best_of_each, match, positives_and_ranks

MAX_DETECTIONS = 500  # per image
INSIDE = 0.5  # the share of a box's area in ignored regions from which it is dropped
NAMES = ("ap", "ap50", "ap75", "ar500")


def visdrone_ap(detections: Sequence[Image], truths: Sequence[Image], num_classes: int) -> dict[str, float]:
    """ap (mean over the IoUs 0.5, 0.55, ..., 0.95), ap50, ap75 and ar500, in 0..1, over the classes 1..num_classes.

    Truths with the flag `difficult` are to be ignored. Truths with the label REGION are ignored regions, of no class.
    If no class has a truth that counts, all four are NaN. Equal scores rank in the order of the images and,
    within one, in the order given.
    """
    classes = visdrone_classes(*counted(detections, truths, num_classes), num_classes).values()
    return {name: float(np.mean([one.figures[name] for one in classes] or np.nan)) for name in NAMES}


def visdrone_classes(detected: Flat, truth: Flat, num_classes: int) -> dict[int, ClassResult]:
    """The same figures of each class that is in the mean, by its label, from what `counted` gives."""
    matched, ignored = match(detected, truth, num_classes)
    found = {}
    for label, positives, rank in positives_and_ranks(detected, truth, num_classes):
        right, counts = matched[rank] & ~ignored[rank], ~ignored[rank]
        ap = np.array([_area(right[counts[:, t], t], positives) for t in range(len(IOU_THRESHOLDS))])
        figures = (ap.mean(), ap[0], ap[5], np.mean(right.sum(axis=0) / positives))
        best = rank[counts[:, 0]]
        named = dict(zip(NAMES, map(float, figures), strict=True))
        found[label] = ClassResult(positives, named, detected.values[best], matched[best, 0])
    return found


def counted(detections: Sequence[Image], truths: Sequence[Image], num_classes: int) -> tuple[Flat, Flat]:
    """The detections that count, sorted by image and class and falling score, and the truths outside the regions."""
    check_counts(detections, truths, num_classes)
    regions = [np.asarray(image["boxes"], dtype=np.float64)[_is_region(image)] for image in truths]
    objects = [{name: np.asarray(image[name])[~_is_region(image)] for name in image} for image in truths]
    truth = _outside(flatten_truths(objects, num_classes, "difficult"), regions)
    detected = _outside(flatten_detections(detections, num_classes), regions)
    detected = best_of_each(detected, detected.image, MAX_DETECTIONS)
    key = detected.image * (num_classes + 1) + detected.labels
    return best_of_each(detected, key, MAX_DETECTIONS), truth


def covered_share(boxes: NDArray[np.float64], regions: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of each box's area in the union of the regions: boxes (n, 4), regions (m, 4); 0 for a box without area.

    The regions' edges cut the plane into cells, each of which lies wholly in the union or wholly out of it.
    """
    x, y = (np.unique(regions[:, [axis, axis + 2]]) for axis in (0, 1))
    columns = (x[:-1, None] >= regions[:, 0]) & (x[1:, None] <= regions[:, 2])
    rows = (y[:-1, None] >= regions[:, 1]) & (y[1:, None] <= regions[:, 3])
    inside = (columns[:, None] & rows[None]).any(axis=2)
    wide, high = (_common(boxes[:, axis], boxes[:, axis + 2], edges) for axis, edges in ((0, x), (1, y)))
    covered = ((wide @ inside) * high).sum(axis=1)
    area = (boxes[:, 2:] - boxes[:, :2]).clip(min=0).prod(axis=1)
    return np.divide(covered, area, out=np.zeros_like(area), where=area > 0)


def _common(low: NDArray[np.float64], high: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, cells): how much of each span from low to high lies in each cell between two edges."""
    return (np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1])).clip(min=0)


def _outside(flat: Flat, regions: Sequence[NDArray[np.float64]]) -> Flat:
    """The boxes whose share in the ignored regions of their image is less than INSIDE."""
    keep = np.ones(len(flat.labels), dtype=np.bool_)
    for image, own in enumerate(regions):
        if len(own):
            here = slice(*np.searchsorted(flat.image, (image, image + 1)).tolist())
            keep[here] = covered_share(flat.boxes[here], own) < INSIDE
    return Flat(flat.image[keep], flat.boxes[keep], flat.labels[keep], flat.values[keep])


def _is_region(truth: Image) -> NDArray[np.bool_]:
    return np.asarray(truth["labels"]) == REGION


def _area(right: NDArray[np.bool_], positives: int) -> float:
    """Under the precision envelope of ranked detections (n,): a hit adds the best precision at its recall or more."""
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(envelope[right].sum() / positives)
