"""Convolutions that bring the student's pyramid maps to a teacher's channels; trained with it, dropped from results."""

from collections.abc import Callable, Mapping
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from spaces.detectors import DetectorOutput

Pairs = Mapping[str, tuple[Tensor, Tensor]]
"""By pyramid level the student's map and the teacher's, which has no gradient."""
Places = Callable[[DetectorOutput, Pairs], dict[str, Tensor]]
"""From the student's output and both maps of each level to the places that count, by level: (N, H, W) of 0 and 1."""

Distance = Callable[[Pairs, Mapping[str, Tensor] | None], Tensor]
"""From both maps of each level, and the places that count by level (None: all), to a scalar."""


class LevelAdapters(nn.Module):
    """One convolution without a bias per pyramid level and teacher.

    Levels are matched by name; levels that only one side has are left out. An adapter starts as the identity if the
    numbers of channels agree. `places` chooses where maps are compared; without it, everywhere. Raises ValueError for a
    teacher that shares no level with the student.
    """

    def __init__(
        self,
        student_channels: Mapping[str, int],
        teacher_channels: Mapping[str, Mapping[str, int]],
        *,
        kernel: int,
        places: Places | None = None,
    ) -> None:
        super().__init__()
        self._places = places
        self._index = {teacher: str(index) for index, teacher in enumerate(teacher_channels)}
        for teacher, channels in teacher_channels.items():
            shared = shared_levels(student_channels, teacher, channels)
            adapters = {level: _adapter(student_channels[level], channels[level], kernel) for level in shared}
            # by the teacher's index: not every name is allowed for a module
            self.add_module(self._index[teacher], nn.ModuleDict(adapters))

    def of(self, teacher: str) -> nn.ModuleDict:
        """The adapters towards one teacher, by level."""
        return cast(nn.ModuleDict, self.get_submodule(self._index[teacher]))

    def compared(
        self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str
    ) -> tuple[Pairs, dict[str, Tensor] | None]:
        """Both maps (N, C, H, W) of each shared level, in the teacher's channels and the student's size, and by level
        the places that count; None if all do."""
        adapted = {level: adapter(student.features[level]) for level, adapter in self.of(teacher_name).items()}
        pairs = {level: (x, resized_like(teacher.features[level], x)) for level, x in adapted.items()}
        return pairs, None if self._places is None else self._places(student, pairs)


class AdaptedMaps(nn.Module):
    """A term of pyramid maps: a `distance` between the student's adapted maps and the teacher's, 1x1 adapters.

    With `places` only these count.
    """

    def __init__(
        self,
        distance: Distance,
        student_channels: Mapping[str, int],
        teacher_channels: Mapping[str, Mapping[str, int]],
        places: Places | None = None,
    ) -> None:
        super().__init__()
        self._distance = distance
        self.adapters = LevelAdapters(student_channels, teacher_channels, kernel=1, places=places)

    def forward(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar; the teacher gets no gradient."""
        return self._distance(*self.adapters.compared(student, teacher, teacher_name))


def shared_levels(student_channels: Mapping[str, int], teacher: str, channels: Mapping[str, int]) -> list[str]:
    """The student's levels that the teacher has too. Raises ValueError if there are none."""
    shared = [level for level in student_channels if level in channels]
    if not shared:
        raise ValueError(
            f"The teacher {teacher!r} shares no pyramid level with the student: it has {', '.join(channels)}, "
            f"the student {', '.join(student_channels)}."
        )
    return shared


def resized_like(theirs: Tensor, ours: Tensor) -> Tensor:
    """A teacher's map (N, C, H, W), without its gradient, in the size of the student's (bilinear)."""
    if theirs.shape[-2:] == ours.shape[-2:]:
        return theirs.detach()
    return F.interpolate(theirs.detach(), ours.shape[-2:], mode="bilinear", align_corners=False)


def _adapter(in_channels: int, out_channels: int, kernel: int) -> nn.Conv2d:
    adapter = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False)
    if in_channels == out_channels:
        nn.init.dirac_(adapter.weight)
    return adapter
