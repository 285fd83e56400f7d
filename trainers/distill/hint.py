"""Feature hints: the student's pyramid maps are drawn towards the teacher's (FitNets, arXiv:1412.6550, section 2.2)."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.detectors import DetectorOutput
from trainers.distill.adapters import LevelAdapters, Places


class FeatureHint(nn.Module):
    """Mean over levels of mean((A_l F^s_l - F^t_l)^2), with a 1x1 adapter A_l a level and teacher.

    Teacher maps of another size are resized (bilinear). SSD's pyramid maps stand behind a BatchNorm, so that the loss
    is of one size whatever the precision of the layers before; a feature pyramid network's do where they are 1-bit.
    With `places` the mean of a level is taken over these alone; it is 0 where there is none.
    """

    def __init__(
        self,
        student_channels: Mapping[str, int],
        teacher_channels: Mapping[str, Mapping[str, int]],
        places: Places | None = None,
    ) -> None:
        super().__init__()
        self.adapters = LevelAdapters(student_channels, teacher_channels, kernel=1, places=places)

    def forward(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar, 0 for equal maps behind identity adapters; the teacher gets no gradient."""
        pairs, masks = self.adapters.compared(student, teacher, teacher_name)
        if masks is None:
            return torch.stack([F.mse_loss(ours, theirs) for ours, theirs in pairs.values()]).mean()
        losses = []
        for level, (ours, theirs) in pairs.items():
            apart = (ours - theirs).square().mean(1)
            losses.append((masks[level] * apart).sum() / masks[level].sum().clamp(min=1))
        return torch.stack(losses).mean()
