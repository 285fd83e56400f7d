"""Faster R-CNN with a feature pyramid, on any backbone, under the detectors' contract."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial

import torch
from torch import Tensor, nn
from torchvision.models.detection.roi_heads import RoIHeads, fastrcnn_loss
from torchvision.models.detection.transform import resize_boxes
from torchvision.ops import MultiScaleRoIAlign

from spaces.backbones.backbone import Backbone, renamed, scaled_channels
from spaces.detectors.box_head import BoxHead, BoxPredictor
from spaces.detectors.contract import (
    Assignment,
    Detections,
    DetectorOutput,
    Responses,
    RoIResponses,
    Target,
    collect_traces,
    maps_in_float32,
)
from spaces.detectors.fpn import FeaturePyramid
from spaces.detectors.openable import openable_groups
from spaces.detectors.published_classes import COCO_ROWS, fit_predictors, report_predictors
from spaces.detectors.resizing import COARSEST_STRIDE, sizes_of, to_shorter_sides, to_squares
from spaces.detectors.rpn import InputScale, assign, build_rpn, propose, respond, rpn_losses, scale_of
from spaces.layers import MethodsFor
from spaces.precision import in_float32, network_pass
from spaces.whole_batch import weighed

FINEST_STRIDE = 4
PYRAMID_CHANNELS, HIDDEN_CHANNELS, POOLED = 256, 1024, 7
MATCH_IOU, POSITIVE_SHARE = 0.5, 0.25
SCORE_THRESHOLD, NMS_IOU, DETECTIONS = 0.05, 0.5, 100
"""Detection thresholds, and the most detections per image (published values)."""
PROPOSALS_PER_DETECTION = 2
"""Fewest proposals per detection, so that NMS leaves enough. Our rule; it acts only above the published number."""
PREDICTORS = {f"roi_heads.box_predictor.{name}": 1 for name in ("cls_score.weight", "cls_score.bias")} | {
    f"roi_heads.box_predictor.{name}": 4 for name in ("bbox_pred.weight", "bbox_pred.bias")
}
"""The tensors that depend on the classes, and how many values per class each has."""
HEADS = {
    "rpn": ("rpn.head.cls_logits", "rpn.head.bbox_pred"),
    "fc": ("roi_heads.box_head",),
    "cls": ("roi_heads.box_predictor.cls_score",),
    "box": ("roi_heads.box_predictor.bbox_pred",),
}
"""The layers that predict, and the second stage's two linear layers in front of them, by kind."""
BATCH_NORM_EPS = 1e-5

Learnt = tuple[RoIResponses, list[Tensor], list[Tensor]]
"""The second stage's responses, and per image the target class of each proposal (R,) and its target offsets (R, 4)."""


