"""The rules of average precision in one table: the figures that each measures, and how."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from spaces.lookup import lookup
from trainers.evaluate import coco, visdrone
from trainers.evaluate.coco import coco_ap
from trainers.evaluate.details import Details, Parts, by_cocos_rule, by_visdrones_rule, by_vocs_rule, details_of
from trainers.evaluate.detections import Image
from trainers.evaluate.visdrone import visdrone_ap
from trainers.evaluate.voc import voc_ap

Measure = Callable[[Sequence[Image], Sequence[Image], int], dict[str, float]]
"""From the detections and the truths of every image and the number of classes to figures in 0..1 by name."""


@dataclass(frozen=True)
class Rule:
    """A benchmark's rule of average precision.

    scored: the figures of a candidate's score; `map50` is among them, so that a search has a default objective.
    measure: the function that gives these. parts: one that gives results by class instead, with the detections and
    truths by which figures of sizes are measured. beside: one that gives more figures, which only results have.
    counted: the least number of detections per image that a detector must be allowed to return, because the rule
    counts so many.
    """

    scored: tuple[str, ...]
    measure: Measure
    parts: Callable[[Sequence[Image], Sequence[Image], int], Parts]
    beside: Measure | None = None
    counted: int = 0


def rule_named(name: str) -> Rule:
    """The rule of that name. Raises ValueError for an unknown one."""
    return lookup(RULES, name, "rule of average precision")


def scored_figures(
    detections: Sequence[Image], truths: Sequence[Image], num_classes: int, rule: str
) -> dict[str, float]:
    """The figures that the rule of that name scores by, in 0..1. `Sample` says which truths are marked `difficult`."""
    return rule_named(rule).measure(detections, truths, num_classes)


def all_figures(detections: Sequence[Image], truths: Sequence[Image], num_classes: int, rule: str) -> dict[str, float]:
    """As `scored_figures`, with the figures that the rule gives beside them."""
    beside = rule_named(rule).beside
    figures = scored_figures(detections, truths, num_classes, rule)
    return figures | beside(detections, truths, num_classes) if beside is not None else figures


def details(
    detections: Sequence[Image], truths: Sequence[Image], num_classes: int, rule: str, scale: NDArray[np.float64]
) -> Details:
    """Results by class and by the size of objects. scale: (images,) the area of a pixel of the boxes in original ones.

    Sizes and recall are COCO's whatever the rule; what lies in ignored regions of VisDrone's rule is taken out before.
    """
    return details_of(rule_named(rule).parts(detections, truths, num_classes), num_classes, scale)


def _by_vocs_rule(detections: Sequence[Image], truths: Sequence[Image], num_classes: int) -> dict[str, float]:
    result = voc_ap(detections, truths, num_classes)
    return {"map50": result.map50, "map50_11": result.map50_11}


def _by_cocos_rule(detections: Sequence[Image], truths: Sequence[Image], num_classes: int) -> dict[str, float]:
    crowds = [{**image, "iscrowd": image["difficult"]} for image in truths]
    return _with_map50(coco_ap(detections, crowds, num_classes))


def _by_visdrones_rule(detections: Sequence[Image], truths: Sequence[Image], num_classes: int) -> dict[str, float]:
    return _with_map50(visdrone_ap(detections, truths, num_classes))


def _with_map50(figures: dict[str, float]) -> dict[str, float]:
    """`map50` is VOC's all-point mean AP; by the other rules it is their ap50."""
    return {"map50": figures["ap50"], **figures}


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        # COCO's figures beside VOC's count difficult objects as objects. VOC's rule has no limit on detections.
        "voc": Rule(("map50", "map50_11"), _by_vocs_rule, by_vocs_rule, beside=coco_ap),
        # COCO counts detections per class, but published detectors return 100 or 200 in all.
        "coco": Rule(("map50", "ap", "ap50", "ap75"), _by_cocos_rule, by_cocos_rule, counted=coco.MAX_DETECTIONS),
        "visdrone": Rule(
            ("map50", "ap", "ap50", "ap75", "ar500"),
            _by_visdrones_rule,
            by_visdrones_rule,
            counted=visdrone.MAX_DETECTIONS,
        ),
    }
)
"""By the name that a data format gives as its `rule`."""
