"""The detectors, in one visible table, and the description that builds one."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from torch import nn

from spaces.backbones.backbone import Backbone, Layout
from spaces.backbones.efficientnet_lite import efficientnet_lite0
from spaces.backbones.mobilenet_v1 import mobilenet_v1
from spaces.backbones.mobilenet_v2 import mobilenet_v2
from spaces.backbones.resnet import resnet18, resnet34, resnet50
from spaces.backbones.vgg import VGG11, VGG16, vgg11, vgg16
from spaces.detectors.contract import Heads
from spaces.detectors.faster_rcnn import FasterRCNN
from spaces.detectors.gfl import GFL
from spaces.detectors.gfl_head import TowerNorm
from spaces.detectors.quality import BuildQuality, QualityPredictor
from spaces.detectors.resizing import Resize, check_resize
from spaces.detectors.soft_quality import SoftQualityPredictor
from spaces.detectors.ssd import ssd
from spaces.detectors.ssd300 import SSD300
from spaces.layers import MethodsFor
from spaces.lookup import lookup

DEFAULT_HEADS: Heads = "light"


@dataclass(frozen=True, kw_only=True)
class DetectorSpec:
    """All that decides a detector's parameters, saved with every checkpoint, so that the detector can be rebuilt.

    num_classes counts the classes without background; image_size is the side of the square that images are resized to.
    resize: `squash` for images squashed to it, `letterbox` for images that keep their shape inside it, and
    `shortest_edge` for images in their own shape: their shorter side is image_size, and the longer at most `longest`.
    heads: None for a detector with one kind of heads; its only allowed value means the same. Where there is a choice,
    None means `DEFAULT_HEADS`. Equal detectors therefore have equal specs, however they were written.
    """

    detector: str
    num_classes: int
    image_size: int
    width: float = 1.0
    heads: Heads | None = None
    resize: Resize = "squash"
    longest: int | None = None

    def __post_init__(self) -> None:
        entry = lookup(DETECTORS, self.detector, "detector")
        for name in ("num_classes", "image_size"):
            if type(getattr(self, name)) is not int:
                raise ValueError(f"{name} is {getattr(self, name)!r}, must be a whole number.")
        if not isinstance(self.width, int | float):
            raise ValueError(f"width is {self.width!r}, must be a number.")
        if self.num_classes < 1:
            raise ValueError(f"num_classes is {self.num_classes}, must be at least 1.")
        smallest, largest = entry.sizes
        if not smallest <= self.image_size <= largest:
            raise ValueError(f"image_size is {self.image_size}; {self.detector} takes {smallest} to {largest} pixels.")
        check_resize(self.resize, self.image_size, self.longest)
        if self.longest is not None and not entry.any_shape:
            raise ValueError(f"resize is {self.resize!r}, but {self.detector} takes only squares: squash or letterbox.")
        if self.longest is not None and self.longest > largest:
            raise ValueError(f"longest is {self.longest}; {self.detector} takes up to {largest} pixels.")
        if not 0 < self.width < math.inf:
            raise ValueError(f"width is {self.width}, must be positive and finite.")
        if self.heads is not None and self.heads not in entry.heads:
            allowed = " or ".join(map(repr, entry.heads))
            raise ValueError(f"heads is {self.heads!r}; {self.detector} can only have {allowed}.")
        object.__setattr__(self, "heads", (self.heads or DEFAULT_HEADS) if entry.has_choice_of_heads else None)

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of an image that costs are counted on: of images in their own shape the largest."""
        return self.image_size, self.longest or self.image_size

    def described(self) -> dict[str, Any]:
        """The fields by name, as files have them: a detector of squashed images is described as it always was."""
        fields = asdict(self)
        resize, longest = fields.pop("resize"), fields.pop("longest")
        if resize != "squash":
            fields["resize"] = resize
        return fields if longest is None else fields | {"longest": longest}


@dataclass(frozen=True)
class Entry:
    """A detector of the table: how it is built, which heads it may have, and its smallest and largest image_size."""

    build: Callable[[DetectorSpec, MethodsFor], nn.Module]
    heads: tuple[Heads, ...] = ("light", "full")
    sizes: tuple[int, int] = (96, 320)
    about: str = ""
    """What it is, in a line, for lists of all detectors."""
    any_shape: bool = False
    """Whether it takes images in their own shape, rather than squares alone."""

    @property
    def has_choice_of_heads(self) -> bool:
        return len(self.heads) > 1


def build_detector(spec: DetectorSpec, methods_for: MethodsFor) -> nn.Module:
    """A detector with freshly initialised weights; each unit offers what `methods_for` gives for its name."""
    return DETECTORS[spec.detector].build(spec, methods_for)


BuildBackbone = Callable[[float, MethodsFor, str], Backbone]
"""From a width, the methods of each unit and a prefix for the units' names."""


def _ssd(about: str, build: BuildBackbone) -> Entry:
    def on_backbone(spec: DetectorSpec, methods_for: MethodsFor) -> nn.Module:
        backbone = build(spec.width, methods_for, "backbone.")
        return ssd(backbone, spec.num_classes, spec.image_size, spec.width, spec.heads or DEFAULT_HEADS)

    return Entry(on_backbone, about=about)


def _ssd300(about: str, convolutions: Sequence[int], layout: Layout = "bireal") -> Entry:
    def build(spec: DetectorSpec, methods_for: MethodsFor) -> nn.Module:
        heads = spec.heads or DEFAULT_HEADS
        return SSD300(convolutions, spec.num_classes, spec.image_size, spec.width, heads, methods_for, layout)

    return Entry(build, sizes=(257, 320), about=about)


