"""What the terms have in common that bring pyramid maps together place by place."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from spaces.detectors import DetectorOutput
from trainers.distill.adapters import LevelAdapters, Pairs

Places = Callable[[DetectorOutput, Pairs], dict[str, Tensor]]
"""From the student's output and both maps of each level to the places that count: by level (N, H, W) of 0 and 1."""


class MapsTerm(nn.Module):
    """A 1x1 adapter a level and teacher, and the places that count: all of them without `places`.

    Both channels go by level, the teachers' by name first. Raises ValueError for a teacher that shares no level.
    """

    def __init__(
        self,
        student_channels: Mapping[str, int],
        teacher_channels: Mapping[str, Mapping[str, int]],
        places: Places | None = None,
    ) -> None:
        super().__init__()
        self.adapters = LevelAdapters(student_channels, teacher_channels, kernel=1)
        self._places = places

    def compared(
        self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str
    ) -> tuple[Pairs, dict[str, Tensor] | None]:
        """Both maps (N, C, H, W) of each shared level, and by level which places count; None where all do."""
        pairs = self.adapters.pairs(student.features, teacher.features, teacher_name)
        return pairs, None if self._places is None else self._places(student, pairs)
