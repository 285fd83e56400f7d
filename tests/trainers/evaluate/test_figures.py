"""Which figures each rule gives, and that the flag in a data set means what its rule says."""

import numpy as np
import pytest

from trainers.evaluate.figures import SCORED, all_figures, scored_figures

SQUARE = [0.0, 0, 10, 10]
FAR = [50.0, 50, 60, 60]
PART = [51.0, 51, 55, 55]  # wholly inside FAR, of IoU 0.16 with it

TRUTHS = [
    {"boxes": np.array([SQUARE, FAR]), "labels": np.array([1, 1]), "difficult": np.array([False, True])},
]
FOUND = [{"boxes": np.array([PART, SQUARE]), "scores": np.array([0.9, 0.5]), "labels": np.array([1, 1])}]


@pytest.mark.parametrize("rule", SCORED)
def test_a_score_has_the_columns_of_its_rule(rule):
    assert tuple(scored_figures(FOUND, TRUTHS, 1, rule)) == SCORED[rule]


def test_map50_is_ap50_but_by_vocs_rule():
    for rule in ("coco", "visdrone"):
        figures = scored_figures(FOUND, TRUTHS, 1, rule)
        assert figures["map50"] == figures["ap50"]


def test_what_is_flagged_swallows_a_part_by_cocos_and_visdrones_rule_and_by_vocs_only_a_match():
    assert scored_figures(FOUND, TRUTHS, 1, "coco")["ap50"] == pytest.approx(1.0)
    assert scored_figures(FOUND, TRUTHS, 1, "visdrone")["ap50"] == pytest.approx(1.0)
    assert scored_figures(FOUND, TRUTHS, 1, "voc")["map50"] == pytest.approx(0.5)


def test_vocs_figures_have_cocos_beside_them_to_which_difficult_objects_are_objects():
    figures = all_figures([{**FOUND[0], "boxes": np.array([FAR, SQUARE])}], TRUTHS, 1, "voc")
    assert tuple(figures) == ("map50", "map50_11", "ap", "ap50", "ap75")
    assert (figures["map50"], figures["ap50"]) == pytest.approx((1.0, 1.0))
    assert all_figures(FOUND, TRUTHS, 1, "voc")["ap50"] == pytest.approx(25.5 / 101)  # half at 51 recalls
    assert all_figures(FOUND, TRUTHS, 1, "coco") == scored_figures(FOUND, TRUTHS, 1, "coco")
