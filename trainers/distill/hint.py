"""Feature hints: the student's pyramid maps are drawn towards the teacher's (FitNets, arXiv:1412.6550, section 2.2)."""

from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.detectors import DetectorOutput, Target


class FeatureHint(nn.Module):
    """Mean over levels of mean((A_l F^s_l - F^t_l)^2), with a 1x1 adapter A_l a level and teacher.

    Levels go by name; those that only one side has are left out. An adapter starts as the identity where the channels
    agree. Teacher maps of another size are resized (bilinear). The pyramid maps stand behind a BatchNorm, so that the
    loss is of one size whatever the precision of the layers before.
    """

    def __init__(self, student_channels: Mapping[str, int], teacher_channels: Mapping[str, Mapping[str, int]]) -> None:
        super().__init__()
        self.adapters = nn.ModuleDict()
        for teacher, channels in teacher_channels.items():
            shared = [level for level in student_channels if level in channels]
            if not shared:
                raise ValueError(
                    f"The teacher {teacher!r} shares no pyramid level with the student: it has {', '.join(channels)}, "
                    f"the student {', '.join(student_channels)}."
                )
            self.adapters[teacher] = nn.ModuleDict({lv: _adapter(student_channels[lv], channels[lv]) for lv in shared})

    def forward(
        self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str, targets: list[Target]
    ) -> Tensor:
        """A scalar, 0 for equal maps behind identity adapters; the teacher gets no gradient. `targets` are unused."""
        losses = []
        for level, adapter in cast(nn.ModuleDict, self.adapters[teacher_name]).items():
            theirs = teacher.features[level].detach()
            ours = adapter(student.features[level])
            if theirs.shape[-2:] != ours.shape[-2:]:
                theirs = F.interpolate(theirs, ours.shape[-2:], mode="bilinear", align_corners=False)
            losses.append(F.mse_loss(ours, theirs))
        return torch.stack(losses).mean()


def _adapter(in_channels: int, out_channels: int) -> nn.Conv2d:
    adapter = nn.Conv2d(in_channels, out_channels, 1, bias=False)
    if in_channels == out_channels:
        nn.init.dirac_(adapter.weight)
    return adapter
