"""Selects an image's detections from scored candidates: threshold, class-wise NMS, and the most per image."""

from dataclasses import dataclass, replace

from torch import Tensor
from torchvision.ops import batched_nms, clip_boxes_to_image

from spaces.detectors.contract import Detections


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits that an image's detections pass, in this order; all are a detector's published numbers.

    before_nms: this many candidates of highest score stay, over all classes or, with `each_class`, per class.
    least_score: candidates stay if they score above it. nms_iou: if two candidates of one class overlap by more, the
    one of higher score stays. after_nms: the most detections per image.
    """

    least_score: float
    nms_iou: float
    before_nms: int
    after_nms: int
    each_class: bool = False

    def keeping(self, detections: int) -> "Limits":
        """The limits with `detections` after NMS; more detections get proportionally more candidates."""
        candidates = max(self.before_nms, self.before_nms * detections // self.after_nms)
        return replace(self, before_nms=candidates, after_nms=detections)


def select(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    own_size: tuple[int, int],
    sizes: list[tuple[int, int]],
    limits: Limits,
) -> list[Detections]:
    """The detections among the candidates of each image, by falling score.

    boxes (N, k, 4) xyxy in pixels of the detector's own (height, width), scores (N, k), labels (N, k) from 1 on;
    `sizes` (height, width) are those of the N images, in whose pixels the boxes, clipped, are given back.
    """
    boxes = clip_boxes_to_image(boxes, own_size)
    scales = boxes.new_tensor([(w / own_size[1], h / own_size[0]) * 2 for h, w in sizes])
    detections = []
    for image_boxes, image_scores, image_labels, scale in zip(boxes, scores, labels, scales, strict=True):
        high = image_scores > limits.least_score
        candidates = image_boxes[high], image_scores[high], image_labels[high]
        best = batched_nms(*candidates, limits.nms_iou)[: limits.after_nms]
        box, score, label = (values[best] for values in candidates)
        detections.append({"boxes": box * scale, "scores": score, "labels": label})
    return detections
