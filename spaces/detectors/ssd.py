"""Single-shot detectors: heads over pyramid levels, and SSD on any backbone for inputs of 96 to 320 pixels."""

from functools import partial

from torch import Tensor, nn

from spaces.backbones.backbone import Backbone, scaled_channels
from spaces.detectors.anchors import DefaultBoxes
from spaces.detectors.contract import (
    Detections,
    DetectorOutput,
    Heads,
    Responses,
    Target,
    collect_traces,
)
from spaces.detectors.flat import by_anchor
from spaces.detectors.openable import openable_parts
from spaces.detectors.resizing import sizes_of, to_squares
from spaces.detectors.selection import Limits
from spaces.detectors.ssd_decode import USUAL, decode_batch
from spaces.detectors.ssd_loss import BOX_SCALES, assign, ssd_losses
from spaces.layers.opened import ActivatedConv2d

LARGEST_FINE = 160
"""Inputs of up to so many pixels are read from stride 4 on: at stride 8 their finest grid would be too coarse."""


class SingleShot(nn.Module):
    """Heads over pyramid levels, under the contract of `contract.Detector`; subclasses say what the levels are.

    channels: of each level by name, finest first. norms: what stands behind each level, and in front of its heads.
    The heads start with a ReLU; `light` ones are depthwise-separable as in SSDLite (arXiv:1801.04381, section 6.2),
    `full` ones plain 3x3.
    """

    counted_proposals = None

    def __init__(
        self,
        backbone: Backbone,
        extra: nn.Module | None,
        channels: dict[str, int],
        norms: nn.ModuleDict,
        boxes: DefaultBoxes,
        num_classes: int,
        heads: Heads,
        limits: Limits = USUAL,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.image_size, self.num_classes = boxes.image_size, num_classes
        self.transform = to_squares(boxes.image_size, backbone)
        self.extra = extra
        self.feature_channels = channels
        self.norms = norms
        self.boxes = boxes
        self.limits, self.detections_per_image = limits, limits.after_nms
        levels = list(zip(channels.values(), boxes.per_cell, strict=True))
        self.cls_heads = nn.ModuleList(_head(c, a * (num_classes + 1), heads) for c, a in levels)
        self.box_heads = nn.ModuleList(_head(c, a * 4, heads) for c, a in levels)
        self.openable = openable_parts(self, stem=f"backbone.{backbone.stem_name}", heads=("cls_heads", "box_heads"))

    def forward(
        self, images: list[Tensor], targets: list[Target] | None = None, proposals: list[Tensor] | None = None
    ) -> DetectorOutput:
        """See `contract`. `proposals` are for two-stage detectors; raises ValueError when given."""
        if proposals is not None:
            raise ValueError("A single-stage detector takes no proposals.")
        batch, resized = self.transform(images, targets)
        levels = self._levels(batch.tensors)
        features = {name: norm(levels[name]) for name, norm in self.norms.items()}
        responses = self._respond(features)
        logits, offsets = by_anchor(responses.cls, self.num_classes + 1), by_anchor(responses.box, 4)
        losses = ssd_losses(logits, offsets, responses.anchors, resized) if resized is not None else {}
        sizes = sizes_of(images)

        def decode() -> list[Detections]:
            own, limits = (self.image_size, self.image_size), self.limits.keeping(self.detections_per_image)
            return decode_batch(logits, offsets, responses.anchors, own, sizes, limits)

        wanted = None if resized is None else partial(assign, responses.anchors, resized)
        return DetectorOutput(features, responses, decode, losses, collect_traces(self), resized or [], assign=wanted)

    def _levels(self, images: Tensor) -> dict[str, Tensor]:
        """Normalised images (N, 3, H, W) to the maps by level."""
        raise NotImplementedError

    def _respond(self, features: dict[str, Tensor]) -> Responses:
        maps = list(features.values())
        cls = [head(x) for head, x in zip(self.cls_heads, maps, strict=True)]
        box = [head(x) for head, x in zip(self.box_heads, maps, strict=True)]
        return Responses(cls, box, self.boxes(maps), activation="softmax", background=0, box_scales=BOX_SCALES)


class SSD(SingleShot):
    """Single-shot detector (arXiv:1512.02325) on any backbone, for inputs of 96 to 320 pixels.

    Four pyramid levels whose finest grid has 24 to 40 cells a side: up to 160 pixels the backbone's four maps (p2 to
    p5, strides 4 to 32), above that its last three and one real extra layer (p3 to p6, strides 8 to 64). Each stands
    behind a BatchNorm, so that maps of binary and of real networks are of one size.
    """

    def __init__(self, backbone: Backbone, num_classes: int, image_size: int, width: float, heads: Heads) -> None:
        channels = {f"p{level}": c for level, c in enumerate(backbone.channels.values(), start=2)}
        extra = None
        if image_size > LARGEST_FINE:
            del channels["p2"]
            channels["p6"] = scaled_channels(256, width)
            extra = _extra_layer(channels["p5"], channels["p6"])
        norms = nn.ModuleDict({name: nn.BatchNorm2d(c) for name, c in channels.items()})
        super().__init__(backbone, extra, channels, norms, DefaultBoxes(image_size), num_classes, heads)

    def _levels(self, images: Tensor) -> dict[str, Tensor]:
        maps = {f"p{level}": x for level, x in enumerate(self.backbone(images).values(), start=2)}
        if self.extra is not None:
            maps["p6"] = self.extra(maps["p5"])
        return maps


def _extra_layer(in_channels: int, out_channels: int) -> nn.Sequential:
    """ReLU -> 1x1 -> BatchNorm -> ReLU -> 3x3 of stride 2: half the map, real-valued, both signs at its end."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(in_channels, out_channels // 2, 1, bias=False),
        nn.BatchNorm2d(out_channels // 2),
        nn.ReLU(),
        nn.Conv2d(out_channels // 2, out_channels, 3, stride=2, padding=1, bias=False),
    )


def _head(in_channels: int, out_channels: int, heads: Heads) -> nn.Module:
    if heads == "full":
        return ActivatedConv2d(in_channels, out_channels, 3, padding=1)
    if heads == "light":
        return nn.Sequential(
            ActivatedConv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False),
            nn.BatchNorm2d(in_channels),
            ActivatedConv2d(in_channels, out_channels, 1),
        )
    raise ValueError(f"heads is {heads!r}; allowed are 'light' and 'full'.")
