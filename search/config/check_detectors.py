"""Checks of the student and its teachers: detectors, heads, weights, image size, and the members of the ensemble."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from search.config.names import known_names
from search.config.problems import Kind, Problem
from search.config.schema import TWIN, Data, Student, Teacher
from spaces.candidate import NO_TEACHER
from spaces.detectors import DETECTORS
from spaces.published.names import NAMES, published_model
from trainers.data.listing import is_file
from trainers.distill.ensemble import ENSEMBLE

RESERVED_TEACHERS = (NO_TEACHER, ENSEMBLE)
STUDENT_WEIGHTS = "a state dict that torch.save or safetensors wrote"
TEACHER_WEIGHTS = f"a detector that Bitfront trained, {STUDENT_WEIGHTS}"


def student_and_teachers(student: Student, teachers: Mapping[str, Teacher]) -> Iterator[Problem]:
    """Problems of `student` and of each teacher of the pool."""
    yield from known_names("student.detector", [student.detector], DETECTORS)
    yield from _heads("student", student.detector, student.heads)
    yield from _weights("student.weights", student.weights, student.detector, student.width, STUDENT_WEIGHTS)
    for name, teacher in teachers.items():
        yield from _twin(teacher, student) if name == TWIN else _teacher(name, teacher, student)


def image_size(data: Data, student: Student, teachers: Mapping[str, Teacher]) -> Iterator[Problem]:
    """All detectors of a run see images of one size, which each of them must take."""
    others = [one.detector for name, one in teachers.items() if name != TWIN]  # the twin has the student's
    detectors = [name for name in dict.fromkeys([student.detector, *others]) if name in DETECTORS]
    yield from _in_range("data.image_size", data.image_size, detectors)
    if data.resize != "shortest_edge":
        if data.longest is not None:
            text = f"is {data.longest}, but only data.resize: shortest_edge has a longest side; it is {data.resize}."
            yield Problem("data.longest", Kind.CONFLICT, text, data.longest)
        return
    squares = [name for name in detectors if not DETECTORS[name].any_shape]
    if squares:
        way_out = "Choose squash or letterbox, or a Faster R-CNN or GFL"
        text = f"is 'shortest_edge', but {', '.join(squares)} can only take squares. {way_out}."
        yield Problem("data.resize", Kind.CONFLICT, text, data.resize)
    elif data.longest is None:
        text = "is missing: data.resize: shortest_edge needs it, as in {image_size: 600, longest: 1000}."
        yield Problem("data.longest", Kind.CONFLICT, text, None)
    elif data.longest < data.image_size:
        text = f"is {data.longest}, but must be at least data.image_size, the shorter side: {data.image_size}."
        yield Problem("data.longest", Kind.CONFLICT, text, data.longest)
    else:
        yield from _in_range("data.longest", data.longest, detectors)


def _in_range(key: str, size: int, detectors: Sequence[str]) -> Iterator[Problem]:
    ranges = {name: DETECTORS[name].sizes for name in detectors}
    refused = [f"{name} takes {low} to {high}" for name, (low, high) in ranges.items() if not low <= size <= high]
    if refused:
        yield Problem(key, Kind.CONFLICT, f"is {size}, but {', '.join(refused)} pixels.", size)


def ensemble_members(members: Sequence[str], teachers: Collection[str], terms: Collection[str]) -> Iterator[Problem]:
    """Problems of `ensemble.members`. Without members it has all teachers; `terms` are those that it teaches."""
    key = "ensemble.members"
    yield from known_names(key, members, teachers)
    too_few = set(members) <= set(teachers) and len(members or teachers) < 2
    if too_few and terms:
        text = f"must be two or more where a term is taught by `{ENSEMBLE}`: add teachers."
        yield Problem(key, Kind.CONFLICT, text, list(members))


def _teacher(name: str, teacher: Teacher, student: Student) -> Iterator[Problem]:
    """Problems of one teacher, except those of values that it takes from the student: `student` reports them."""
    key = f"teachers.{name}"
    if name in RESERVED_TEACHERS:
        text = f"is a reserved name; a teacher may not be called {' or '.join(RESERVED_TEACHERS)}."
        yield Problem(key, Kind.NOT_ALLOWED, text, name)
    if teacher.detector is not None:
        yield from known_names(f"{key}.detector", [teacher.detector], DETECTORS)
    detector, heads = teacher.detector or student.detector, teacher.heads or student.heads
    if (detector, heads) != (student.detector, student.heads):
        yield from _heads(key, detector, heads)
    yield from _weights(f"{key}.weights", teacher.weights, detector, teacher.width or student.width, TEACHER_WEIGHTS)


def _twin(twin: Teacher, student: Student) -> Iterator[Problem]:
    key = f"teachers.{TWIN}"
    for part in ("detector", "width", "heads"):
        value = getattr(twin, part)
        if value is not None:
            reason = "the twin has the student's; leave it out, or give the teacher another name"
            yield Problem(f"{key}.{part}", Kind.CONFLICT, f"is {value!r}, but {reason}.", value)
    yield from _weights(f"{key}.weights", twin.weights, student.detector, student.width, TEACHER_WEIGHTS)


def _heads(key: str, detector: str, heads: str) -> Iterator[Problem]:
    allowed = DETECTORS[detector].heads if detector in DETECTORS else (heads,)
    if heads not in allowed:
        text = f"is {heads!r}, but {detector} can only have {' or '.join(map(repr, allowed))}."
        yield Problem(f"{key}.heads", Kind.CONFLICT, text, heads)


def _weights(key: str, path: str | None, detector: str, width: float, wanted: str) -> Iterator[Problem]:
    """`wanted` says what may be given instead: it differs between student and teachers."""
    if path in NAMES:
        if detector in DETECTORS and published_model(detector, path) is None:
            text = f"is {path!r}, but none are published for {detector}. Give {wanted}, or null."
            yield Problem(key, Kind.CONFLICT, text, path)
        elif width != 1:
            text = f"is {path!r}, but only a width of 1 has such weights; it is {width:g}. Give {wanted}, or null."
            yield Problem(key, Kind.CONFLICT, text, path)
    elif path is not None and not is_file(Path(path)):
        instead = f"{wanted}, {' or '.join(NAMES)}, or null to start from scratch"
        yield Problem(key, Kind.NO_FILE, f"is {path!r}, but there is no such file. Give {instead}.", path)
