"""Published weights that a config names as the start of a training, and what of them matched."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from search.config.schema import TWIN, Student
from search.config.schema import Teacher as TeacherSection
from spaces.published.names import NAMES, download
from spaces.published.weights import load_pretrained, published_part, read_state
from trainers.checkpoint import CheckpointError


@dataclass(frozen=True)
class Start:
    """Published weights: the key of the config that names them, and a file or one of `NAMES`."""

    key: str
    weights: str

    @property
    def file(self) -> Path | None:
        """The user's file; None for weights that go by a name."""
        return None if self.weights in NAMES else Path(self.weights)


def student_start(student: Student) -> Start | None:
    """What the student starts from where it is trained without its twin."""
    return None if student.weights is None else Start("student.weights", student.weights)


def teacher_start(name: str, teacher: TeacherSection, student: Student) -> Start | None:
    """What the training of a teacher starts from. The twin takes the student's weights unless it has its own."""
    if teacher.weights is not None and not teacher.is_given:
        return Start(f"teachers.{name}.weights", teacher.weights)
    return student_start(student) if name == TWIN else None


def load_published(start: Start, network: nn.Module, detector: str) -> str:
    """Copy published weights into the backbone of a network, or into all of it, and say what matched.

    detector: the name of the network in the table of detectors. Raises CheckpointError for weights that hold nothing
    of this network, or can't be had.
    """
    try:
        state = download(detector, start.weights) if start.file is None else read_state(start.file)
        part = published_part(network, state)
        report = load_pretrained(part, state)
    except ValueError as error:
        raise CheckpointError(f"{start.key} is {start.weights}, for {detector}: {error}") from error
    missing = f"; {len(report.missing)} stay new, {report.missing[0]} among them" if report.missing else ""
    unused = f"; it has {len(report.unused)} more, such as {report.unused[0]}" if report.unused else ""
    whole = "detector" if part is network else "backbone"
    changes = "".join(f"; {clause}" for clause in report.changes)
    return f"{len(report.loaded)} tensors of the {whole} from {Path(start.weights).name}{missing}{unused}{changes}"
