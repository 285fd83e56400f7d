"""From a config's sections to what the networks of a run are: the student, its teachers, a fixed candidate."""

from functools import cache

from search.config.schema import Data, Student, Train
from search.config.schema import Teacher as TeacherSection
from spaces.candidate import Candidate, Taught
from spaces.detectors import DetectorSpec, build_detector, searchable_units
from spaces.without_values import without_values


def student_spec(student: Student, data: Data, num_classes: int) -> DetectorSpec:
    """The detector that is searched or trained, for images as `data` resizes them."""
    return DetectorSpec(
        detector=student.detector,
        num_classes=num_classes,
        image_size=data.image_size,
        width=student.width,
        heads=student.heads,
        resize=data.resize,
        longest=data.longest,
    )


def teacher_spec(teacher: TeacherSection, student: DetectorSpec) -> DetectorSpec:
    """A teacher of the pool: a key that its section leaves null takes the student's value."""
    return DetectorSpec(
        detector=teacher.detector or student.detector,
        num_classes=student.num_classes,
        image_size=student.image_size,
        width=teacher.width or student.width,
        heads=teacher.heads or student.heads,
        resize=student.resize,
        longest=student.longest,
    )


@cache
def layer_roots(spec: DetectorSpec) -> tuple[str, ...]:
    """The outermost modules that hold searchable units: together they name every unit."""
    with without_values():
        units = searchable_units(build_detector(spec, lambda _: ("real",)))
    return tuple(dict.fromkeys(unit.partition(".")[0] for unit in units))


def fixed_candidate(train: Train, student: DetectorSpec) -> Candidate:
    """The candidate that a `train` section names."""
    layers = train.layers
    if isinstance(layers, str):
        layers = dict.fromkeys(layer_roots(student), layers)
    return Candidate.of(layers, {name: Taught(term.teacher, term.weight) for name, term in train.terms.items()})
