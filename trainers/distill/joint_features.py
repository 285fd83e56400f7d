"""JDBNet's joint guidance by feature maps: several levels at once, whatever their magnitudes (IEEE TCSVT 34(1), 2024).

The paper is not public. Its abstract says that a real-valued teacher's implicit knowledge at multi-level layers
supervises the binary network; levels, normalisation and distance here are our reading of it.

The levels are those of `DetectorOutput.features`. For an SSD these are the backbone's stages themselves (after a
BatchNorm) and the extra levels; a detector with a feature pyramid network has the pyramid only, through which its
stages are guided. Responses, the last level, are compared by the terms in `joint_responses`.
"""

from collections.abc import Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.detectors import DetectorOutput
from trainers.distill.adapters import AdaptedMaps, Pairs, resized_like, shared_levels

LEAST_NORM = 1e-3
"""The lower bound of a norm: it keeps the gradient of a channel finite that is zero everywhere."""


def joint_loss(pairs: Pairs, masks: Mapping[str, Tensor] | None) -> Tensor:
    """Mean over levels of w_l MSE(u(A_l F^s_l), u(F^t_l)), a scalar: 0 for proportional maps.

    u divides each channel of each image, a map (H, W), by its L2 norm: maps of binary and of real layers differ in
    magnitude, which u takes out. w_l = H_l W_l, so that a level's value is the mean over images and channels of
    |u^s - u^t|^2 = 2 - 2 cos, in 0..4, and large maps don't weigh less. A level of a single cell is left out: u
    reduces it to a sign. With masks (N, H, W), places outside them are left out of |u^s - u^t|^2.
    """
    losses = []
    for level, (ours, theirs) in pairs.items():
        if ours[0, 0].numel() > 1:
            squares = (_normalised(ours) - _normalised(theirs)).square().mean(1)
            losses.append((squares if masks is None else squares * masks[level].flatten(1)).sum(1).mean())
    return torch.stack(losses).mean()


JointFeatures = partial(AdaptedMaps, joint_loss)
"""The term: `joint_loss` after 1x1 adapters A_l, one per level and teacher."""


class JointAttention(nn.Module):
    """`joint_loss` of attention maps, mean_c F_c^2 (N, 1, H, W): where a level is active, not in which channels.

    These maps and their normalisation are attention transfer's (arXiv:1612.03928, section 3.1). They have one channel
    on both sides, so no adapter is needed, and only the student is trained.
    """

    def __init__(self, student_channels: Mapping[str, int], teacher_channels: Mapping[str, Mapping[str, int]]) -> None:
        super().__init__()
        self._levels = {
            teacher: shared_levels(student_channels, teacher, channels)
            for teacher, channels in teacher_channels.items()
        }

    def forward(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar in 0..2, 0 for proportional attention; the teacher gets no gradient."""
        pairs = {}
        for level in self._levels[teacher_name]:
            ours = student.features[level]
            theirs = resized_like(teacher.features[level], ours)
            pairs[level] = (_attention(ours), _attention(theirs))
        return joint_loss(pairs, None)


def _normalised(maps: Tensor) -> Tensor:
    """(N, C, H, W) to (N, C, H * W), each channel of norm 1."""
    return F.normalize(maps.flatten(2), dim=2, eps=LEAST_NORM)


def _attention(maps: Tensor) -> Tensor:
    return maps.square().mean(1, keepdim=True)
