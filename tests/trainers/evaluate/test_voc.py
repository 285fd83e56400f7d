import math

import numpy as np
import pytest
import torch

from trainers.evaluate.voc import voc_ap

SQUARE = [0, 0, 10, 10]
NEAR = [0, 0, 10, 8]  # IoU 0.8 with SQUARE
HALF = [0, 0, 10, 5]  # IoU 0.5 with SQUARE
FAR = [50, 50, 60, 60]


def found(*rows):
    """Rows of (box, score, label)."""
    boxes, scores, labels = zip(*rows, strict=True) if rows else ([], [], [])
    return {
        "boxes": np.array(boxes, dtype=np.float32).reshape(-1, 4),
        "scores": np.array(scores, dtype=np.float32),
        "labels": np.array(labels, dtype=np.int64),
    }


def truth(*rows):
    """Rows of (box, label) or (box, label, difficult)."""
    return {
        "boxes": np.array([row[0] for row in rows], dtype=np.float32).reshape(-1, 4),
        "labels": np.array([row[1] for row in rows], dtype=np.int64),
        "difficult": np.array([len(row) > 2 and row[2] for row in rows], dtype=np.bool_),
    }


def test_every_object_found_once_is_one():
    result = voc_ap([found((SQUARE, 0.9, 1), (FAR, 0.8, 2))], [truth((SQUARE, 1), (FAR, 2))], num_classes=2)
    assert (result.map50, result.map50_11, result.per_class) == (1.0, 1.0, {1: 1.0, 2: 1.0})


def test_a_duplicate_detection_is_a_false_positive():
    # Right, duplicate, right: precisions 1, 1/2, 2/3 at recalls 1/2, 1/2, 1.
    detections = [found((SQUARE, 0.9, 1), (NEAR, 0.8, 1), (FAR, 0.7, 1))]
    result = voc_ap(detections, [truth((SQUARE, 1), (FAR, 1))], num_classes=1)
    assert result.map50 == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert result.map50_11 == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)  # recalls 0 to 0.5, then 0.6 to 1


def test_a_detection_whose_best_box_is_taken_does_not_try_the_next_one():
    # Both detections overlap SQUARE most; COCO would give the second one to the neighbour, with which its IoU is 0.6.
    neighbour = [0, 0, 10, 6]
    between = [0, 0, 10, 9]  # IoU 0.9 with SQUARE, 2/3 with the neighbour
    result = voc_ap([found((SQUARE, 0.9, 1), (between, 0.8, 1))], [truth((SQUARE, 1), (neighbour, 1))], num_classes=1)
    assert result.map50 == pytest.approx(1 / 2)  # one true positive of two objects


def test_a_difficult_object_counts_neither_for_nor_against():
    with_difficult = [truth((SQUARE, 1), (FAR, 1, True))]
    assert voc_ap([found((SQUARE, 0.5, 1), (FAR, 0.9, 1))], with_difficult, num_classes=1).map50 == 1.0
    assert voc_ap([found((SQUARE, 0.5, 1))], with_difficult, num_classes=1).map50 == 1.0


def test_any_number_of_detections_of_a_difficult_object_are_ignored():
    detections = [found((FAR, 0.9, 1), (FAR, 0.8, 1), (SQUARE, 0.5, 1))]
    assert voc_ap(detections, [truth((SQUARE, 1), (FAR, 1, True))], num_classes=1).map50 == 1.0


def test_a_difficult_object_draws_a_detection_that_overlaps_an_easy_one_less():
    # NEAR has IoU 1 with the difficult box and 0.8 with the easy one: ignored, and the easy one stays unfound.
    result = voc_ap([found((NEAR, 0.9, 1))], [truth((SQUARE, 1), (NEAR, 1, True))], num_classes=1)
    assert result.map50 == 0.0


def test_of_truths_that_overlap_equally_the_first_one_counts():
    # Two objects in the same place, one of them difficult: the detection is held against whichever is listed first.
    detections = [found((SQUARE, 0.9, 1))]
    assert voc_ap(detections, [truth((SQUARE, 1), (SQUARE, 1, True))], num_classes=1).map50 == 1.0
    assert voc_ap(detections, [truth((SQUARE, 1, True), (SQUARE, 1))], num_classes=1).map50 == 0.0


def test_an_overlap_of_exactly_the_threshold_is_enough():
    assert voc_ap([found((HALF, 0.9, 1))], [truth((SQUARE, 1))], num_classes=1).map50 == 1.0
    assert voc_ap([found(([0, 0, 10, 4.99], 0.9, 1))], [truth((SQUARE, 1))], num_classes=1).map50 == 0.0


def test_a_class_without_truth_is_in_no_mean():
    result = voc_ap([found((SQUARE, 0.9, 1), (FAR, 0.9, 3))], [truth((SQUARE, 1))], num_classes=3)
    assert (result.map50, result.per_class) == (1.0, {1: 1.0})


def test_a_class_with_only_difficult_truth_is_in_no_mean():
    result = voc_ap([found((SQUARE, 0.9, 1))], [truth((SQUARE, 1), (FAR, 2, True))], num_classes=2)
    assert result.per_class == {1: 1.0}


def test_a_class_that_is_never_detected_counts_as_zero():
    result = voc_ap([found((SQUARE, 0.9, 1))], [truth((SQUARE, 1), (FAR, 2))], num_classes=2)
    assert (result.map50, result.map50_11) == (0.5, 0.5)


