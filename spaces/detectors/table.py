"""The detectors, in one visible table, and the description that builds one."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from torch import nn

from spaces.backbones.backbone import Backbone
from spaces.backbones.efficientnet_lite import efficientnet_lite0
from spaces.backbones.mobilenet_v1 import mobilenet_v1
from spaces.backbones.mobilenet_v2 import mobilenet_v2
from spaces.backbones.resnet import resnet18, resnet34, resnet50
from spaces.backbones.vgg import vgg11, vgg16
from spaces.detectors.ssd import SSD, Heads
from spaces.layers import MethodsFor

MIN_IMAGE_SIZE, MAX_IMAGE_SIZE = 96, 320


@dataclass(frozen=True, kw_only=True)
class DetectorSpec:
    """All that decides a detector's parameters: kept with every checkpoint, so that it can be built again.

    num_classes counts the classes without background; image_size is the side of the square that images are resized to.
    """

    detector: str
    num_classes: int
    image_size: int
    width: float = 1.0
    heads: str = "light"

    def __post_init__(self) -> None:
        if self.detector not in DETECTORS:
            raise ValueError(f"No detector is called {self.detector!r}. Known: {', '.join(sorted(DETECTORS))}.")
        for name in ("num_classes", "image_size"):
            if type(getattr(self, name)) is not int:
                raise ValueError(f"{name} is {getattr(self, name)!r}, must be a whole number.")
        if not isinstance(self.width, int | float):
            raise ValueError(f"width is {self.width!r}, must be a number.")
        if self.num_classes < 1:
            raise ValueError(f"num_classes is {self.num_classes}, must be at least 1.")
        if not MIN_IMAGE_SIZE <= self.image_size <= MAX_IMAGE_SIZE:
            raise ValueError(f"image_size is {self.image_size}, must be {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE} pixels.")
        if not 0 < self.width < math.inf:
            raise ValueError(f"width is {self.width}, must be positive and finite.")
        if self.heads not in ("light", "full"):
            raise ValueError(f"heads is {self.heads!r}; allowed are 'light' and 'full'.")
        if self.heads not in allowed_heads(self.detector):
            raise ValueError(f"heads is 'full', but {self.detector} has light ones, as SSDLite is defined: say light.")


def allowed_heads(detector: str) -> tuple[str, ...]:
    """The kinds of heads that a detector may have; SSDLite is defined by its light ones (arXiv:1801.04381)."""
    return ("light",) if detector.startswith("ssdlite_") else ("light", "full")


def build_detector(spec: DetectorSpec, methods_for: MethodsFor) -> nn.Module:
    """A detector with freshly initialised weights; each unit offers what `methods_for` gives for its name."""
    return DETECTORS[spec.detector](spec, methods_for)


BuildBackbone = Callable[[float, MethodsFor, str], Backbone]
"""From a width, the methods of each unit and a prefix for the units' names."""


def _ssd(build: BuildBackbone) -> Callable[[DetectorSpec, MethodsFor], nn.Module]:
    def on_backbone(spec: DetectorSpec, methods_for: MethodsFor) -> nn.Module:
        backbone = build(spec.width, methods_for, "backbone.")
        return SSD(backbone, spec.num_classes, spec.image_size, spec.width, cast(Heads, spec.heads))

    return on_backbone


DETECTORS: dict[str, Callable[[DetectorSpec, MethodsFor], nn.Module]] = {
    "ssd_resnet18": _ssd(resnet18),
    "ssd_resnet34": _ssd(resnet34),
    "ssd_resnet50": _ssd(resnet50),
    # torchvision's own layout: for teachers, and for comparison with the searchable one all real
    "ssd_resnet18_plain": _ssd(partial(resnet18, layout="plain")),
    "ssd_resnet34_plain": _ssd(partial(resnet34, layout="plain")),
    "ssd_resnet50_plain": _ssd(partial(resnet50, layout="plain")),
    # all real, the backbones of the following are the published ones
    "ssd_vgg11": _ssd(vgg11),
    "ssd_vgg16": _ssd(vgg16),
    "ssdlite_mobilenetv1": _ssd(mobilenet_v1),
    "ssdlite_mobilenetv2": _ssd(mobilenet_v2),
    "ssdlite_efficientnet_lite0": _ssd(efficientnet_lite0),
}
