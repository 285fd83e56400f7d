import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from trainers.data.decoding import decode
from trainers.data.formats import data_format
from trainers.evaluate.coco import coco_ap
from trainers.evaluate.coco_reference import pycocotools_ap
from trainers.evaluate.figures import scored_figures

SQUARE = [0, 0, 10, 10]
FAR = [50, 50, 60, 60]
EMPTY = {"boxes": np.empty((0, 4)), "scores": np.empty(0), "labels": np.empty(0, dtype=np.int64)}


@pytest.fixture
def truth(flagged_truth):
    """COCO flags crowds."""
    return partial(flagged_truth, flag="iscrowd")


def both(detections, truths, classes):
    """Ours, after a check that the referee says the same."""
    ours, referee = coco_ap(detections, truths, classes), pycocotools_ap(detections, truths, classes)
    for name in ("ap", "ap50", "ap75"):
        assert ours[name] == pytest.approx(referee[name], abs=1e-6, nan_ok=True)
    return ours


def test_an_overlap_of_three_quarters_counts_at_six_of_ten_thresholds(detected, truth):
    ours = both([detected(([0, 0, 10, 7.6], 0.9, 1))], [truth((SQUARE, 1))], 1)
    assert ours == pytest.approx({"ap": 0.6, "ap50": 1.0, "ap75": 1.0})


def test_a_detection_whose_best_box_is_taken_tries_the_next_one(detected, truth):
    # VOC's rule gives one half here.
    detections = [detected((SQUARE, 0.9, 1), ([0, 0, 10, 9], 0.8, 1))]
    assert both(detections, [truth((SQUARE, 1), ([0, 0, 10, 6], 1))], 1)["ap50"] == pytest.approx(1.0)


def test_a_crowd_swallows_any_number_of_detections(detected, truth):
    inside = [([50, 50, 52, 52], 0.9, 1), ([55, 55, 58, 58], 0.8, 1), (SQUARE, 0.7, 1)]
    assert both([detected(*inside)], [truth((SQUARE, 1), (FAR, 1, True))], 1)["ap"] == pytest.approx(1.0)


def test_a_class_with_only_a_crowd_is_in_no_mean(detected, truth):
    assert both([detected((SQUARE, 0.9, 1))], [truth((SQUARE, 1), (FAR, 2, True))], 2)["ap"] == pytest.approx(1.0)


def test_only_the_hundred_best_of_an_image_and_class_count(detected, truth):
    wrong = [(FAR, 0.9, 1)] * 100
    assert both([detected(*wrong, (SQUARE, 0.1, 1))], [truth((SQUARE, 1))], 1)["ap"] == 0.0
    assert both([detected(*wrong[:99], (SQUARE, 0.1, 1))], [truth((SQUARE, 1))], 1)["ap50"] == pytest.approx(0.01)


def test_no_detections_are_zero_and_no_truth_is_not_a_number(detected, truth):
    assert both([EMPTY], [truth((SQUARE, 1))], 1) == {"ap": 0.0, "ap50": 0.0, "ap75": 0.0}
    assert all(math.isnan(value) for value in both([detected((SQUARE, 0.9, 1))], [truth()], 1).values())
    assert all(math.isnan(value) for value in both([EMPTY], [truth()], 1).values())


def random_case(rng, classes=3, images=5, grid=4):
    """Boxes on a coarse grid and scores from a small set, so that overlaps and scores tie often."""
    detections, truths = [], []
    for _ in range(images):
        n, m = rng.integers(0, 14), rng.integers(0, 7)
        corners = [rng.integers(0, 5, (k, 2)) * grid / 3 for k in (n, m)]
        boxes = [np.hstack([c, c + rng.integers(1, 6, c.shape) * grid / 3]) for c in corners]
        scores = rng.choice([0.1, 0.3, 0.5, 0.9], n)
        detections.append({"boxes": boxes[0], "scores": scores, "labels": rng.integers(1, classes + 1, n)})
        flags = rng.random(m) < 0.3
        truths.append({"boxes": boxes[1], "labels": rng.integers(1, classes + 1, m), "iscrowd": flags})
    return detections, truths


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(1, 4), images=st.integers(1, 8))
def test_it_equals_pycocotools_with_ties_crowds_and_empty_images(seed, classes, images):
    both(*random_case(np.random.default_rng(seed), classes, images), classes)


def test_it_equals_pycocotools_where_more_than_a_hundred_detections_tie():
    rng = np.random.default_rng(0)
    detections, truths = random_case(rng, classes=1, images=3)
    for image in detections:
        corner = rng.integers(0, 5, (150, 2)).astype(float)
        image["boxes"] = np.hstack([corner, corner + rng.integers(1, 6, corner.shape)])
        image["scores"], image["labels"] = rng.choice([0.2, 0.4], 150), np.ones(150, dtype=np.int64)
    both(detections, truths, 1)


def test_pycocotools_prints_nothing(capsys, detected, truth):
    pycocotools_ap([detected((SQUARE, 0.9, 1))], [truth((SQUARE, 1))], 1)
    assert capsys.readouterr().out == ""


def test_crowds_from_a_file_reach_the_evaluation_as_pycocotools_reads_them(tiny_data, tmp_path):
    """The referee reads the file itself, in its own pixels; ours is read, decoded and measured in resized ones."""
    root = tiny_data("coco", tmp_path)
    data = decode(data_format("coco").image_sets(root).read("train"), 96)  # x by 1.5, y by 2: exact
    scale = np.array([1.5, 2.0, 1.5, 2.0])
    reference = COCO(root / "annotations" / "instances_train.json")
    rng = np.random.default_rng(0)
    rows, ours = [], []
    for index, image_id in enumerate(reference.getImgIds()):
        boxes = np.repeat(np.array([[4.0 + index, 4, 28 + index, 24], [40, 30, 56, 42]]), 6, axis=0)
        boxes += rng.integers(-4, 5, boxes.shape)
        scores, labels = rng.choice([0.2, 0.4, 0.8], len(boxes)), rng.integers(1, 3, len(boxes))
        ours.append({"boxes": boxes * scale, "scores": scores, "labels": labels})
        for (x1, y1, x2, y2), score, label in zip(boxes.tolist(), scores.tolist(), labels.tolist(), strict=True):
            box = [x1, y1, x2 - x1, y2 - y1]
            rows.append({"image_id": image_id, "category_id": 16 + label, "bbox": box, "score": score})
    evaluation = COCOeval(reference, reference.loadRes(rows), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    truths = [data.target(index) for index in range(len(data))]
    figures = scored_figures(ours, truths, 2, "coco")
    assert 0.1 < figures["ap50"] < 0.9
    for name, referee in zip(("ap", "ap50", "ap75"), evaluation.stats[:3], strict=True):
        assert figures[name] == pytest.approx(referee, abs=1e-6)
    without_crowds = coco_ap(ours, truths, 2)
    assert abs(without_crowds["ap50"] - figures["ap50"]) > 0.01  # the flags matter here
