"""The plan of a run: everything that follows from a config, built once and checked before anything is written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from search.config import Config, TrainingConfig
from search.config.schema import SCRATCH, TWIN
from search.controller.objectives import axes
from search.plan.budgets import check_budgets, check_sizes
from search.plan.checks import check_batch_sizes, check_device, check_parts, check_precisions, check_scoring_data
from search.plan.detectors import fixed_candidate, student_spec
from search.plan.initial_candidates import enqueued_candidates, initial_candidates, uniform_candidates
from search.plan.latency import cost_table, latency_table
from search.plan.published import Start, student_start
from search.plan.samplers import check_sampler
from search.plan.sources import Listed, check_image_sets, class_names, number_to_train_on, settled
from search.plan.space import Choices, build_space, layer_choices
from search.plan.teachers import PlannedTeacher, check_starts, plan_teachers, teachers_of_layers
from search.plan.teaching import asked_of_teachers, check_ensemble, check_layers, check_teaching
from search.plan.trained_start import FileStart, trained_start
from spaces.candidate import NO_TEACHER, Candidate
from spaces.cost_table import CostTable
from spaces.detectors import DetectorSpec
from spaces.latency import LatencyTable
from spaces.space import SearchSpace
from trainers.distill.ensemble import Ensemble

Terms = dict[str, tuple[str, ...]]
"""By distillation term the teachers that may teach it."""


@dataclass(frozen=True)
class Plan:
    """What searches and single trainings have in common.

    config: with absolute paths. listed: the images of all image sets, where the plan looked for them; listing them once
    more takes seconds where there are many. classes: the names of labels 1..C. student: the detector that is searched
    or trained.
    start: the published weights of the student. teachers: the pool by name. needed: those that this run uses. terms:
    by distillation term the teachers that may teach it. trained: the sections, besides the teachers', that train
    something, by their keys. inputs: the user's files of weights that this run stands on, by key of the config: of a
    search those of all teachers, and the student's where its supernet has weights by kind; of a training those that it
    uses.
    """

    config: Config
    listed: Listed | None
    classes: tuple[str, ...]
    student: DetectorSpec
    start: Start | None
    teachers: dict[str, PlannedTeacher]
    needed: frozenset[str]
    terms: Terms
    ensemble: Ensemble
    trained: dict[str, TrainingConfig]
    inputs: dict[str, Path]

    @property
    def one_bit_start(self) -> Start | None:
        """What 1-bit methods start from in a supernet where they have weights of their own, beside the twin."""
        return self.start if self.config.supernet.weights == "by_kind" else None

    @property
    def inputs_from_scratch(self) -> dict[str, Path]:
        """The inputs of a run of which candidates are trained from scratch: the student's own file is read then."""
        return {**self.inputs, **_file_of(self.start)}

    def check_images(self, images: int | None) -> None:
        """Raise ConfigError for a batch larger than the data; None where the number of images isn't known yet."""
        check_batch_sizes(self._sections(), self.config.data.train, images)

    def check_device(self, *, begun: bool = False) -> None:
        """Raise ConfigError where this machine lacks the device, or the device a precision. begun: as `plan_search`."""
        check_device(self.config.device)
        sections = {"retrain": self.config.retrain} if begun else self._sections()
        check_precisions(sections, self.config.device)
        check_parts(sections, self.config.training.workers)

    def _sections(self) -> dict[str, TrainingConfig]:
        """Those that train something, by their keys."""
        pool = {f"teachers.{name}": one.section for name, one in self.teachers.items() if one.given is None}
        return {**pool, **self.trained}


@dataclass(frozen=True)
class SearchPlan:
    """The plan of a search, or of a retraining in one.

    choices: the methods by layer or prefix. latency: the times that the cost table has, if any. uniform: the
    candidates of one method, by their names in the picture of the front. initial: what is scored first. axes: the cost
    and the accuracy of the front.
    """

    base: Plan
    choices: Choices
    space: SearchSpace
    cost_table: CostTable
    latency: LatencyTable | None
    uniform: dict[str, Candidate]
    initial: list[Candidate]
    axes: tuple[str, str]


@dataclass(frozen=True)
class TrainPlan:
    """The plan of one training without a search; `candidate` is what it trains.

    start: the trained detector or backbone that it starts from, if the config names one.
    """

    base: Plan
    candidate: Candidate
    start: FileStart | None = None


