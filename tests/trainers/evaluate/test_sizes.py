"""AP by size and recall by COCO's rule: by hand, and against pycocotools."""

import contextlib
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from trainers.evaluate.coco import coco_classes, counted
from trainers.evaluate.sizes import ap_and_ar

SMALL, MEDIUM, LARGE = [0, 0, 20, 20], [100, 100, 150, 150], [200, 200, 400, 400]
NAMES = ("ap_small", "ap_medium", "ap_large", "ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large")


@pytest.fixture
def truth(flagged_truth):
    return lambda *rows: flagged_truth(*rows, flag="iscrowd")


def ours(detections, truths, classes, scale=None):
    found = counted(detections, truths, classes)
    return ap_and_ar(*found, classes, np.ones(len(truths)) if scale is None else np.array(scale))


def referee(detections, truths, classes):
    """pycocotools' whole evaluation, with an area for each object."""
    xywh = [np.hstack([one["boxes"][:, :2], one["boxes"][:, 2:] - one["boxes"][:, :2]]) for one in truths]
    rows = [
        {"image_id": image, "category_id": int(label), "bbox": box.tolist(), "area": float(box[2] * box[3])}
        | {"iscrowd": int(crowd)}
        for image, (one, boxes) in enumerate(zip(truths, xywh, strict=True), start=1)
        for label, box, crowd in zip(one["labels"], boxes, one["iscrowd"], strict=True)
    ]
    found = [
        {"image_id": image, "category_id": int(label), "score": float(score)}
        | {"bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()]}
        for image, one in enumerate(detections, start=1)
        for label, score, box in zip(one["labels"], one["scores"], one["boxes"], strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = {
            "info": {},
            "images": [{"id": image + 1} for image in range(len(truths))],
            "categories": [{"id": label + 1} for label in range(classes)],
            "annotations": [row | {"id": number} for number, row in enumerate(rows, start=1)],
        }
        reference.createIndex()
        evaluation = COCOeval(reference, reference.loadRes(found) if found else COCO(), "bbox")
        evaluation.params.imgIds = list(range(1, len(truths) + 1))
        evaluation.params.catIds = list(range(1, classes + 1))
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def random_case(rng, classes, images):
    """Boxes of 8 to 160 pixels a side, on a grid, half of the detections shifted truths, scores that tie."""
    detections, truths = [], []
    for _ in range(images):
        m, n = int(rng.integers(0, 7)), int(rng.integers(0, 16))
        corner, side = rng.integers(0, 40, (m, 2)) * 8, rng.integers(1, 21, (m, 2)) * 8
        boxes = np.hstack([corner, corner + side]).astype(float)
        truths.append({"boxes": boxes, "labels": rng.integers(1, classes + 1, m), "iscrowd": rng.random(m) < 0.2})
        corner, side = rng.integers(0, 40, (n, 2)) * 8, rng.integers(1, 21, (n, 2)) * 8
        found, labels = np.hstack([corner, corner + side]).astype(float), rng.integers(1, classes + 1, n)
        for row in range(n if m else 0):
            if rng.random() < 0.7:
                pick = int(rng.integers(0, m))
                found[row], labels[row] = boxes[pick], truths[-1]["labels"][pick]
                found[row, 2:] += rng.integers(0, 3, 2) * 4.0
        detections.append({"boxes": found, "scores": rng.choice([0.1, 0.3, 0.5, 0.9], n), "labels": labels})
    return detections, truths


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(1, 3), images=st.integers(1, 6))
def test_sizes_recalls_and_classes_equal_pycocotools(seed, classes, images):
    detections, truths = random_case(np.random.default_rng(seed), classes, images)
    said = referee(detections, truths, classes)
    found = ours(detections, truths, classes)
    expected = [math.nan if value == -1 else value for value in said.stats[3:]]
    assert [found[name] for name in NAMES] == pytest.approx(expected, abs=1e-6, nan_ok=True)
    by_class = {
        label: one.figures["ap"] for label, one in coco_classes(*counted(detections, truths, classes), classes).items()
    }
    precision = said.eval["precision"][:, :, :, 0, 2]
    means = {label: precision[:, :, label - 1] for label in range(1, classes + 1)}
    assert by_class == pytest.approx({label: one.mean() for label, one in means.items() if one.max() > -1}, abs=1e-6)


def test_an_object_counts_for_its_own_size_alone(detected, truth):
    found = ours([detected((SMALL, 0.9, 1), (LARGE, 0.8, 1))], [truth((SMALL, 1), (MEDIUM, 1), (LARGE, 1))], 1)
    assert (found["ap_small"], found["ap_medium"], found["ap_large"]) == pytest.approx((1.0, 0.0, 1.0))
    assert (found["ar1"], found["ar10"]) == pytest.approx((1 / 3, 2 / 3))


def test_a_wrong_detection_of_another_size_is_not_held_against_a_size(detected, truth):
    found = ours([detected((LARGE, 0.9, 1), (SMALL, 0.8, 1))], [truth((SMALL, 1))], 1)
    assert found["ap_small"] == pytest.approx(1.0)
    assert math.isnan(found["ap_large"])


def test_sizes_are_those_of_the_image_on_disk(detected, truth):
    # 20 x 20 decoded pixels of an image that was shrunk to a half: 40 x 40 on disk, which is medium.
    found = ours([detected((SMALL, 0.9, 1))], [truth((SMALL, 1))], 1, scale=[4.0])
    assert math.isnan(found["ap_small"])
    assert found["ap_medium"] == pytest.approx(1.0)


def test_an_area_on_a_border_belongs_to_both_sizes_though_float32_misses_it(detected, truth):
    third = [0, 0, *np.float32([32 / 3, 32 / 3]).tolist()]
    found = ours([detected((third, 0.9, 1))], [truth((third, 1))], 1, scale=[9.0])
    assert (found["ap_small"], found["ap_medium"]) == pytest.approx((1.0, 1.0))
