"""Matching of detections and truths by COCO's rule, at all its thresholds and on all images at once.

Differences from VOC's rule: a detection whose best truth is taken tries the next one, boxes have no "+ 1", and a truth
that is to be ignored may swallow any number of detections, by the share of each that lies inside it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trainers.evaluate.detections import Flat

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
BLOCK = 20_000
"""The most detections that are matched at once, but for those of one image: it bounds the memory, whatever the number
of images."""
# A match must exceed min(t, 1 - 1e-10) in pycocotools; the thresholds stay below that.


def best_of_each(detections: Flat, key: NDArray[np.int64], most: int) -> Flat:
    """The detections sorted by `key` (n,) and falling score (stable), at most `most` of each key."""
    order = np.lexsort((-detections.values, key))
    keep = order[place_in_run(key[order]) < most]
    return Flat(detections.image[keep], detections.boxes[keep], detections.labels[keep], detections.values[keep])


def positives_and_ranks(
    detections: Flat, truth: Flat, num_classes: int, outside: NDArray[np.bool_] | None = None
) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """For each class with truths that count: its label, their number, and its detections, best first (stable).

    outside: as for `match`.
    """
    counts = ~truth.values if outside is None else ~truth.values & ~outside
    positives = np.bincount(truth.labels[counts], minlength=num_classes + 1)
    order = np.lexsort((-detections.values, detections.labels))
    labels = detections.labels[order]
    for label in np.flatnonzero(positives).tolist():
        yield label, int(positives[label]), order[slice(*np.searchsorted(labels, (label, label + 1)).tolist())]


def match(
    detections: Flat, truth: Flat, num_classes: int, outside: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For the sorted detections, at each threshold: (n, thresholds) whether it matches, and whether that is ignored.

    outside: (m,) truths that are to be ignored, though they are no crowds: each is matched once, by a detection that no
    truth is left for that counts.

    Detections of one image and class depend on one another in the order of their scores, those of different ones
    don't. So images are matched in blocks, and within a block round k treats the k-th detection of every image and
    class together. Detections and truths must be in the order of their images.
    """
    parts = [np.zeros((2, 0, len(IOU_THRESHOLDS)), dtype=np.bool_)]
    for first, last in _blocks(detections.image):
        found = slice(*np.searchsorted(detections.image, (first, last)).tolist())
        there = slice(*np.searchsorted(truth.image, (first, last)).tolist())
        aside = None if outside is None else outside[there]
        parts.append(np.stack(_match(_part(detections, found), _part(truth, there), num_classes, aside)))
    matched, ignored = np.concatenate(parts, axis=1)
    return matched, ignored


