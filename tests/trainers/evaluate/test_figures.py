"""Which figures each rule gives, and that the flag in a data set means what its rule says."""

import numpy as np
import pytest

from trainers.evaluate.figures import RULES, all_figures, scored_figures

SQUARE = [0.0, 0, 10, 10]
FAR = [50.0, 50, 60, 60]
PART = [51.0, 51, 55, 55]  # wholly inside FAR, of IoU 0.16 with it

TRUTHS = [
    {"boxes": np.array([SQUARE, FAR]), "labels": np.array([1, 1]), "difficult": np.array([False, True])},
]
FOUND = [{"boxes": np.array([PART, SQUARE]), "scores": np.array([0.9, 0.5]), "labels": np.array([1, 1])}]


def test_every_rule_has_map50_and_figures_of_its_own():
    assert {name: rule.scored for name, rule in RULES.items()} == {
        "voc": ("map50", "map50_11"),
        "coco": ("map50", "ap", "ap50", "ap75"),
        "visdrone": ("map50", "ap", "ap50", "ap75", "ar500"),
    }


@pytest.mark.parametrize("measure", [scored_figures, all_figures])
def test_an_unknown_rule_is_refused_with_the_known_ones(measure):
    with pytest.raises(
        ValueError, match=r"No rule of average precision is called 'vco'\. Did you mean 'voc'\? Known: voc"
    ):
        measure(FOUND, TRUTHS, 1, "vco")


@pytest.mark.parametrize("rule", RULES)
def test_a_score_has_the_columns_of_its_rule(rule):
    assert tuple(scored_figures(FOUND, TRUTHS, 1, rule)) == RULES[rule].scored


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
