"""Selects an image's detections from scored candidates: threshold, class-wise NMS, and the most per image."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor
from torchvision.ops import batched_nms, clip_boxes_to_image

from spaces.detectors.contract import Detections


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits that an image's detections pass, in this order; all are a detector's published numbers.

    before_nms: this many candidates of highest score stay, over all classes or, with `each_class`, per class.
    least_score: candidates stay if they score above it. nms_iou: if two candidates of one class overlap by more, the
    one of higher score stays. after_nms: the most detections per image. with_area: boxes without an area within the
    image are dropped, as those in a batch's padding are; images of one size have no padding.
    """

    least_score: float
    nms_iou: float
    before_nms: int
    after_nms: int
    each_class: bool = False
    with_area: bool = False

    def keeping(self, detections: int) -> "Limits":
        """The limits with `detections` after NMS; more detections get proportionally more candidates."""
        candidates = max(self.before_nms, self.before_nms * detections // self.after_nms)
        return replace(self, before_nms=candidates, after_nms=detections)


def select(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    own_sizes: Sequence[tuple[int, int]],
    sizes: list[tuple[int, int]],
    limits: Limits,
) -> list[Detections]:
    """The detections among the candidates of each image, by falling score.

    boxes (N, k, 4) xyxy in pixels of the images as the detector takes them, whose (height, width) are `own_sizes`;
    scores (N, k), labels (N, k) from 1 on; `sizes` (height, width) are those of the N images, in whose pixels the
    boxes, clipped, are given back.
    """
    boxes = _clipped(boxes, own_sizes)
    scales = boxes.new_tensor([(w / own[1], h / own[0]) * 2 for (h, w), own in zip(sizes, own_sizes, strict=True)])
    detections = []
    for image_boxes, image_scores, image_labels, scale in zip(boxes, scores, labels, scales, strict=True):
        high = image_scores > limits.least_score
        if limits.with_area:
            high &= (image_boxes[:, 2:] > image_boxes[:, :2]).all(1)
        candidates = image_boxes[high], image_scores[high], image_labels[high]
        best = batched_nms(*candidates, limits.nms_iou)[: limits.after_nms]
        box, score, label = (values[best] for values in candidates)
        detections.append({"boxes": box * scale, "scores": score, "labels": label})
    return detections


def _clipped(boxes: Tensor, own_sizes: Sequence[tuple[int, int]]) -> Tensor:
    """Each image's boxes within it; at once where all images have one size."""
    if len(set(own_sizes)) == 1:
        return clip_boxes_to_image(boxes, own_sizes[0])
    limits = boxes.new_tensor([(width, height) * 2 for height, width in own_sizes])
    return boxes.clamp(min=0).minimum(limits[:, None])