def plan_search(
    config: Config, data_root: Path | None, *, begun: bool = False, run_dir: Path | None = None
) -> SearchPlan:
    """The plan of a search, with every check that needs no decoded image.

    data_root: instead of the config's. begun: for a retraining in a run whose weights and teachers were checked when it
    began. run_dir: the run's folder, where it is known. Raises ConfigError, DataError, CheckpointError or RunError for
    whatever is wrong.
    """
    config = settled(config, data_root)
    check_scoring_data(config.data)
    listed = None if begun else check_image_sets(config.data)
    search, section = config.search, config.space
    terms = {name: tuple(term.teachers) for name, term in section.terms.items()}
    base = _plan(config, listed, terms, {TWIN}, {"supernet": config.supernet, "retrain": config.retrain})
    if not begun:
        base.check_images(number_to_train_on(config.data, listed))
    choices = layer_choices(section, base.student)
    space = build_space(choices, section.terms)
    uniform = uniform_candidates(section.layers.methods, space)
    initial = initial_candidates(uniform, enqueued_candidates(search.enqueue, space), space, search.trials)
    base.check_device(begun=begun)
    if not begun:
        check_ensemble(config.ensemble, section.terms, config.train.terms)
        _check_teachers(base, lambda: choices, fixed_candidate(config.train, base.student))
    latency = latency_table(config.search.latency_table, run_dir)
    table = cost_table(base.student, space, latency)
    if not begun:
        check_sizes(search.objectives, search.constraints, table)
        check_budgets(search.constraints, table)
        check_sampler(search, space, table)
    return SearchPlan(
        base=replace(base, inputs=_inputs(base.teachers, base.one_bit_start)),
        choices=choices,
        space=space,
        cost_table=table,
        latency=latency,
        uniform=uniform,
        initial=initial,
        axes=axes(search.objectives),
    )


def plan_training(config: Config, data_root: Path | None) -> TrainPlan:
    """The plan of the training that `config.train` names, checked as `plan_search` does."""
    config = settled(config, data_root)
    listed, train = check_image_sets(config.data), config.train
    terms: Terms = {name: (term.teacher,) for name, term in train.terms.items()}
    needed: set[str] = {TWIN} if train.start == TWIN else set()
    base = _plan(config, listed, terms, needed, {"train": train})
    base.check_images(number_to_train_on(config.data, listed))
    candidate = fixed_candidate(train, base.student)
    check_layers(base.student, candidate)
    base.check_device()
    _check_teachers(base, lambda: layer_choices(config.space, base.student), candidate)
    used = {name: teacher for name, teacher in base.teachers.items() if name in base.needed}
    published = base.start if train.start == SCRATCH else None
    start = trained_start(train, base.student, base.classes, candidate)
    return TrainPlan(replace(base, inputs=_inputs(used, published)), candidate, start)


def _plan(
    config: Config, listed: Listed | None, terms: Terms, needed: set[str], trained: dict[str, TrainingConfig]
) -> Plan:
    """All but the inputs. needed: the teachers that are used whatever the terms say."""
    classes = class_names(config.data)
    student = student_spec(config.student, config.data, len(classes))
    ensemble = Ensemble(config.ensemble.members or tuple(config.teachers), config.ensemble.mode)
    named = [(term, name) for term, one in config.space.terms.items() for name in one.teachers]
    named += [(term, one.teacher) for term, one in config.train.terms.items()]
    teachers = plan_teachers(config.teachers, config.student, student, classes, teachers_of_layers(named))
    taught_by = {one for names in terms.values() for name in names for one in ensemble.behind(name)}
    return Plan(
        config=config,
        listed=listed,
        classes=classes,
        student=student,
        start=student_start(config.student),
        teachers=teachers,
        needed=frozenset((taught_by - {NO_TEACHER}) | needed),
        terms=terms,
        ensemble=ensemble,
        trained=trained,
        inputs={},
    )


def _check_teachers(plan: Plan, choices: Callable[[], Choices], fixed: Candidate) -> None:
    """Whether the published weights and the teachers can do what the config asks.

    choices, fixed: as for `asked_of_teachers`.
    """
    config, specs = plan.config, {name: teacher.spec for name, teacher in plan.teachers.items()}
    check_starts(plan.teachers, plan.student, plan.start)
    asked = asked_of_teachers(config.space, config.train, plan.student, choices, fixed)
    check_teaching(asked, plan.student, specs, plan.ensemble)


def _inputs(teachers: Mapping[str, PlannedTeacher], start: Start | None) -> dict[str, Path]:
    """The user's files that these teachers are or start from, and `start`'s, by key of the config."""
    files = {one.key: one.file for one in teachers.values() if one.file is not None}
    return {**files, **_file_of(start)}


def _file_of(start: Start | None) -> dict[str, Path]:
    """The user's file that a start is, by its key; nothing where there is none."""
    return {} if start is None or start.file is None else {start.key: start.file}
