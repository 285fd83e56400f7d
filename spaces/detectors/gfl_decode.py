"""From GFL's scores and edge distributions to detections: threshold, decode, class-wise NMS."""

from torch import Tensor
from torchvision.ops import batched_nms, clip_boxes_to_image

from spaces.detectors.contract import Detections
from spaces.detectors.edge_distributions import boxes_at, expected_distances
from spaces.detectors.limits import Limits

SCORE_THRESHOLD = 0.05
NMS_IOU = 0.6
USUAL = Limits(before_nms=1000, after_nms=100)


def decode_batch(
    scores: Tensor,
    edges: Tensor,
    anchors: Tensor,
    own_size: tuple[int, int],
    sizes: list[tuple[int, int]],
    limits: Limits = USUAL,
) -> list[Detections]:
    """The best detections of each image, by falling score, after class-wise NMS.

    scores (N, M, K) logits of the final scores, edges (N, M, 4, n) logits, anchors (M, 4) in pixels of the detector's
    own (height, width); `sizes` (height, width) are those of the N images, in whose pixels the boxes are given back.
    Scores that are no number are left out.
    """
    classes = scores.shape[-1]
    best, index = scores.sigmoid().nan_to_num(0.0).flatten(1).topk(min(limits.before_nms, scores[0].numel()), dim=1)
    anchor, labels = index // classes, index % classes + 1
    chosen = edges.gather(1, anchor[..., None, None].expand(-1, -1, *edges.shape[2:]))
    boxes = clip_boxes_to_image(boxes_at(anchors[anchor], expected_distances(chosen)), own_size)
    scales = boxes.new_tensor([(w / own_size[1], h / own_size[0]) * 2 for h, w in sizes])
    found = []
    for one, score, label, scale in zip(boxes, best, labels, scales, strict=True):
        sure = score > SCORE_THRESHOLD
        kept = one[sure], score[sure], label[sure]
        keep = batched_nms(*kept, NMS_IOU)[: limits.after_nms]
        found.append({"boxes": kept[0][keep] * scale, "scores": kept[1][keep], "labels": kept[2][keep]})
    return found
