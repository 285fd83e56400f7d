"""What a search stands on, read from the run where it was made before, else made: data, teachers, supernet."""

from dataclasses import dataclass
from pathlib import Path

from search.config import Config
from search.run_folder import RunFolder
from search.space_builder import build_space, student_spec
from search.splits import load_split, load_subset
from search.training_stage import SupernetState, teacher_pool, trained_supernet
from spaces.detectors import DetectorSpec
from spaces.space import SearchSpace
from trainers.data.decoded import Decoded
from trainers.progress import Progress
from trainers.scorer import Teacher


@dataclass(frozen=True)
class Prepared:
    """What stands before the first trial; `val` is the subset that candidates are scored on."""

    spec: DetectorSpec
    space: SearchSpace
    train: Decoded
    val: Decoded
    teachers: dict[str, Teacher]
    state: SupernetState


def prepare(config: Config, folder: RunFolder, data_root: Path | None, progress: Progress) -> Prepared:
    """Data, teachers and supernet: read where they were made before, made where they weren't."""
    with folder.timed("data"):
        train = load_split(config, folder, data_root, config.data.train)
        val = load_subset(config, folder, data_root)
    spec = student_spec(config, len(train.class_names))
    space = build_space(config, spec)
    teachers = teacher_pool(config, folder, train, val, progress)
    state = trained_supernet(config, folder, spec, space, teachers, train, progress)
    return Prepared(spec, space, train, val, teachers, state)