class FasterRCNN(nn.Module):
    """Two-stage detector (arXiv:1506.01497, 1612.03144) under the contract of `contract.Detector`.

    Searchable are the backbone, the pyramid (`fpn`) and the first stage's 3x3 convolution (`rpn.head.conv`). Its 1x1
    outputs and the second stage (RoIAlign to 7 x 7, two linear layers, class and box) are real unless opened.
    Matching, sampling, NMS and RoIAlign are torchvision's. All real, on a backbone in the `plain` layout, it is
    torchvision's network, under its names from `rpn` and `roi_heads` on.

    In training with targets `rois` are of sampled proposals, the objects among them; else of all that the first stage
    makes, or of the `proposals` given, on which the second stage's losses then are taken as they stand.

    longest: None for squares of `image_size`, else see `resizing.to_shorter_sides`.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int,
        image_size: int,
        width: float,
        methods_for: MethodsFor,
        longest: int | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.num_classes = num_classes
        scale = scale_of(image_size)
        self.counted_proposals = scale.proposals
        if longest is None:
            self.transform = to_squares(image_size, backbone, multiple=COARSEST_STRIDE)
        else:
            self.transform = to_shorter_sides(image_size, longest, backbone)
        channels = scaled_channels(PYRAMID_CHANNELS, width)
        self.fpn = FeaturePyramid(list(backbone.channels.values()), channels, methods_for, "fpn.")
        self.feature_channels = {f"p{level}": channels for level in range(2, 7)}
        self._proposal_counts = scale.kept()
        self.rpn = build_rpn(channels, scale, self._proposal_counts, methods_for, "rpn.")
        self.roi_heads = _second_stage(channels, scaled_channels(HIDDEN_CHANNELS, width), num_classes, scale)
        self.openable = openable_groups(self, stem=f"backbone.{backbone.stem_name}", heads=HEADS)

    @property
    def detections_per_image(self) -> int:
        """See `contract`. For more, evaluation makes more proposals; costs are counted on the usual number."""
        return int(self.roi_heads.detections_per_img)

    @detections_per_image.setter
    def detections_per_image(self, detections: int) -> None:
        self.roi_heads.detections_per_img = detections
        self._proposal_counts["testing"] = max(self.counted_proposals, PROPOSALS_PER_DETECTION * detections)

    def forward(
        self, images: list[Tensor], targets: list[Target] | None = None, proposals: list[Tensor] | None = None
    ) -> DetectorOutput:
        """See `contract`. Raises ValueError when `proposals` are not one tensor an image."""
        if proposals is not None and len(proposals) != len(images):
            raise ValueError(f"There are proposals for {len(proposals)} images, and {len(images)} images.")
        batch, resized = self.transform(images, targets)
        with network_pass(batch.tensors.device):
            features = self.fpn(self.backbone(batch.tensors))
            responses = respond(self.rpn, batch.tensors, features)
        features, responses = maps_in_float32(features), responses.in_float32()
        given = None if proposals is None else self._second(features, proposals)
        proposed = cache(lambda: propose(self.rpn, batch, responses))
        on_all = cache(lambda: given or self._second(features, proposed()))
        losses: dict[str, Tensor] = {}
        assigned: RoIResponses | None = None
        if resized is not None:
            first = rpn_losses(self.rpn, responses, resized)
            if self.training and given is None:
                learnt, labels, offsets = self._sampled(features, proposed(), resized)
            else:
                learnt, labels, offsets = self._assigned(on_all(), resized)
            losses = _roi_losses(learnt, labels, offsets) | first
            assigned = replace(learnt, assignment=Assignment(torch.cat(labels), torch.cat(offsets)))
        sizes = sizes_of(images)
        return DetectorOutput(
            features,
            responses,
            lambda: self._decode(on_all(), batch.image_sizes, sizes),
            losses,
            collect_traces(self),
            resized or [],
            lambda: assigned or on_all(),
            None if resized is None else partial(assign, self.rpn, responses.anchors, resized),
        )

    def responses(self, batch: Tensor) -> Responses:
        """See `contract`; those of the first stage."""
        return respond(self.rpn, batch, self.fpn(self.backbone(batch)))

    def from_published(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """torchvision's names to ours, of its newer and its older files.

        Class predictors of other classes than ours are fitted or left out, see `published_classes`. torchvision runs
        its weights for COCO with a BatchNorm epsilon of 0: ours is taken off their variances.
        """
        body, rest = {}, {}
        for name, tensor in state.items():
            if name.startswith("backbone.body."):
                body[name.removeprefix("backbone.body.")] = tensor
            else:
                rest[name] = tensor
        if _is_for_no_epsilon(state):
            body = {
                name: (tensor - BATCH_NORM_EPS).clamp(min=0) if name.endswith(".running_var") else tensor
                for name, tensor in body.items()
            }
        modules = {"rpn.head.conv.0.0": "rpn.head.conv"}
        for index in range(len(self.backbone.channels)):
            for theirs, ours in (("inner_blocks", "lateral"), ("layer_blocks", "output")):
                place = f"fpn.p{index + 2}.{ours}"
                modules |= {f"backbone.fpn.{theirs}.{index}{inner}": place for inner in ("", ".0")}
        named = {f"backbone.{name}": tensor for name, tensor in self.backbone.from_published(body).items()}
        named |= renamed(rest, modules)
        return fit_predictors(named, PREDICTORS, _published_rows(state), self.num_classes + 1)

    def report_published(self, state: Mapping[str, Tensor]) -> list[str]:
        """For a report: what becomes of its class predictors, and of its BatchNorms."""
        changes = report_predictors(_published_rows(state), self.num_classes + 1)
        return [*changes, "its BatchNorms are for an epsilon of 0"] if _is_for_no_epsilon(state) else changes

    def _second(self, features: dict[str, Tensor], proposals: list[Tensor]) -> RoIResponses:
        rows, columns = next(iter(features.values())).shape[-2:]
        padded = (rows * FINEST_STRIDE, columns * FINEST_STRIDE)  # from which torchvision takes the maps' strides
        pooled = self.roi_heads.box_roi_pool(features, proposals, [padded] * len(proposals))
        with network_pass(pooled.device):
            cls, box = self.roi_heads.box_predictor(self.roi_heads.box_head(pooled))
        return RoIResponses(proposals, in_float32(cls), in_float32(box))

    def _sampled(self, features: dict[str, Tensor], proposals: list[Tensor], targets: list[Target]) -> Learnt:
        """Responses and targets for a sample of each image's proposals; the objects' own boxes are among them."""
        chosen, _, labels, offsets = self.roi_heads.select_training_samples(proposals, targets)
        return self._second(features, chosen), labels, offsets

    def _assigned(self, rois: RoIResponses, targets: list[Target]) -> Learnt:
        """Responses and targets for all proposals, without sampling."""
        labels, matched = [], []
        for boxes, target in zip(rois.proposals, targets, strict=True):
            if len(boxes) and len(target["boxes"]):
                (index,), (label,) = self.roi_heads.assign_targets_to_proposals(
                    [boxes], [target["boxes"]], [target["labels"]]
                )
                labels.append(label)
                matched.append(target["boxes"][index])
            else:
                labels.append(torch.zeros(len(boxes), dtype=torch.long, device=boxes.device))
                matched.append(boxes)
        return rois, labels, list(self.roi_heads.box_coder.encode(matched, rois.proposals))

    def _decode(
        self, rois: RoIResponses, own_sizes: list[tuple[int, int]], sizes: list[tuple[int, int]]
    ) -> list[Detections]:
        detections = self.roi_heads.postprocess_detections(rois.cls, rois.box, rois.proposals, own_sizes)
        return [
            {"boxes": resize_boxes(boxes, own, size), "scores": scores, "labels": labels}
            for boxes, scores, labels, own, size in zip(*detections, own_sizes, sizes, strict=True)
        ]


class PyramidPooling(MultiScaleRoIAlign):
    """torchvision's RoIAlign of a pyramid, and the shape of its result where tensors have no memory.

    There it couldn't sort boxes by level. features (N, C, H_l, W_l) to (R, C, 7, 7).
    """

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        first = x[self.featmap_names[0]]
        if first.is_meta:
            return first.new_empty(sum(map(len, boxes)), first.shape[1], *self.output_size)
        pooled: Tensor = super().forward(x, boxes, image_shapes)
        return pooled


def _published_rows(state: Mapping[str, Tensor]) -> int:
    bias = state.get("roi_heads.box_predictor.cls_score.bias")
    return 0 if bias is None else bias.numel()


def _is_for_no_epsilon(state: Mapping[str, Tensor]) -> bool:
    """Whether they are torchvision's weights for COCO, whose BatchNorms are frozen and so count no batches.

    A network that was trained on other classes looks the same as one with an epsilon of 1e-5: its variances stay.
    """
    counts_batches = any(name.endswith(".num_batches_tracked") for name in state)
    return _published_rows(state) == COCO_ROWS and not counts_batches


def _second_stage(channels: int, hidden: int, num_classes: int, scale: InputScale) -> RoIHeads:
    return RoIHeads(
        PyramidPooling(["p2", "p3", "p4", "p5"], POOLED, sampling_ratio=2, canonical_scale=scale.pooled_from),
        BoxHead(channels * POOLED**2, hidden),
        BoxPredictor(hidden, num_classes + 1),
        fg_iou_thresh=MATCH_IOU,
        bg_iou_thresh=MATCH_IOU,
        batch_size_per_image=scale.samples,
        positive_fraction=POSITIVE_SHARE,
        bbox_reg_weights=None,
        score_thresh=SCORE_THRESHOLD,
        nms_thresh=NMS_IOU,
        detections_per_img=DETECTIONS,
    )


def _roi_losses(rois: RoIResponses, labels: list[Tensor], offsets: list[Tensor]) -> dict[str, Tensor]:
    """Cross-entropy as `cls`, smooth L1 of the matched proposals as `box`: scalars, 0 where there is no proposal."""
    if len(rois.cls) == 0:
        cls, box = rois.cls.sum(), rois.box.sum()
    else:
        cls, box = fastrcnn_loss(rois.cls, rois.box, labels, offsets)
    count = cls.new_full((), len(rois.cls))
    return {"cls": weighed(cls, count), "box": weighed(box, count)}
