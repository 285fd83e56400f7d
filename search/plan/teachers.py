"""The pool of teachers as a run will need them: their shapes, what they start from, and those that are given."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from search.config.schema import TWIN, Student
from search.config.schema import Teacher as TeacherSection
from search.plan.detectors import teacher_spec
from search.plan.published import Start, load_published, teacher_start
from spaces.candidate import ALL_REAL
from spaces.detectors import DEFAULT_HEADS, DetectorSpec
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError
from trainers.detector_file import load_detector
from trainers.distill import TERMS
from trainers.teacher import Teacher


@dataclass(frozen=True)
class PlannedTeacher:
    """A teacher before its run has it.

    section: its part of the config. spec: its shape; for a given teacher that of its file. start: the published
    weights that its training starts from. given: a trained detector of the user's, on the CPU.
    """

    name: str
    section: TeacherSection
    spec: DetectorSpec
    start: Start | None = None
    given: Teacher | None = None

    @property
    def key(self) -> str:
        """The key of the config that names its file, see `file`."""
        return f"teachers.{self.name}.weights" if self.start is None else self.start.key

    @property
    def file(self) -> Path | None:
        """The user's file that it is, or that its training starts from."""
        if self.given is not None:
            return Path(str(self.section.weights))
        return None if self.start is None else self.start.file


def plan_teachers(
    sections: Mapping[str, TeacherSection],
    student: Student,
    spec: DetectorSpec,
    classes: tuple[str, ...],
    layer_teachers: Collection[str],
) -> dict[str, PlannedTeacher]:
    """The pool by name.

    spec, classes: the student's. layer_teachers: those that terms which compare layers name. Raises CheckpointError
    for a given detector that can't be its teacher: classes, size and shape must fit.
    """
    planned = {}
    for name, section in sections.items():
        wanted = teacher_spec(section, spec)
        if section.is_given:
            given = _load_given(name, section, wanted, classes)
            _check_shape(name, section, given, wanted, spec if name in layer_teachers else None)
            planned[name] = PlannedTeacher(name, section, given.spec, given=given)
        else:
            planned[name] = PlannedTeacher(name, section, wanted, teacher_start(name, section, student))
    return planned


def check_starts(teachers: Mapping[str, PlannedTeacher], student: DetectorSpec, start: Start | None) -> None:
    """Raise CheckpointError for published weights that hold too little of the network that is to start from them.

    start: the student's own, which may be others than its twin's.
    """
    for teacher in teachers.values():
        if teacher.start is not None:
            load_published(teacher.start, build_fixed(teacher.spec, ALL_REAL), teacher.spec)
    if start is not None and start != teachers[TWIN].start:
        load_published(start, build_fixed(student, ALL_REAL), student)


def teachers_of_layers(named: Iterable[tuple[str, str]]) -> set[str]:
    """The teachers, of pairs of a term and a teacher, whose units must be the student's in name and shape."""
    return {name for term, name in named if TERMS[term].compares_layers}


def _load_given(name: str, section: TeacherSection, wanted: DetectorSpec, classes: tuple[str, ...]) -> Teacher:
    path = Path(str(section.weights))
    try:
        found = load_detector(path)
    except CheckpointError as error:
        raise CheckpointError(f"teachers.{name}.weights: {error}") from error
    reason = None
    if found.classes != classes:
        reason = f"it knows the classes {', '.join(found.classes)}, but the data has {', '.join(classes)}"
    elif found.spec.image_size != wanted.image_size:
        reason = f"it was trained at {found.spec.image_size} pixels, but data.image_size is {wanted.image_size}"
    elif (found.spec.resize, found.spec.longest) != (wanted.resize, wanted.longest):
        reason = f"it was trained on images with {_resizing(found.spec)}, but the config has {_resizing(wanted)}"
    elif other := {method for method in found.candidate.layers().values() if method != "real"}:
        reason = f"it has layers that are {', '.join(sorted(other))}, and teachers are real-valued"
    if reason is not None:
        raise _misfit(name, path, reason)
    return Teacher(found.network, found.spec, found.candidate)


def _resizing(spec: DetectorSpec) -> str:
    longest = "" if spec.longest is None else f" and data.longest: {spec.longest}"
    return f"data.resize: {spec.resize}{longest}"


def _check_shape(
    name: str, section: TeacherSection, given: Teacher, wanted: DetectorSpec, student: DetectorSpec | None
) -> None:
    """Raise CheckpointError for a given detector of another shape than the config says, or than its terms need.

    student: where the teacher's layers are compared with it.
    """
    found, reason = given.spec, None
    if contradicted := _contradicted(section, found):
        reason = f"it is {contradicted}"
    elif name == TWIN and found != wanted:
        reason = f"it is {found}, but the twin must have the student's shape, {wanted}"
    elif student is not None and (found.detector, found.width) != (student.detector, student.width):
        reason = (
            f"it is a {found.detector} of width {found.width:g}, but it teaches a term that compares layers with the "
            f"student's, a {student.detector} of width {student.width:g}"
        )
    if reason is not None:
        raise _misfit(name, Path(str(section.weights)), reason)


def _contradicted(section: TeacherSection, found: DetectorSpec) -> str | None:
    """Where a teacher's file differs from the config's section, in words."""
    for key in ("detector", "width"):
        wanted = getattr(section, key)
        if wanted not in (None, getattr(found, key)):
            return f"one of {key} {getattr(found, key)}, but the config says {wanted}"
    if section.heads in (None, found.heads or DEFAULT_HEADS):
        return None
    actual = f"one of heads {found.heads}" if found.heads else f"a {found.detector}, which has one kind of heads"
    return f"{actual}, but the config says {section.heads}"


def _misfit(name: str, path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"teachers.{name}.weights: {path} can't be this teacher: {reason}. Give another file, or none."
    )
