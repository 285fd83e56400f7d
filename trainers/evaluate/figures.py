"""The figures of each rule, in one visible table; `map50` is one of every rule's, so that a search has a usual aim."""

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
"""What a candidate's score has. `map50` is VOC's all-point mean AP; by the other rules it is their ap50."""

COUNTED: Mapping[Rule, int] = MappingProxyType(
    {"voc": 0, "coco": coco.MAX_DETECTIONS, "visdrone": visdrone.MAX_DETECTIONS}
)
"""How many detections of an image a detector is let keep at least, since the rule counts so many. COCO's are those of
one class, of which published detectors keep 100 or 200 in all; VOC's rule has no number."""


def scored_figures(found: Sequence[Image], truths: Sequence[Image], num_classes: int, rule: Rule) -> dict[str, float]:
    """The figures that `SCORED` names, in 0..1. Truths mark as `difficult` what their rule says (see `Sample`)."""
    if rule == "voc":
        voc = voc_ap(found, truths, num_classes)
        return {"map50": voc.map50, "map50_11": voc.map50_11}
    if rule == "coco":
        own = coco_ap(found, [{**image, "iscrowd": image["difficult"]} for image in truths], num_classes)
    else:
        own = visdrone_ap(found, truths, num_classes)
    return {"map50": own["ap50"], **own}


def all_figures(found: Sequence[Image], truths: Sequence[Image], num_classes: int, rule: Rule) -> dict[str, float]:
    """As `scored_figures`; by VOC's rule COCO's ap, ap50 and ap75 too, to which difficult objects are objects."""
    figures = scored_figures(found, truths, num_classes, rule)
    return figures | coco_ap(found, truths, num_classes) if rule == "voc" else figures