def _ssdlite(about: str, build: BuildBackbone) -> Entry:
    """SSDLite is defined by its light heads (arXiv:1801.04381)."""
    return replace(_ssd(about, build), heads=("light",))


def _faster_rcnn(about: str, build: BuildBackbone) -> Entry:
    """Its second stage has one kind of heads. `light` is allowed, as configs have it where they set nothing."""

    def on_backbone(spec: DetectorSpec, methods_for: MethodsFor) -> nn.Module:
        backbone = build(spec.width, methods_for, "backbone.")
        return FasterRCNN(backbone, spec.num_classes, spec.image_size, spec.width, methods_for, spec.longest)

    return Entry(on_backbone, heads=("light",), sizes=(96, 1344), about=about, any_shape=True)


def _gfl(
    about: str,
    build: BuildBackbone,
    norm: TowerNorm = "level",
    *,
    quality: BuildQuality | None = QualityPredictor,
) -> Entry:
    def on_backbone(spec: DetectorSpec, methods_for: MethodsFor) -> nn.Module:
        return GFL(
            build(spec.width, methods_for, "backbone."),
            methods_for,
            num_classes=spec.num_classes,
            image_size=spec.image_size,
            width=spec.width,
            heads=spec.heads or DEFAULT_HEADS,
            norm=norm,
            quality=quality,
            longest=spec.longest,
        )

    return Entry(on_backbone, sizes=(96, 1344), about=about, any_shape=True)


DETECTORS: dict[str, Entry] = {
    "ssd_resnet18": _ssd("SSD on ResNet-18, Bi-Real layout", resnet18),
    "ssd_resnet34": _ssd("SSD on ResNet-34, Bi-Real layout", resnet34),
    "ssd_resnet50": _ssd("SSD on ResNet-50, Bi-Real layout", resnet50),
    # torchvision's own layout: for teachers, and for comparison with the searchable one all real
    "ssd_resnet18_plain": _ssd("SSD on ResNet-18, torchvision's layout", partial(resnet18, layout="plain")),
    "ssd_resnet34_plain": _ssd("SSD on ResNet-34, torchvision's layout", partial(resnet34, layout="plain")),
    "ssd_resnet50_plain": _ssd("SSD on ResNet-50, torchvision's layout", partial(resnet50, layout="plain")),
    "faster_rcnn_resnet18": _faster_rcnn("Faster R-CNN with a pyramid on ResNet-18, Bi-Real layout", resnet18),
    "faster_rcnn_resnet34": _faster_rcnn("Faster R-CNN with a pyramid on ResNet-34, Bi-Real layout", resnet34),
    "faster_rcnn_resnet50": _faster_rcnn("Faster R-CNN with a pyramid on ResNet-50, Bi-Real layout", resnet50),
    "faster_rcnn_resnet18_plain": _faster_rcnn(
        "Faster R-CNN with a pyramid on ResNet-18, torchvision's layout", partial(resnet18, layout="plain")
    ),
    "faster_rcnn_resnet34_plain": _faster_rcnn(
        "Faster R-CNN with a pyramid on ResNet-34, torchvision's layout", partial(resnet34, layout="plain")
    ),
    "faster_rcnn_resnet50_plain": _faster_rcnn(  # all real, torchvision's own
        "Faster R-CNN with a pyramid on ResNet-50, torchvision's layout", partial(resnet50, layout="plain")
    ),
    # all real, the backbones of the following are the published ones
    "ssd300_vgg11": _ssd300("SSD300 with the published six levels on VGG-11, Bi-Real layout", VGG11),
    "ssd300_vgg16": _ssd300("SSD300 with the published six levels on VGG-16, Bi-Real layout", VGG16),
    "ssd300_vgg16_plain": _ssd300(
        "SSD300 with the published six levels on VGG-16, torchvision's layout", VGG16, layout="plain"
    ),
    "ssd_vgg11": _ssd("SSD on VGG-11 with BatchNorm", vgg11),
    "ssd_vgg16": _ssd("SSD on VGG-16 with BatchNorm", vgg16),
    "ssdlite_mobilenetv1": _ssdlite("SSDLite on MobileNetV1", mobilenet_v1),
    "ssdlite_mobilenetv2": _ssdlite("SSDLite on MobileNetV2", mobilenet_v2),
    "ssdlite_efficientnet_lite0": _ssdlite("SSDLite on EfficientNet-Lite0", efficientnet_lite0),
    "gfl_resnet18": _gfl("GFLv2 on ResNet-18, Bi-Real layout", resnet18),
    "gfl_resnet50": _gfl("GFLv2 on ResNet-50, Bi-Real layout", resnet50),
    # the published norms in the towers, for teachers
    "gfl_resnet18_plain": _gfl("GFLv2 on ResNet-18, torchvision's layout", partial(resnet18, layout="plain"), "group"),
    "gfl_resnet50_plain": _gfl("GFLv2 on ResNet-50, torchvision's layout", partial(resnet50, layout="plain"), "group"),
    "gflv1_resnet18_plain": _gfl(
        "GFL on ResNet-18, torchvision's layout, no quality predictor",
        partial(resnet18, layout="plain"),
        "group",
        quality=None,
    ),
    # with a predictor that selects what it reads of the distributions
    "gfl_sdgqp_resnet18": _gfl("GFLv2 with SDGQP on ResNet-18, Bi-Real layout", resnet18, quality=SoftQualityPredictor),
    "gfl_sdgqp_resnet18_plain": _gfl(
        "GFLv2 with SDGQP on ResNet-18, torchvision's layout",
        partial(resnet18, layout="plain"),
        "group",
        quality=SoftQualityPredictor,
    ),
}
