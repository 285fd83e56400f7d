"""From scored candidates to an image's detections: threshold, class-wise NMS, and how many are kept."""

from dataclasses import dataclass, replace

from torch import Tensor
from torchvision.ops import batched_nms, clip_boxes_to_image

from spaces.detectors.contract import Detections


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an image's detections must pass, all of it a detector's published numbers.

    before_nms: the candidates of best score, over all classes or of `each_class`. Those of them go on that score above
    `least_score`; of two of one class that overlap by more than `nms_iou` the better; of these the best `after_nms`.
    """

    least_score: float
    nms_iou: float
    before_nms: int
    after_nms: int
    each_class: bool = False

    def keeping(self, detections: int) -> "Limits":
        """So many after NMS, and where these are more as many candidates for each of them as before."""
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
    found = []
    for one, score, label, scale in zip(boxes, scores, labels, scales, strict=True):
        sure = score > limits.least_score
        kept = one[sure], score[sure], label[sure]
        keep = batched_nms(*kept, limits.nms_iou)[: limits.after_nms]
        found.append({"boxes": kept[0][keep] * scale, "scores": kept[1][keep], "labels": kept[2][keep]})
    return found
