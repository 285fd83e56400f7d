"""Results by class and their curves, by the rule of each format."""

import math

import numpy as np
import pytest

from trainers.data.sample import REGION
from trainers.evaluate.class_result import ClassResult
from trainers.evaluate.figures import RULES, all_figures, details

SQUARE, NEAR, FAR = [0.0, 0, 10, 10], [0.0, 0, 10, 8], [50.0, 50, 60, 60]


def found(*rows):
    boxes, scores, labels = zip(*rows, strict=True)
    return {"boxes": np.array(boxes), "scores": np.array(scores), "labels": np.array(labels)}


def truth(*rows):
    """Rows of (box, label) or (box, label, difficult)."""
    return {
        "boxes": np.array([row[0] for row in rows]),
        "labels": np.array([row[1] for row in rows]),
        "difficult": np.array([len(row) > 2 for row in rows]),
    }


def test_vocs_figures_of_a_class_by_hand():
    # Of class 1: right, a duplicate, right: precisions 1, 1/2, 2/3. Class 2 isn't found, class 3 is difficult alone.
    detections = [found((SQUARE, 0.9, 1), (NEAR, 0.8, 1), (FAR, 0.7, 1))]
    truths = [truth((SQUARE, 1), (FAR, 1), (FAR, 2), (FAR, 3, "difficult"))]
    told = details(detections, truths, 3, "voc", np.ones(1))
    assert {label: one.objects for label, one in told.classes.items()} == {1: 2, 2: 1}
    assert told.classes[1].figures["map50"] == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert told.classes[2].figures["map50"] == 0
    curve = told.classes[1].curve()
    assert curve.recall == (0.5, 1.0)
    assert curve.precision == pytest.approx((1, 2 / 3), abs=1e-6)
    assert curve.score == (0.9, 0.7)
    assert told.classes[2].curve().recall == ()


def test_a_difficult_object_is_in_no_curve():
    told = details([found((FAR, 0.9, 1), (SQUARE, 0.5, 1))], [truth((SQUARE, 1), (FAR, 1, "d"))], 1, "voc", np.ones(1))
    assert (told.classes[1].curve().precision, told.classes[1].curve().score) == ((1.0,), (0.5,))


@pytest.mark.parametrize("rule", RULES)
def test_the_mean_over_the_classes_is_the_figure_of_all(rule):
    rng = np.random.default_rng(0)
    truths = [truth(*((box, int(rng.integers(1, 4))) for box in (SQUARE, FAR, [20.0, 20, 30, 35]))) for _ in range(9)]
    detections = [
        found(*((box + rng.normal(0, 0.7, 4), rng.random(), label) for box, label in zip(*pairs, strict=True)))
        for pairs in ((one["boxes"], one["labels"]) for one in truths)
    ]
    whole = all_figures(detections, truths, 3, rule)
    told = details(detections, truths, 3, rule, np.ones(9))
    assert 0.1 < whole["ap"] < 0.95
    means = {name: np.mean([one.figures[name] for one in told.classes.values()]) for name in whole}
    assert means == pytest.approx(whole)
    assert sum(one.objects for one in told.classes.values()) == 27


def test_what_lies_in_an_ignored_region_of_visdrone_is_in_no_size():
    region = (FAR, REGION, "region")
    told = details([found((SQUARE, 0.5, 1), (FAR, 0.9, 1))], [truth((SQUARE, 1), region)], 1, "visdrone", np.ones(1))
    assert told.sizes["ap_small"] == pytest.approx(1.0)
    assert told.classes[1].figures["map50"] == 1.0
    assert math.isnan(told.sizes["ar_large"])


def test_a_curve_is_thinned_to_101_points_with_both_ends():
    right = np.ones(1000, dtype=bool)
    curve = ClassResult(1000, {}, np.linspace(1, 0.001, 1000), right).curve()
    assert len(curve.recall) == 101
    assert (curve.recall[0], curve.recall[-1]) == (0.001, 1.0)
    assert np.diff(curve.recall).max() < 0.0111
    assert set(curve.precision) == {1.0}


def test_details_of_no_object_at_all():
    nothing = {"boxes": np.empty((0, 4)), "labels": np.empty(0, int), "difficult": np.empty(0, bool)}
    for rule in RULES:
        told = details([found((SQUARE, 0.9, 1))], [nothing], 1, rule, np.ones(1))
        assert told.classes == {}
        assert all(math.isnan(value) for value in told.sizes.values())
