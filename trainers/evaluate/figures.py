"""The figures of each rule in one table. Every rule has `map50`, so that a search has a default objective."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from trainers.data.sample import Rule
from trainers.evaluate import coco, visdrone
from trainers.evaluate.coco import coco_ap
from trainers.evaluate.detections import Image
from trainers.evaluate.visdrone import visdrone_ap
from trainers.evaluate.voc import voc_ap

SCORED: Mapping[Rule, tuple[str, ...]] = MappingProxyType(
    {
        "voc": ("map50", "map50_11"),
        "coco": ("map50", "ap", "ap50", "ap75"),
        "visdrone": ("map50", "ap", "ap50", "ap75", "ar500"),
    }
)
"""The metrics of a candidate's score. `map50` is VOC's all-point mean AP; by the other rules it is their ap50."""

COUNTED: Mapping[Rule, int] = MappingProxyType(
    {"voc": 0, "coco": coco.MAX_DETECTIONS, "visdrone": visdrone.MAX_DETECTIONS}
)
"""The least number of detections per image that a detector must be allowed to return, because the rule counts so many.
COCO counts them per class, but published detectors return 100 or 200 in all; VOC's rule has no limit."""


def scored_figures(
    detections: Sequence[Image], truths: Sequence[Image], num_classes: int, rule: Rule
) -> dict[str, float]:
    """The figures that `SCORED` names, in 0..1. `Sample` says which truths each rule marks `difficult`."""
    if rule == "voc":
        voc = voc_ap(detections, truths, num_classes)
        return {"map50": voc.map50, "map50_11": voc.map50_11}
    if rule == "coco":
        own = coco_ap(detections, [{**image, "iscrowd": image["difficult"]} for image in truths], num_classes)
    else:
        own = visdrone_ap(detections, truths, num_classes)
    return {"map50": own["ap50"], **own}


def all_figures(detections: Sequence[Image], truths: Sequence[Image], num_classes: int, rule: Rule) -> dict[str, float]:
    """As `scored_figures`; for VOC's rule also COCO's ap, ap50 and ap75, which count difficult objects as objects."""
    figures = scored_figures(detections, truths, num_classes, rule)
    return figures | coco_ap(detections, truths, num_classes) if rule == "voc" else figures
