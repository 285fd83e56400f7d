"""Published weights that a config names as the start of a training, and what of them matched."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from search.config.schema import TWIN, Student
from search.config.schema import Teacher as TeacherSection
from spaces.classifier import PART
from spaces.detectors import DetectorSpec, build_detector
from spaces.layers import REAL
from spaces.published.bireal import from_bireal, is_bireal
from spaces.published.matching import FillReport, fill
from spaces.published.names import NAMES, download
from spaces.published.pretrained import TrainedBackbone, fill_one_bit, fill_pretrained
from spaces.published.reading import read_states
from spaces.published.weights import LoadReport
from spaces.published.words import first_names
from spaces.published.wrappers import PublishedState
from spaces.without_values import without_values
from trainers.checkpoint import CheckpointError
from trainers.classifier_file import load_classifier
from trainers.file_format import is_own_classifier, is_own_file


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


def load_published(start: Start, network: nn.Module, spec: DetectorSpec) -> str:
    """Copy published weights into the backbone of a network, or into all of it, and say what matched.

    spec: the network's shape; its layers may be of any methods. Raises CheckpointError for weights that hold too little
    of a network of this shape, or can't be had.
    """
    try:
        found = _content(start, spec.detector)
        if isinstance(found, TrainedBackbone):
            return _fill_backbone(start, network, found)
        with without_values():
            real = build_detector(spec, lambda _: (REAL,))
        report = fill(network, found, real)
    except ValueError as error:
        raise _misfit(start, spec, error) from error
    return in_words(report, Path(start.weights).name)


def load_backbone(start: Start, network: nn.Module, spec: DetectorSpec, found: TrainedBackbone) -> str:
    """As `load_published`, with the content of the file, `found`."""
    try:
        return _fill_backbone(start, network, found)
    except ValueError as error:
        raise _misfit(start, spec, error) from error


def load_one_bit(start: Start, supernet: nn.Module, spec: DetectorSpec) -> str | None:
    """Copy a 1-bit backbone into what 1-bit methods compute with in a supernet of weights by kind; say what was taken.

    None where `start` isn't a 1-bit backbone. Raises CheckpointError as `load_published` does.
    """
    try:
        found = _content(start, spec.detector)
        if not isinstance(found, TrainedBackbone):
            return None
        copied = fill_one_bit(supernet.get_submodule(PART), found)
    except ValueError as error:
        raise _misfit(start, spec, error) from error
    return f"1-bit methods took {len(copied)} tensors of the backbone from {Path(start.weights).name}"


def in_words(report: FillReport, source: str) -> str:
    """A report in one line; `source` is the name of the file, or of the weights."""
    loaded, missing, unused = (getattr(report.loaded, names) for names in ("loaded", "missing", "unused"))
    part = "detector" if report.whole else "backbone"
    text = f"{len(loaded)} of {len(loaded) + len(missing)} tensors of the {part} from {source}"
    clauses = [f"{text} (of the file: {report.tensors - len(unused)} of {report.tensors})"]
    clauses += report.rejected
    if report.is_ema or report.taken.keys:
        kind, under = "EMA weights" if report.is_ema else "weights", ".".join(report.taken.keys)
        clauses.append(f"the {kind} {f'under {under} ' if under else ''}were taken")
    if report.prefix:
        clauses.append(f"the prefix {report.prefix} was removed from its names")
    if missing:
        clauses.append(f"{len(missing)} of the {part} stay new: {first_names(missing)}")
    if unused:
        clauses.append(f"{len(unused)} of the file are left out: {first_names(unused)}")
    return "; ".join([*clauses, *report.loaded.changes])


def pretrained_in_words(report: LoadReport, found: TrainedBackbone, source: str) -> str:
    """What was taken of a trained backbone, in one line; `source` is the name of its file."""
    methods = ", ".join(sorted(set(found.methods.values()) - {REAL})) or REAL
    total = len(report.loaded) + len(report.own)
    clauses = [f"{len(report.loaded)} of {total} tensors of the backbone from {source} ({methods} layers)"]
    if report.own:
        clauses.append(f"{len(report.own)} follow from its weights or begin anew: {first_names(report.own)}")
    if report.unused:
        clauses.append(f"{len(report.unused)} of the file are left out: {first_names(report.unused)}")
    return "; ".join(clauses)


def _fill_backbone(start: Start, network: nn.Module, found: TrainedBackbone) -> str:
    return pretrained_in_words(fill_pretrained(network.get_submodule(PART), found), found, Path(start.weights).name)


def _misfit(start: Start, spec: DetectorSpec, error: ValueError) -> CheckpointError:
    return CheckpointError(f"{start.key} is {start.weights}, for {spec.detector}: {error}")


def _content(start: Start, detector: str) -> TrainedBackbone | list[PublishedState]:
    """A backbone that was trained with 1-bit layers, or the state dicts that a start may mean.

    Raises ValueError if there are none, or a file can't be read.
    """
    if start.file is None:
        return [PublishedState(download(detector, start.weights))]
    if is_own_classifier(start.file):
        return load_classifier(start.file).backbone
    if is_own_file(start.file):
        raise ValueError(
            "it is a detector that Bitfront trained, which needs no start. Name it in teachers.<name>.weights, and in "
            "teachers.twin.weights to start the student from it."
        )
    states = read_states(start.file)
    state = next((one for one in states if is_bireal([*one.tensors, *one.defects])), None)
    if state is None:
        return states
    if state.defects:
        raise ValueError(f"{next(iter(state.defects.values()))}. Give other weights.")
    return from_bireal(state.tensors)