def _blocks(image: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of images, from the first to before the last, with at most `BLOCK` detections or one image each."""
    start = 0
    while start < len(image):
        first = int(image[start])
        last = int(image[min(start + BLOCK, len(image)) - 1])
        complete = start + BLOCK >= len(image) or image[start + BLOCK] != last
        last = last + 1 if complete or last == first else last
        yield first, last
        start = int(np.searchsorted(image, last))


def _part(flat: Flat, part: slice) -> Flat:
    return Flat(flat.image[part], flat.boxes[part], flat.labels[part], flat.values[part])


def _match(
    detections: Flat, truth: Flat, num_classes: int, outside: NDArray[np.bool_] | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """As `match`, all at once."""
    matched = np.zeros((len(detections.labels), len(IOU_THRESHOLDS)), dtype=np.bool_)
    ignored = matched.copy()
    detection_key = detections.image * (num_classes + 1) + detections.labels
    truth_key = truth.image * (num_classes + 1) + truth.labels
    keys, columns, table = _truth_table(truth_key)
    if not len(keys):
        return matched, ignored
    row = np.searchsorted(keys, detection_key).clip(max=len(keys) - 1)
    candidates = np.flatnonzero(keys[row] == detection_key)
    candidates, overlap = _able(detections, truth, candidates, table[row[candidates]])
    row = row[candidates]
    crowd = (table >= 0) & truth.values[table]
    aside = crowd if outside is None else crowd | ((table >= 0) & outside[table])
    taken = np.zeros((len(keys), len(IOU_THRESHOLDS), columns), dtype=np.bool_)
    place = place_in_run(row)
    for k in range(int(place.max(initial=-1)) + 1):
        now = np.flatnonzero(place == k)
        rows, ious = row[now], overlap[now][:, None, :]
        enough = ious >= IOU_THRESHOLDS[None, :, None]
        left = enough & (crowd[rows][:, None, :] | ~taken[rows])
        free = _last_greatest(ious, left & ~aside[rows][:, None, :])
        swallowed = _last_greatest(ious, left & aside[rows][:, None, :])
        of_no_count = (free < 0) & (swallowed >= 0)
        _take(taken, rows, free, free >= 0)
        if outside is not None:  # what a crowd swallows never takes it
            _take(taken, rows, swallowed, of_no_count)
        matched[candidates[now]] = (free >= 0) | of_no_count
        ignored[candidates[now]] = of_no_count
    return matched, ignored


def _able(
    detections: Flat, truth: Flat, candidates: NDArray[np.int64], truths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The candidates that overlap one of their truths enough for the lowest threshold, and the IoU with each of these.

    candidates (c,): indices of detections; truths (c, columns): of the truths of their image and class, -1 for none.
    """
    overlap = _overlaps(detections.boxes[candidates], truth, truths)
    able = overlap.max(axis=1) >= IOU_THRESHOLDS[0]
    return candidates[able], overlap[able]


def _take(
    taken: NDArray[np.bool_], rows: NDArray[np.int64], columns: NDArray[np.int64], where: NDArray[np.bool_]
) -> None:
    """Mark the truths at (rows, threshold, columns) as taken. rows (n,); columns and where (n, thresholds)."""
    at, threshold = np.nonzero(where)
    taken[rows[at], threshold, columns[at, threshold]] = True


def _truth_table(truth_key: NDArray[np.int64]) -> tuple[NDArray[np.int64], int, NDArray[np.int64]]:
    """The distinct keys, the most truths of one, and (keys, most) the indices of the truths, -1 beyond the last."""
    order = np.argsort(truth_key, kind="stable")
    keys, row = np.unique(truth_key[order], return_inverse=True)
    place = place_in_run(truth_key[order])
    columns = int(place.max(initial=-1)) + 1
    table = np.full((len(keys), columns), -1)
    table[row, place] = order
    return keys, columns, table


def _overlaps(boxes: NDArray[np.float64], truth: Flat, table: NDArray[np.int64]) -> NDArray[np.float64]:
    """IoU of each box (n, 4) with the truths in its row of `table` (n, columns), -1 for none.

    With a crowd it is the share of the detection inside the crowd. Right and bottom edges are x + (x2 - x), because
    pycocotools stores widths: a rounding step can decide an IoU that lies on a threshold.
    """
    corner, side = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None]
    target = truth.boxes[table]
    target_corner, target_side = target[..., :2], target[..., 2:] - target[..., :2]
    ends = np.minimum(corner + side, target_corner + target_side)
    common_side = (ends - np.maximum(corner, target_corner)).clip(min=0)
    common = common_side[..., 0] * common_side[..., 1]
    area, target_area = side[..., 0] * side[..., 1], target_side[..., 0] * target_side[..., 1]
    union: NDArray[np.float64] = np.where(truth.values[table], area, area + target_area - common)
    iou = np.divide(common, union, out=np.zeros_like(common), where=common > 0)
    iou[table < 0] = -1
    return iou


def _last_greatest(ious: NDArray[np.float64], allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Index along the last axis of the greatest allowed IoU, the last of equals as in pycocotools; -1 for none."""
    masked = np.where(allowed, ious, -1.0)[..., ::-1]
    index = masked.shape[-1] - 1 - masked.argmax(axis=-1)
    return np.where(allowed.any(axis=-1), index, -1)


def place_in_run(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, 2, ... within each run of equal keys."""
    index = np.arange(len(key))
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    return index - np.repeat(starts, np.diff(np.append(starts, len(key))))
