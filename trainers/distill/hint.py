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
        self._place = {teacher: str(place) for place, teacher in enumerate(teacher_channels)}
        self.adapters = nn.ModuleDict()  # by the teacher's place: not every name may be called as a module
        for teacher, channels in teacher_channels.items():
            shared = [level for level in student_channels if level in channels]
            if not shared:
                raise ValueError(
                    f"The teacher {teacher!r} shares no pyramid level with the student: it has {', '.join(channels)}, "
                    f"the student {', '.join(student_channels)}."
                )
            adapters = {level: _adapter(student_channels[level], channels[level]) for level in shared}
            self.adapters[self._place[teacher]] = nn.ModuleDict(adapters)

    def of(self, teacher: str) -> nn.ModuleDict:
        """The adapters towards one teacher, by level."""
        return cast(nn.ModuleDict, self.adapters[self._place[teacher]])

    def forward(
        self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str, targets: list[Target]
    ) -> Tensor:
        """A scalar, 0 for equal maps behind identity adapters; the teacher gets no gradient. `targets` are unused."""
        losses = []
        for level, adapter in self.of(teacher_name).items():
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
