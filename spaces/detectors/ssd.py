"""Single-shot detectors: heads over pyramid levels, and SSD on any backbone for inputs of 96 to 320 pixels."""

from torch import Tensor, nn

from spaces.backbones.backbone import Backbone, scaled_channels
from spaces.detectors.anchors import DefaultBoxes
from spaces.detectors.contract import (
    Assignment,
    Detections,
    DetectorOutput,
    Heads,
    Responses,
    Target,
)
from spaces.detectors.flat import flat_box, flat_cls
from spaces.detectors.openable import DENSE_HEADS, openable_groups
from spaces.detectors.resizing import to_squares
from spaces.detectors.selection import Limits
from spaces.detectors.single_stage import single_stage_output
from spaces.detectors.ssd_decode import USUAL, decode_batch
from spaces.detectors.ssd_loss import BOX_SCALES, assign, ssd_losses
from spaces.layers.opened import ActivatedConv2d

LARGEST_FINE = 160
"""Inputs of up to so many pixels are read from stride 4 on: at stride 8 their finest grid would be too coarse."""


class SingleShot(nn.Module):
    """Heads over pyramid levels, under the contract of `contract.Detector`.

    extra: from the backbone's maps by name to the levels by name, with the layers that this takes.
    channels: channels of each level by name, finest first.
    norms: modules behind each level, and in front of its heads.
    The heads start with a ReLU; `light` ones are depthwise-separable as in SSDLite (arXiv:1801.04381, section 6.2),
    `full` ones plain 3x3.
    """

    counted_proposals = None

    def __init__(
        self,
        backbone: Backbone,
        extra: nn.Module,
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
        self.openable = openable_groups(self, stem=f"backbone.{backbone.stem_name}", heads=DENSE_HEADS)

    def forward(
        self, images: list[Tensor], targets: list[Target] | None = None, proposals: list[Tensor] | None = None
    ) -> DetectorOutput:
        """See `contract`."""
        return single_stage_output(self, images, targets, proposals)

    def responses(self, batch: Tensor) -> Responses:
        """See `contract`."""
        return self.respond(self.pyramid(batch))

    def pyramid(self, batch: Tensor) -> dict[str, Tensor]:
        """See `single_stage`."""
        levels = self.extra(self.backbone(batch))
        return {name: norm(levels[name]) for name, norm in self.norms.items()}

    def losses(self, responses: Responses, targets: list[Target]) -> dict[str, Tensor]:
        """Scalars `cls` and `box`, see `ssd_losses`."""
        return ssd_losses(flat_cls(responses), flat_box(responses), responses.anchors, targets)

    def assign(self, responses: Responses, targets: list[Target]) -> Assignment:
        """See `single_stage`; the anchors are matched by IoU, see `ssd_loss.assign`."""
        return assign(responses.anchors, targets)

    def decode(
        self, responses: Responses, sizes: list[tuple[int, int]], own_sizes: list[tuple[int, int]] | None = None
    ) -> list[Detections]:
        """See `single_stage`."""
        own, limits = [(self.image_size, self.image_size)] * len(sizes), self.limits.keeping(self.detections_per_image)
        return decode_batch(flat_cls(responses), flat_box(responses), responses.anchors, own, sizes, limits)

    def respond(self, features: dict[str, Tensor]) -> Responses:
        """See `single_stage`."""
        maps = list(features.values())
        cls = [head(x) for head, x in zip(self.cls_heads, maps, strict=True)]
        box = [head(x) for head, x in zip(self.box_heads, maps, strict=True)]
        return Responses(cls, box, self.boxes(maps), activation="softmax", background=0, box_scales=BOX_SCALES)


def ssd(backbone: Backbone, num_classes: int, image_size: int, width: float, heads: Heads) -> SingleShot:
    """Single-shot detector (arXiv:1512.02325) on any backbone, for inputs of 96 to 320 pixels.

    Four pyramid levels whose finest grid has 24 to 40 cells a side: up to 160 pixels the backbone's four maps (p2 to
    p5, strides 4 to 32), above that its last three and one real extra layer (p3 to p6, strides 8 to 64). Each stands
    behind a BatchNorm, so that maps of binary and of real networks are of one size.
    """
    channels = {f"p{level}": c for level, c in enumerate(backbone.channels.values(), start=2)}
    extra = CoarserLevel()
    if image_size > LARGEST_FINE:
        del channels["p2"]
        channels["p6"] = scaled_channels(256, width)
        extra = CoarserLevel(*_extra_layer(channels["p5"], channels["p6"]))
    norms = nn.ModuleDict({name: nn.BatchNorm2d(c) for name, c in channels.items()})
    return SingleShot(backbone, extra, channels, norms, DefaultBoxes(image_size), num_classes, heads)


class CoarserLevel(nn.Sequential):
    """A backbone's four maps as the levels p2 to p5, and p6 from p5 where the module holds layers."""

    def forward(self, maps: dict[str, Tensor]) -> dict[str, Tensor]:
        levels = {f"p{level}": x for level, x in enumerate(maps.values(), start=2)}
        if len(self):
            levels["p6"] = super().forward(levels["p5"])
        return levels


def _extra_layer(in_channels: int, out_channels: int) -> list[nn.Module]:
    """ReLU -> 1x1 -> BatchNorm -> ReLU -> 3x3 of stride 2: half the map, real-valued, both signs at its end."""
    return [
        nn.Identity(),  # where the ReLU stood that belongs to its convolution: the names behind are those of before
        ActivatedConv2d(in_channels, out_channels // 2, 1, bias=False),
        nn.BatchNorm2d(out_channels // 2),
        nn.Identity(),
        ActivatedConv2d(out_channels // 2, out_channels, 3, stride=2, padding=1, bias=False),
    ]


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
