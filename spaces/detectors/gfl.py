"""GFL and GFLv2: a dense detector whose boxes are distributions, for inputs from 96 pixels on."""

import math
from dataclasses import replace

from torch import Tensor, nn

from spaces.backbones.backbone import Backbone, scaled_channels
from spaces.detectors.contract import (
    Assignment,
    Detections,
    DetectorOutput,
    Heads,
    Responses,
    Target,
)
from spaces.detectors.dense_pyramid import LEVELS, STRIDES, DensePyramid
from spaces.detectors.edge_distributions import BINS, square_anchors
from spaces.detectors.flat import by_anchor, flat_box, flat_cls
from spaces.detectors.gfl_decode import USUAL, decode_batch
from spaces.detectors.gfl_head import GFLTowers, TowerNorm
from spaces.detectors.gfl_loss import assignment, gfl_losses
from spaces.detectors.openable import DENSE_HEADS, openable_groups
from spaces.detectors.quality import BuildQuality, QualityPredictor, joint_logits
from spaces.detectors.resizing import to_shorter_sides, to_squares
from spaces.detectors.single_stage import single_stage_output
from spaces.layers import MethodsFor
from spaces.layers.levels import LevelScales
from spaces.layers.opened import ActivatedConv2d

CHANNELS, QUALITY_HIDDEN = 256, 64
FIRST_SCORE = 0.01
"""Initial score of every class, so that the many anchors without an object weigh little (arXiv:1708.02002)."""


class GFL(nn.Module):
    """The GFL detector (arXiv:2006.04388; v2: arXiv:2011.12885) under the contract of `contract.Detector`.

    The backbone's last three maps, a pyramid p3 to p7, two towers and what predicts from them; one anchor per cell, no
    background class: label k is class map k - 1. Each edge of a box is a distribution over 17 distances. In v2 a
    quality read off these distributions is multiplied into the class scores, in training too; `quality` builds what
    reads it, from the number of bins and hidden channels. Without (v1) the class score alone stands for both. `full`
    predictions are the published 3x3 convolutions, `light` ones 1x1; both begin with a ReLU and are real unless
    opened. All levels share towers and predictions, but for the boxes' scale.

    longest: None for squares of `image_size`, else see `resizing.to_shorter_sides`.
    """

    counted_proposals = None

    def __init__(
        self,
        backbone: Backbone,
        methods_for: MethodsFor,
        *,
        num_classes: int,
        image_size: int,
        width: float,
        heads: Heads,
        norm: TowerNorm,
        quality: BuildQuality | None = QualityPredictor,
        longest: int | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.image_size, self.longest, self.num_classes = image_size, longest, num_classes
        self.detections_per_image = USUAL.after_nms
        if longest is None:
            self.transform = to_squares(image_size, backbone)
        else:
            self.transform = to_shorter_sides(image_size, longest, backbone)
        channels = scaled_channels(CHANNELS, width)
        self.feature_channels = dict.fromkeys(LEVELS, channels)
        self.fpn = DensePyramid(list(backbone.channels.values())[1:], channels, methods_for, "fpn.")
        self.towers = GFLTowers(channels, len(LEVELS), methods_for, "towers.", norm)
        # The product of both scores is what shall be small; the quality starts at a half.
        first = FIRST_SCORE * (2 if quality else 1)
        self.cls_heads = _prediction(channels, num_classes, heads, bias=math.log(first / (1 - first)))
        self.box_heads = _prediction(channels, 4 * BINS, heads)
        self.scales = LevelScales(len(LEVELS))
        self.quality = quality(BINS, scaled_channels(QUALITY_HIDDEN, width)) if quality else None
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
        levels: dict[str, Tensor] = self.fpn(list(self.backbone(batch).values())[1:])
        return levels

    def losses(self, responses: Responses, targets: list[Target]) -> dict[str, Tensor]:
        """Scalars `cls`, `box` and `dfl`, see `gfl_losses`."""
        return gfl_losses(_scores(responses), flat_box(responses), responses.anchors, _cells(responses), targets)

    def assign(self, responses: Responses, targets: list[Target]) -> Assignment:
        """See `single_stage`; the anchors are matched by ATSS."""
        return assignment(responses.anchors, _cells(responses), targets)

    def decode(
        self, responses: Responses, sizes: list[tuple[int, int]], own_sizes: list[tuple[int, int]] | None = None
    ) -> list[Detections]:
        """See `single_stage`."""
        own = own_sizes or [(self.image_size, self.image_size)] * len(sizes)
        limits = replace(USUAL.keeping(self.detections_per_image), with_area=self.longest is not None)
        return decode_batch(_scores(responses), flat_box(responses), responses.anchors, own, sizes, limits)

    def respond(self, features: dict[str, Tensor]) -> Responses:
        """See `single_stage`."""
        maps = list(features.values())
        cls, box = [], []
        for level, (of_classes, of_boxes) in enumerate(self.towers(maps)):
            cls.append(self.cls_heads(of_classes))
            box.append(self.scales(self.box_heads(of_boxes), level))
        anchors = square_anchors([(x.shape[-2], x.shape[-1]) for x in maps], STRIDES, maps[0].device)
        quality = None if self.quality is None else [self.quality(edges) for edges in box]
        return Responses(cls, box, anchors, activation="sigmoid", background=None, bins=BINS, quality=quality)


def _scores(responses: Responses) -> Tensor:
    """The logits (N, M, K) of the final scores, quality included."""
    scores = flat_cls(responses)
    return scores if responses.quality is None else joint_logits(scores, by_anchor(responses.quality, 1))


def _cells(responses: Responses) -> list[int]:
    """Anchors per level."""
    return [x.shape[-2] * x.shape[-1] for x in responses.cls]


def _prediction(in_channels: int, out_channels: int, heads: Heads, bias: float = 0.0) -> nn.Conv2d:
    if heads not in ("light", "full"):
        raise ValueError(f"heads is {heads!r}; allowed are 'light' and 'full'.")
    kernel = 3 if heads == "full" else 1
    conv = ActivatedConv2d(in_channels, out_channels, kernel, padding=kernel // 2)
    nn.init.normal_(conv.weight, std=0.01)
    nn.init.constant_(conv.get_parameter("bias"), bias)
    return conv
