"""Feature hints: the student's pyramid maps are drawn towards the teacher's (FitNets, arXiv:1412.6550, section 2.2)."""

from collections.abc import Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.whole_batch import divisor
from trainers.distill.adapters import AdaptedMaps, Pairs


def hint_loss(pairs: Pairs, masks: Mapping[str, Tensor] | None) -> Tensor:
    """Mean over levels of mean((A_l F^s_l - F^t_l)^2), a scalar: 0 for equal maps.

    SSD's pyramid maps follow a BatchNorm, so the loss has the same magnitude for every precision of the layers before;
    a feature pyramid network's do if they are 1-bit. With masks (N, H, W) a level's mean is taken over these places
    only; it is 0 if there are none.
    """
    if masks is None:
        return torch.stack([F.mse_loss(ours, theirs) for ours, theirs in pairs.values()]).mean()
    losses = []
    for level, (ours, theirs) in pairs.items():
        squares = (ours - theirs).square().mean(1)
        losses.append((masks[level] * squares).sum() / divisor(masks[level].sum()))
    return torch.stack(losses).mean()


FeatureHint = partial(AdaptedMaps, hint_loss)
"""The term: `hint_loss` behind 1x1 adapters A_l, one per level and teacher; teacher maps of another size are resized
(bilinear)."""
