"""Checks a whole plan before anything is trained, as far as that is possible without reading images."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from search.comparison.arms import Arm, Plan
from search.config import Config, ConfigError, changed_keys, load_config
from search.errors import RunError
from search.plan.detectors import student_spec
from search.plan.plan import TrainPlan, plan_training
from search.plan.sources import class_names
from search.run.folder import RunFolder, check_run_folder
from search.stages.candidate_training import CandidateTraining, plan_training_of
from search.stages.detector_result import check_result
from spaces.candidate import Candidate
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError
from trainers.data.errors import DataError
from trainers.detector_file import save_detector
from trainers.seeding import seeded_torch

USERS_MISTAKES = (ConfigError, RunError, CheckpointError, DataError)
RUNS = Path("runs")


def check_plan(plan: Plan, seeds: Sequence[int], overrides: Sequence[str], data: str | None, place: Path) -> None:
    """Raise ConfigError unless each arm's and teacher's config is right and fits its run folder, for every seed.

    The message has the first mistake of each comparison, or the first of a teacher. For teachers that aren't trained
    yet, untrained ones are written to `place`, a temporary folder that the caller deletes. `overrides` come before the
    arms' own. Not checked are the images themselves, the memory that they take (`data.memory_limit_mb`), whether a run
    is in use, and what it was begun with apart from its config.
    """
    for seed in seeds:
        check = SeedCheck(plan, seed, (*plan.overrides, *overrides), data, place.resolve())
        if mistakes := list(check.mistakes()):
            count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "a mistake"
            raise ConfigError(f"The plan has {count}; nothing was trained.\n  " + "\n  ".join(mistakes))


class SeedCheck:
    """Checks a plan in its order for one seed; remembers the teachers' files and each run folder's config."""

    def __init__(self, plan: Plan, seed: int, overrides: Sequence[str], data: str | None, place: Path) -> None:
        self._plan, self._seed, self._place = plan, seed, place
        self._base = [f"seed={seed}", *overrides]
        self._data = Path(data) if data else None
        self._files: dict[str, Path] = {}  # by teacher; untrained stand-ins for those that aren't trained yet
        self._trained: dict[str, str] = {}  # by stand-in, the file that the teacher will have
        self._first: dict[str, tuple[str, Config]] = {}  # by run folder, whose it is, and its config

    def mistakes(self) -> Iterator[str]:
        """The first mistake of each comparison; after one of a teacher, which the arms may need, no other."""
        for name, teacher in self._plan.teachers.items():
            try:
                self._files[name] = self._file_of(self._checked(teacher), teacher)
            except USERS_MISTAKES as error:
                yield self._line(teacher, error)
                return
        wrong: set[str] = set()
        for arm in self._plan.arms:
            if arm.comparison not in wrong:
                try:
                    self._checked(arm)
                except USERS_MISTAKES as error:
                    wrong.add(arm.comparison)
                    yield self._line(arm, error)

    def _line(self, arm: Arm, error: ValueError) -> str:
        text = str(error)
        for stand_in, file in self._trained.items():
            text = text.replace(stand_in, file)
        return f"{arm.label}: {text}"

    def _checked(self, arm: Arm) -> TrainPlan:
        """The plan of the arm's training, after the checks that this training makes before it begins."""
        config = load_config(self._plan.config, [*self._base, *arm.with_files(self._files)])
        planned = plan_training(config, self._data)
        self._check_folder(arm, _with_files(planned.base.config, self._trained))
        training = self._training(arm, planned)
        if training.finished:
            check_result(training.place)
        return planned

    def _run(self, arm: Arm) -> RunFolder:
        return RunFolder((RUNS / f"{arm.folder}_seed{self._seed}").resolve())

    def _check_folder(self, arm: Arm, config: Config) -> None:
        """Raise ConfigError if the arm's folder is that of another config, in `runs/` or earlier in the plan."""
        run = self._run(arm)
        if arm.folder not in self._first and run.begun and run.config.is_file():
            self._first[arm.folder] = ("what was trained there", load_config(run.config))
        whose, first = self._first.setdefault(arm.folder, (arm.label, config))
        if changed := changed_keys(first, config):
            changes = "; ".join(f"{key} is {there!r} there, {here!r} here" for key, (there, here) in changed.items())
            raise ConfigError(
                f"{run.path} is the folder of {whose}, with another config: {changes}. Make them agree, give this one "
                "a folder of its own, or move what was trained there away."
            )
        check_run_folder(run.path, config, command="train")

    def _training(self, arm: Arm, planned: TrainPlan) -> CandidateTraining:
        """The training of the arm, whether it is finished or not."""
        return plan_training_of(planned, self._run(arm))

    def _file_of(self, planned: TrainPlan, teacher: Arm) -> Path:
        """The teacher's file, or an untrained stand-in with the teacher's name."""
        file = self._training(teacher, planned).place / "detector.safetensors"
        if file.is_file():
            return file
        stand_in = self._place / f"{teacher.folder}.safetensors"
        if not stand_in.is_file():
            save_untrained(stand_in, planned.base.config, planned.candidate)
        self._trained[str(stand_in)] = str(file)
        return stand_in


def save_untrained(file: Path, config: Config, candidate: Candidate) -> None:
    """Write the student with a candidate's layers, untrained. The config's files must have absolute paths."""
    classes = class_names(config.data)
    spec = student_spec(config.student, config.data, len(classes))
    with seeded_torch(config.seed):
        save_detector(file, build_fixed(spec, candidate), spec, candidate, classes)


def _with_files(config: Config, files: Mapping[str, str]) -> Config:
    """The config with other files for the teachers' weights."""
    pool = {
        name: one.model_copy(update={"weights": files.get(str(one.weights), one.weights)})
        for name, one in config.teachers.items()
    }
    return config.model_copy(update={"teachers": pool})
