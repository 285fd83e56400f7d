"""Feature hints: the student's pyramid maps are drawn towards the teacher's (FitNets, arXiv:1412.6550, section 2.2)."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.detectors import DetectorOutput, Target
from trainers.distill.adapters import LevelAdapters, resized_like


class FeatureHint(nn.Module):
    """Mean over levels of mean((A_l F^s_l - F^t_l)^2), with a 1x1 adapter A_l a level and teacher.

    Teacher maps of another size are resized (bilinear). SSD's pyramid maps stand behind a BatchNorm, so that the loss
    is of one size whatever the precision of the layers before; a feature pyramid network's do where they are 1-bit.
    """

    def __init__(self, student_channels: Mapping[str, int], teacher_channels: Mapping[str, Mapping[str, int]]) -> None:
        super().__init__()
        self.adapters = LevelAdapters(student_channels, teacher_channels, kernel=1)

    def of(self, teacher: str) -> nn.ModuleDict:
        """The adapters towards one teacher, by level."""
        return self.adapters.of(teacher)

    def forward(
        self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str, targets: list[Target]
    ) -> Tensor:
        """A scalar, 0 for equal maps behind identity adapters; the teacher gets no gradient. `targets` are unused."""
        losses = []
        for level, adapter in self.of(teacher_name).items():
            ours = adapter(student.features[level])
            losses.append(F.mse_loss(ours, resized_like(teacher.features[level], ours)))
        return torch.stack(losses).mean()
