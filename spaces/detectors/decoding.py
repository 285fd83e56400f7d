"""Boxes of what any detector's anchors say, without a knowledge of the detector."""

from torch import Tensor
from torchvision.models.detection._utils import BoxCoder

from spaces.detectors import ssd_loss
from spaces.detectors.contract import Responses
from spaces.detectors.edge_distributions import boxes_at, expected_distances

_first_stage_coder = BoxCoder((1.0, 1.0, 1.0, 1.0))


def decoded(responses: Responses, anchors: Tensor, said: Tensor) -> Tensor:
    """Boxes (P, 4) xyxy of P of the responses' anchors (P, 4).

    said: as in `Responses.box`, offsets (P, 4) or the logits (P, 4, bins) of edges' distributions; these may be
    distances (P, 4) too. Offsets of SSD are scaled by its variances, those of a first stage are not.
    """
    if responses.bins is not None:
        return boxes_at(anchors, expected_distances(said) if said.ndim == 3 else said)
    coder = _first_stage_coder if responses.background is None else ssd_loss.box_coder
    return coder.decode_single(said, anchors)
