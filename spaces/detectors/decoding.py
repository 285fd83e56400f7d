"""Decodes any detector's responses to boxes."""

from torch import Tensor

from spaces.detectors import box_coding
from spaces.detectors.contract import Responses
from spaces.detectors.edge_distributions import boxes_at, expected_distances


def decoded(responses: Responses, anchors: Tensor, box: Tensor) -> Tensor:
    """Boxes (P, 4) xyxy of P of the responses' anchors (P, 4).

    box: as in `Responses.box`, offsets (P, 4) or the logits (P, 4, bins) of edges' distributions; in place of
    distributions also distances (P, 4).
    """
    if responses.bins is not None:
        return boxes_at(anchors, expected_distances(box) if box.ndim == 3 else box)
    return box_coding.decode(box, anchors, responses.box_scales)
