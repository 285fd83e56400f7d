"""More than the mean: average precision of each class and size, recall, and curves, by the rule of a data set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.evaluate import coco, visdrone
from trainers.evaluate.class_result import ClassResult
from trainers.evaluate.detections import Flat, Image
from trainers.evaluate.sizes import ap_and_ar
from trainers.evaluate.voc import voc_ap

Results = dict[int, ClassResult]
"""By label, of the classes that are in the means."""
Parts = tuple[Results, Flat, Flat]
"""Results by class, and the detections and truths by which figures of sizes are measured."""


@dataclass(frozen=True)
class Details:
    """sizes: `sizes.ap_and_ar`'s figures by name. classes: by label, of the classes that have an object that counts.

    A class's figures are those of `figures.all_figures`, which are their means; its curve is by the data's own rule.
    """

    sizes: Mapping[str, float]
    classes: Mapping[int, ClassResult]


def details_of(parts: Parts, num_classes: int, scale: NDArray[np.float64]) -> Details:
    """The details from a rule's parts. scale: as for `sizes.ap_and_ar`."""
    classes, detected, truth = parts
    return Details(ap_and_ar(detected, truth, num_classes, scale), classes)


def by_vocs_rule(detections: Sequence[Image], truths: Sequence[Image], num_classes: int) -> Parts:
    """By class VOC's figures and COCO's, which count difficult objects: a class of such alone has no row."""
    detected, truth = coco.counted(detections, truths, num_classes)
    beside = coco.coco_classes(detected, truth, num_classes)
    of_voc = voc_ap(detections, truths, num_classes).classes
    classes = {label: _with(one, {**one.figures, **beside[label].figures}) for label, one in of_voc.items()}
    return classes, detected, truth


def by_cocos_rule(detections: Sequence[Image], truths: Sequence[Image], num_classes: int) -> Parts:
    crowds = [{**image, "iscrowd": image["difficult"]} for image in truths]
    detected, truth = coco.counted(detections, crowds, num_classes)
    return _with_map50(coco.coco_classes(detected, truth, num_classes)), detected, truth


def by_visdrones_rule(detections: Sequence[Image], truths: Sequence[Image], num_classes: int) -> Parts:
    detected, truth = visdrone.counted(detections, truths, num_classes)
    classes = _with_map50(visdrone.visdrone_classes(detected, truth, num_classes))
    return classes, coco.best_of_classes(detected, num_classes), truth


def _with_map50(classes: Results) -> Results:
    """As in `figures`: `map50` is ap50 by other rules than VOC's."""
    return {label: _with(one, {"map50": one.figures["ap50"], **one.figures}) for label, one in classes.items()}


def _with(one: ClassResult, figures: Mapping[str, float]) -> ClassResult:
    return ClassResult(one.objects, figures, one.scores, one.right)
