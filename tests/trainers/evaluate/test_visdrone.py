"""VisDrone's rule in cases that can be worked by hand."""

import math
from functools import partial

import numpy as np
import pytest

from trainers.data.sample import REGION
from trainers.evaluate.visdrone import covered_share, visdrone_ap

SQUARE = [0, 0, 10, 10]
FAR = [50, 50, 60, 60]
NONE = {"boxes": np.empty((0, 4)), "scores": np.empty(0), "labels": np.empty(0, dtype=np.int64)}


@pytest.fixture
def truth(flagged_truth):
    """VisDrone flags objects of score 0 and ignored regions."""
    return partial(flagged_truth, flag="difficult")


def region(*box):
    return (list(box), REGION, True)


def test_an_overlap_of_three_quarters_counts_at_six_of_ten_thresholds(detected, truth):
    figures = visdrone_ap([detected(([0, 0, 10, 7.6], 0.9, 1))], [truth((SQUARE, 1))], 1)
    assert figures == pytest.approx({"ap": 0.6, "ap50": 1.0, "ap75": 1.0, "ar500": 0.6})


def test_ap_is_the_whole_area_under_the_envelope(detected, truth):
    # Right, wrong, right of three truths: 1/3 at precision 1 and 1/3 at 2/3, so 5/9; read at 101 recalls 56/101.
    rows = [(SQUARE, 0.9, 1), ([30, 0, 40, 10], 0.8, 1), (FAR, 0.7, 1)]
    truths = [truth((SQUARE, 1), (FAR, 1), ([80, 80, 90, 90], 1))]
    figures = visdrone_ap([detected(*rows)], truths, 1)
    assert figures["ap50"] == pytest.approx(5 / 9)
    assert figures["ar500"] == pytest.approx(2 / 3)


def test_a_detection_half_inside_an_ignored_region_is_dropped_and_one_less_inside_is_wrong(detected, truth):
    wrong = ([50, 50, 60, 60], 0.9, 1)
    right = (SQUARE, 0.5, 1)
    for reach, expected in ((55, 1.0), (54, 0.5)):
        truths = [truth((SQUARE, 1), region(40, 40, reach, 70))]
        assert visdrone_ap([detected(wrong, right)], truths, 1)["ap50"] == pytest.approx(expected)


def test_an_ignored_region_is_of_every_class_and_of_its_own_image_only(detected, truth):
    truths = [truth((SQUARE, 1), region(*FAR)), truth((SQUARE, 2))]
    inside = [detected((FAR, 0.9, 1), (FAR, 0.9, 2), (SQUARE, 0.5, 1)), detected((SQUARE, 0.5, 2))]
    assert visdrone_ap(inside, truths, 2)["ap50"] == pytest.approx(1.0)
    inside[1] = detected((FAR, 0.9, 2), (SQUARE, 0.5, 2))
    assert visdrone_ap(inside, truths, 2)["ap50"] == pytest.approx((1.0 + 0.5) / 2)


def test_regions_that_together_cover_half_of_a_detection_drop_it(detected, truth):
    strips = [region(50, 50, 52, 60), region(51, 50, 53, 60), region(58, 40, 70, 70)]  # 3 and 2 of 10 columns
    assert visdrone_ap([detected((FAR, 0.9, 1), (SQUARE, 0.5, 1))], [truth((SQUARE, 1), *strips)], 1)["ap50"] == 1.0


def test_a_truth_in_an_ignored_region_need_not_be_found(detected, truth):
    assert visdrone_ap([detected((SQUARE, 0.9, 1))], [truth((SQUARE, 1), (FAR, 1), region(*FAR))], 1)["ap"] == 1.0


def test_an_object_of_score_zero_is_neither_to_be_found_nor_wrong_to_find(detected, truth):
    truths = [truth((SQUARE, 1), (FAR, 1, True))]
    twice = detected((FAR, 0.9, 1), (FAR, 0.8, 1), (SQUARE, 0.5, 1))
    assert visdrone_ap([twice], truths, 1)["ap"] == pytest.approx(1.0)
    assert visdrone_ap([detected((SQUARE, 0.5, 1))], truths, 1)["ap"] == pytest.approx(1.0)


def test_only_the_five_hundred_best_of_an_image_count_whatever_their_class(detected, truth):
    wrong = [(FAR, 0.9, 2)] * 500
    truths = [truth((SQUARE, 1), (SQUARE, 2))]
    assert visdrone_ap([detected(*wrong, (SQUARE, 0.1, 1))], truths, 2)["ar500"] == 0.0
    assert visdrone_ap([detected(*wrong[1:], (SQUARE, 0.1, 1))], truths, 2)["ar500"] == pytest.approx(0.5)


def test_what_lies_in_ignored_regions_is_none_of_the_five_hundred(detected, truth):
    truths = [truth((SQUARE, 1), region(*FAR))]
    assert visdrone_ap([detected(*[(FAR, 0.9, 1)] * 600, (SQUARE, 0.1, 1))], truths, 1)["ap"] == pytest.approx(1.0)


def test_a_class_without_a_truth_is_in_no_mean_and_nothing_at_all_is_not_a_number(detected, truth):
    assert visdrone_ap([detected((SQUARE, 0.9, 1), (FAR, 0.9, 2))], [truth((SQUARE, 1))], 2)["ap"] == pytest.approx(1.0)
    nothing = visdrone_ap([detected((FAR, 0.9, 1))], [truth(region(*SQUARE))], 1)
    assert set(nothing) == {"ap", "ap50", "ap75", "ar500"}
    assert all(math.isnan(value) for value in nothing.values())


def test_no_detections_are_zero(truth):
    assert visdrone_ap([NONE], [truth((SQUARE, 1))], 1) == {"ap": 0.0, "ap50": 0.0, "ap75": 0.0, "ar500": 0.0}


def test_the_share_in_a_union_equals_counted_pixels():
    rng = np.random.default_rng(0)
    for _ in range(50):
        corners = rng.integers(0, 20, (2, 6, 2))
        boxes, regions = np.concatenate([corners, corners + rng.integers(1, 10, corners.shape)], axis=2).astype(float)
        pixels = np.zeros((30, 30))
        for x1, y1, x2, y2 in regions.astype(int):
            pixels[y1:y2, x1:x2] = 1
        counted = [pixels[y1:y2, x1:x2].mean() for x1, y1, x2, y2 in boxes.astype(int)]
        np.testing.assert_allclose(covered_share(boxes, regions), counted, atol=1e-12)


def test_without_regions_and_for_a_box_of_no_area_the_share_is_nothing():
    assert covered_share(np.array([[0.0, 0, 1, 1]]), np.empty((0, 4))).tolist() == [0.0]
    assert covered_share(np.array([[1.0, 1, 1, 1]]), np.array([[0.0, 0, 9, 9]])).tolist() == [0.0]
