"""Every detector of the table, an eighth as wide, at its smallest size: with one method, or as a supernet."""

from functools import cache

import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DETECTORS, DetectorSpec, Target, build_detector, searchable_units
from spaces.supernet import build_fixed, build_supernet
from spaces.without_values import without_values

METHODS = ("real", "sign", "bireal")


def sizes(detector: str) -> tuple[int, int]:
    """The smallest image size, and a larger one."""
    smallest, largest = DETECTORS[detector].sizes
    return smallest, min(2 * smallest, largest)


def spec_of(detector: str, image_size: int | None = None) -> DetectorSpec:
    size = image_size or sizes(detector)[0]
    return DetectorSpec(detector=detector, num_classes=3, image_size=size, width=0.125)


@cache
def roots(detector: str) -> tuple[str, ...]:
    """The outermost modules that hold units: the backbone, and what else a search may switch."""
    with without_values():
        network = build_detector(spec_of(detector), lambda _: ("real",))
    return tuple(dict.fromkeys(name.partition(".")[0] for name in searchable_units(network)))


def everywhere(detector: str, method: str) -> Candidate:
    return Candidate({f"layer/{root}": method for root in roots(detector)})


def fixed(detector: str, method: str, image_size: int | None = None) -> nn.Module:
    torch.manual_seed(0)
    return build_fixed(spec_of(detector, image_size), everywhere(detector, method))


def every_method(detector: str) -> nn.Module:
    """The supernet of all METHODS."""
    torch.manual_seed(0)
    return build_supernet(spec_of(detector), dict.fromkeys(roots(detector), METHODS))


def for_all_levels(detector: str, targets: list[Target]) -> list[Target]:
    """SSD300 has a level for objects of half the image too."""
    if not detector.startswith("ssd300"):
        return targets
    first, second = targets
    boxes = torch.cat([first["boxes"], torch.tensor([[12.0, 12.0, 62.0, 62.0]])])
    return [{"boxes": boxes, "labels": torch.cat([first["labels"], torch.tensor([2])])}, second]