def test_no_detections_at_all_are_zero():
    result = voc_ap([found(), found()], [truth((SQUARE, 1)), truth()], num_classes=2)
    assert (result.map50, result.map50_11, result.per_class) == (0.0, 0.0, {1: 0.0})


def test_no_truth_at_all_is_not_a_number():
    result = voc_ap([found((SQUARE, 0.9, 1))], [truth()], num_classes=1)
    assert math.isnan(result.map50)
    assert math.isnan(result.map50_11)
    assert result.per_class == {}


def test_a_detection_is_only_held_against_its_own_image_and_class():
    detections = [found((SQUARE, 0.9, 1)), found((SQUARE, 0.8, 2))]
    assert voc_ap(detections, [truth((SQUARE, 2)), truth((SQUARE, 1))], num_classes=2).map50 == 0.0


def test_detections_are_ranked_over_all_images():
    # The false positive of image 2 outranks the hit of image 1: precision 1/2 at recall 1.
    detections = [found((SQUARE, 0.5, 1)), found((FAR, 0.9, 1))]
    assert voc_ap(detections, [truth((SQUARE, 1)), truth()], num_classes=1).map50 == pytest.approx(1 / 2)


def test_equal_scores_rank_in_the_order_of_images_and_then_as_given():
    hit_first = [found((SQUARE, 0.5, 1), (FAR, 0.5, 1)), found((FAR, 0.5, 1))]
    assert voc_ap(hit_first, [truth((SQUARE, 1)), truth()], num_classes=1).map50 == 1.0
    hit_last = [found((FAR, 0.5, 1)), found((FAR, 0.5, 1), (SQUARE, 0.5, 1))]
    assert voc_ap(hit_last, [truth(), truth((SQUARE, 1))], num_classes=1).map50 == pytest.approx(1 / 3)


def test_three_of_ten_reach_the_recall_of_three_tenths():
    # Floating point has 3 * 0.1 > 0.3; the 11 points must not lose one by that: recalls 0, 0.1, 0.2, 0.3 are reached.
    boxes = [[20 * i, 0, 20 * i + 10, 10] for i in range(10)]
    result = voc_ap(
        [found(*((box, 0.9, 1) for box in boxes[:3]))], [truth(*((box, 1) for box in boxes))], num_classes=1
    )
    assert result.map50_11 == pytest.approx(4 / 11)
    assert result.map50 == pytest.approx(3 / 10)


def test_a_truth_without_difficult_flags_has_none_and_tensors_are_taken():
    detections = [{key: torch.from_numpy(value) for key, value in found((SQUARE, 0.9, 1)).items()}]
    truths = [{"boxes": torch.tensor([SQUARE]), "labels": torch.tensor([1])}]
    assert voc_ap(detections, truths, num_classes=1).map50 == 1.0


def test_a_reversed_box_overlaps_nothing():
    assert voc_ap([found(([10, 10, 0, 0], 0.9, 1))], [truth((SQUARE, 1))], num_classes=1).map50 == 0.0


def slow_voc_ap(detections, truths, label, threshold=0.5):
    """The devkit's loop, written down as it stands there (VOCevaldet.m), for one class."""
    taken = [[False] * len(t["labels"]) for t in truths]
    positives = sum(int(((t["labels"] == label) & ~t["difficult"]).sum()) for t in truths)
    ranked = sorted(
        (-d["scores"][k], i, k)
        for i, d in enumerate(detections)
        for k in range(len(d["labels"]))
        if d["labels"][k] == label
    )
    hits, misses, recall, precision = 0, 0, [], []
    for _, i, k in ranked:
        best, where = -1.0, -1
        for j in range(len(truths[i]["labels"])):
            a, b = detections[i]["boxes"][k].astype(float), truths[i]["boxes"][j].astype(float)
            common = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
            area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
            if truths[i]["labels"][j] == label and common / (area - common) > best:
                best, where = common / (area - common), j
        if best < threshold:
            misses += 1
        elif not truths[i]["difficult"][where]:
            hits, misses = hits + (not taken[i][where]), misses + taken[i][where]
            taken[i][where] = True
        if hits + misses:
            recall.append(hits / positives)
            precision.append(hits / (hits + misses))
    edges = sorted(set(recall))
    return sum(
        (r - before) * max(p for p, at in zip(precision, recall, strict=True) if at >= r)
        for before, r in zip([0.0, *edges], edges, strict=False)
    )


@pytest.mark.parametrize("seed", range(20))
def test_it_equals_the_devkits_loop_on_random_cases(seed):
    rng = np.random.default_rng(seed)
    detections, truths = [], []
    for _ in range(6):
        n, m = rng.integers(0, 12), rng.integers(0, 5)
        corners = [rng.integers(0, 8, (k, 2)).astype(np.float32) for k in (n, m)]
        boxes = [np.hstack([c, c + rng.integers(4, 12, c.shape)]).astype(np.float32) for c in corners]
        scores = rng.permutation(1000)[:n] / 1000  # distinct within an image; ties over images rank by image
        detections.append({"boxes": boxes[0], "scores": scores, "labels": rng.integers(1, 3, n)})
        truths.append({"boxes": boxes[1], "labels": rng.integers(1, 3, m), "difficult": rng.random(m) < 0.3})
    result = voc_ap(detections, truths, num_classes=2)
    for label, value in result.per_class.items():
        assert value == pytest.approx(slow_voc_ap(detections, truths, label), abs=1e-12)
