"""The first stage of Faster R-CNN: where objects may be (arXiv:1506.01497, section 3)."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RegionProposalNetwork, concat_box_prediction_layers

from spaces.detectors.contract import Assignment, Responses, Target
from spaces.detectors.fpn import start_even
from spaces.layers import MethodsFor, SearchableUnit, UnitShape
from spaces.layers.opened import ActivatedConv2d
from spaces.whole_batch import weighed

LEVELS = 5
ASPECT_RATIOS = (0.5, 1.0, 2.0)
"""Height over width of each cell's anchors."""
NMS_IOU, OBJECT_IOU, BACKGROUND_IOU = 0.7, 0.7, 0.3
ANCHOR_SAMPLES, POSITIVE_SHARE = 256, 0.5
"""Anchors per image in the loss, and the largest share of positive ones."""


@dataclass(frozen=True)
class InputScale:
    """Sizes and counts that depend on the input size.

    finest_anchor: side of p2's anchors in pixels, doubled from level to level. pooled_from: side in pixels of the boxes
    that are pooled from p4. proposals: per image in evaluation, and in costs. training_proposals: per image, before
    sampling. samples: proposals per image in the loss.
    """

    finest_anchor: int
    pooled_from: int
    proposals: int
    training_proposals: int
    samples: int

    def kept(self) -> dict[str, int]:
        """Proposals per image in torchvision's two modes; later changes to the dict take effect."""
        return {"training": self.training_proposals, "testing": self.proposals}


SMALL = InputScale(finest_anchor=16, pooled_from=112, proposals=300, training_proposals=600, samples=128)
FULL = InputScale(finest_anchor=32, pooled_from=224, proposals=1000, training_proposals=2000, samples=512)
"""The published one (arXiv:1612.03144, section 5; torchvision), for inputs of about 800 pixels."""
LARGEST_SMALL = 320


def scale_of(image_size: int) -> InputScale:
    """Up to 320 pixels objects are half as large, and fewer: anchors of half the size and 300 proposals."""
    return SMALL if image_size <= LARGEST_SMALL else FULL


class RPNHead(nn.Module):
    """A 3x3 unit and two 1x1 convolutions behind a ReLU, the same on all levels.

    maps (N, C, H, W) per level to lists of objectness (N, A, H, W) and offsets (N, A*4, H, W). The unit has no
    BatchNorm in any precision: its levels differ in their statistics.
    """

    def __init__(self, channels: int, anchors: int, methods_for: MethodsFor, prefix: str = "") -> None:
        super().__init__()
        shape = UnitShape(channels, channels, 3, activation="none", norm="never")
        unit = SearchableUnit(shape, methods_for(f"{prefix}conv"), "free_if_binary", bias=True)
        self.conv = start_even(unit)
        self.cls_logits = _predictor(channels, anchors)
        self.bbox_pred = _predictor(channels, anchors * 4)

    def forward(self, maps: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        outputs = [(self.cls_logits(x), self.bbox_pred(x)) for x in map(self.conv, maps)]
        return [cls for cls, _ in outputs], [box for _, box in outputs]


def build_rpn(
    channels: int, scale: InputScale, proposals: dict[str, int], methods_for: MethodsFor, prefix: str = ""
) -> RegionProposalNetwork:
    """torchvision's anchors, matching, sampling and NMS round our head, whose unit is `<prefix>head.conv`.

    proposals: per level before NMS and per image after it, see `InputScale.kept`.
    """
    sizes = tuple((scale.finest_anchor * 2**level,) for level in range(LEVELS))
    anchors = AnchorGenerator(sizes, (ASPECT_RATIOS,) * LEVELS)
    return RegionProposalNetwork(
        anchors,
        RPNHead(channels, anchors.num_anchors_per_location()[0], methods_for, f"{prefix}head."),
        fg_iou_thresh=OBJECT_IOU,
        bg_iou_thresh=BACKGROUND_IOU,
        batch_size_per_image=ANCHOR_SAMPLES,
        positive_fraction=POSITIVE_SHARE,
        pre_nms_top_n=proposals,
        post_nms_top_n=proposals,
        nms_thresh=NMS_IOU,
    )


def respond(rpn: RegionProposalNetwork, images: Tensor, features: dict[str, Tensor]) -> Responses:
    """The dense responses of the first stage: objectness and offsets from the anchors."""
    maps = list(features.values())
    cls, box = rpn.head(maps)
    anchors = rpn.anchor_generator(ImageList(images, [_size(images)]), maps)[0]  # the same for all images
    return Responses(cls, box, anchors, activation="sigmoid", background=None)


@torch.no_grad()
def propose(rpn: RegionProposalNetwork, images: ImageList, responses: Responses) -> list[Tensor]:
    """The best boxes of each image, (R_i, 4) xyxy in pixels of the detector's own input, by falling objectness."""
    count = len(images.image_sizes)
    logits, offsets = concat_box_prediction_layers(responses.cls, responses.box)
    boxes = rpn.box_coder.decode(offsets, [responses.anchors] * count).view(count, -1, 4)
    per_level = [x[0].numel() for x in responses.cls]
    return cast(list[Tensor], rpn.filter_proposals(boxes, logits, images.image_sizes, per_level)[0])


def rpn_losses(rpn: RegionProposalNetwork, responses: Responses, targets: list[Target]) -> dict[str, Tensor]:
    """Binary cross-entropy of a sample of anchors as `rpn_cls`, smooth L1 of its positive ones as `rpn_box`.

    The sample is drawn from torch's own generator. Scalars, both with a gradient path where no image has an object.
    """
    wanted = assign(rpn, responses.anchors, targets)
    logits, offsets = concat_box_prediction_layers(responses.cls, responses.box)
    cls, box = rpn.compute_loss(logits, offsets, list(wanted.labels.float()), list(wanted.box))
    sampled = _sampled_count(rpn, wanted.labels)
    return {"rpn_cls": weighed(cls, sampled), "rpn_box": weighed(box, sampled)}


def assign(rpn: RegionProposalNetwork, anchors: Tensor, targets: list[Target]) -> Assignment:
    """Which of the anchors (M, 4) must find an object, 1, and the offsets that they must regress."""
    labels, matched = rpn.assign_targets_to_anchors([anchors] * len(targets), targets)
    offsets = rpn.box_coder.encode(matched, [anchors] * len(targets))
    return Assignment(torch.stack(labels).long(), torch.stack(offsets))


def _sampled_count(rpn: RegionProposalNetwork, labels: Tensor) -> Tensor:
    """How many anchors torchvision's sampler takes by these labels (N, M): both losses are means over them."""
    positive = (labels >= 1).sum(1).clamp(max=int(ANCHOR_SAMPLES * POSITIVE_SHARE))
    return (positive + torch.minimum((labels == 0).sum(1), ANCHOR_SAMPLES - positive)).sum()


def _size(images: Tensor) -> tuple[int, int]:
    return images.shape[-2], images.shape[-1]


def _predictor(in_channels: int, out_channels: int) -> ActivatedConv2d:
    """A 1x1 convolution that starts near even objectness and the anchors themselves."""
    conv = ActivatedConv2d(in_channels, out_channels, 1)
    nn.init.normal_(conv.weight, std=0.01)
    nn.init.zeros_(cast(Tensor, conv.bias))
    return conv
