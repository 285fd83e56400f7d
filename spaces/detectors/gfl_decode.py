"""From GFL's scores and edge distributions to detections."""

from collections.abc import Sequence

from torch import Tensor

from spaces.detectors.contract import Detections
from spaces.detectors.edge_distributions import boxes_at, expected_distances
from spaces.detectors.selection import Limits, select

USUAL = Limits(least_score=0.05, nms_iou=0.6, before_nms=1000, after_nms=100)


def decode_batch(
    scores: Tensor,
    edges: Tensor,
    anchors: Tensor,
    own_sizes: Sequence[tuple[int, int]],
    sizes: list[tuple[int, int]],
    limits: Limits = USUAL,
) -> list[Detections]:
    """The best detections of each image, by falling score, after class-wise NMS; own_sizes, sizes: see `select`.

    scores (N, M, K) logits of the final scores, edges (N, M, 4, n) logits, anchors (M, 4) in pixels of the detector's
    input. Scores that are no number are left out.
    """
    classes = scores.shape[-1]
    best, index = scores.sigmoid().nan_to_num(0.0).flatten(1).topk(min(limits.before_nms, scores[0].numel()), dim=1)
    anchor, labels = index // classes, index % classes + 1
    chosen = edges.gather(1, anchor[..., None, None].expand(-1, -1, *edges.shape[2:]))
    return select(boxes_at(anchors[anchor], expected_distances(chosen)), best, labels, own_sizes, sizes, limits)
