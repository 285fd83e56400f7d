"""The plan of `bitfront pretrain`: a backbone's layers, its pictures by class and its teacher, checked beforehand."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from search.config import Config, ConfigError
from search.config.pretrain import Pretrain
from search.plan.checks import check_batch_sizes, check_device, check_parts, check_precisions
from search.plan.detectors import student_spec
from search.plan.sources import settled
from spaces.candidate import Candidate
from spaces.classifier import PART, build_classifier
from spaces.detectors import DetectorSpec
from spaces.layers import REAL
from spaces.without_values import without_values
from trainers.checkpoint import CheckpointError
from trainers.classifier_file import ClassifierFile, load_classifier
from trainers.data.classes.folder import LAYOUT, Labelled, find_pictures
from trainers.data.classes.pictures import Pictures
from trainers.data.errors import DataError
from trainers.data.listing import is_file
from trainers.data.shapes.scene import SHAPE_CLASSES
from trainers.whole_files import digest_of


@dataclass(frozen=True)
class GivenTeacher:
    """The user's classifier that teaches: its file, the file's sha256, and what is in it."""

    file: Path
    sha256: str
    found: ClassifierFile


@dataclass(frozen=True)
class PretrainPlan:
    """What a pretraining trains, and on which pictures.

    spec: a detector with the backbone. root: the pictures' folder; None for the run's own, in which they are generated.
    found: the pictures of `train` and `val` as they were listed; None for those that are generated. given: the teacher,
    where it is a file.
    """

    config: Config
    section: Pretrain
    spec: DetectorSpec
    candidate: Candidate
    root: Path | None
    classes: tuple[str, ...]
    found: tuple[Labelled, Labelled] | None
    given: GivenTeacher | None

    @property
    def image_size(self) -> int:
        """The pixels of a side of what the classifier sees."""
        return self.section.image_size or self.config.data.image_size

    @property
    def generated(self) -> bool:
        """Whether the pictures are made by the run."""
        return self.section.data.format == "shapes"

    def pictures(self, root: Path) -> tuple[Pictures, Pictures]:
        """Those to train and to measure on. root: their folder. Raises DataError."""
        found = self.found or _found(self.section, root)
        size, scale, workers = self.image_size, self.section.crop_scale, self.section.data.loader_workers
        train, val = (Pictures(one, size, scale, workers) for one in found)
        return train, val


def plan_pretraining(config: Config, data_root: Path | None) -> PretrainPlan:
    """The plan of the pretraining that `config.pretrain` names, with every check that reads no picture.

    data_root: the folder of the pictures, instead of the config's. Raises ConfigError, DataError or CheckpointError for
    whatever is wrong.
    """
    root = _root(config.pretrain, data_root)
    config = _settled(config, root)
    section, spec = config.pretrain, student_spec(config.student, config.data, num_classes=1)
    trainings = section.trainings()
    check_device(config.device)
    check_precisions(trainings, config.device)
    check_parts(trainings, config.training.workers)
    layers = {PART: section.layers} if isinstance(section.layers, str) else section.layers
    candidate = Candidate.of(layers, {})
    try:
        with without_values():
            build_classifier(spec, candidate, 1)
    except ValueError as error:
        raise ConfigError(f"pretrain.layers: {error}") from error
    found = None if section.data.format == "shapes" else _found(section, _existing(root))
    if found is None:
        classes, images = tuple(sorted(SHAPE_CLASSES)), section.data.shapes.train
    else:
        classes, images = found[0].classes, len(found[0].files)
    check_batch_sizes(trainings, section.data.train, images)
    weights = None if section.teacher is None else section.teacher.weights
    given = None if weights is None else _given(Path(weights), classes)
    return PretrainPlan(config, section, spec, candidate, root, classes, found, given)


def _settled(config: Config, root: Path | None) -> Config:
    """The config with absolute places for all files, and the folder of the pictures in it."""
    data = config.pretrain.data.model_copy(update={"root": None if root is None else str(root)})
    section = config.pretrain.model_copy(update={"data": data})
    return settled(config.model_copy(update={"pretrain": section}), None, data_needed=False)


def _found(section: Pretrain, root: Path) -> tuple[Labelled, Labelled]:
    train = find_pictures(root, section.data.train)
    return train, find_pictures(root, section.data.val, train.classes)


def _root(section: Pretrain, data_root: Path | None) -> Path | None:
    if section.data.format == "shapes" and data_root is not None:
        raise ConfigError(
            "--data was given, but pretrain.data.format is shapes, whose pictures are generated. Leave it out, or set "
            "pretrain.data.format=folder."
        )
    named = data_root or section.data.root
    return None if named is None else Path(named).expanduser().resolve()


def _existing(root: Path | None) -> Path:
    if root is None:
        where = "Name the folder that holds the sets: --data, or pretrain.data.root in the config"
        raise DataError("the pictures", "no folder was named", f"{where}. {LAYOUT}")
    return root


def _given(file: Path, classes: tuple[str, ...]) -> GivenTeacher:
    """Raises ConfigError where there is no such file, and CheckpointError for one that can't teach these classes."""
    key = "pretrain.teacher.weights"
    if not is_file(file):
        way_out = "Give a classifier of `bitfront pretrain`, or null."
        raise ConfigError(f"{key}: is {str(file)!r}, but there is no such file. {way_out}")
    try:
        found = load_classifier(file)
    except CheckpointError as error:
        raise CheckpointError(f"{key}: {error}") from error
    reason = None
    if found.classes != classes:
        reason = f"it knows the classes {_some(found.classes)}, but the pictures have {_some(classes)}"
    elif other := _not_real(found.candidate.layers()):
        reason = f"it has layers that are {', '.join(other)}, and a teacher is real-valued"
    if reason is not None:
        raise CheckpointError(f"{key}: {file} can't be the teacher: {reason}. Give another file, or none.")
    return GivenTeacher(file, digest_of(file), found)


def _not_real(layers: Mapping[str, str]) -> list[str]:
    return sorted({method for method in layers.values() if method != REAL})


def _some(classes: tuple[str, ...]) -> str:
    more = f" and {len(classes) - 5} more" if len(classes) > 5 else ""
    return f"{', '.join(classes[:5])}{more}"
