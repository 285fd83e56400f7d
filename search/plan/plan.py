"""The plan of a run: everything that follows from a config, built once and checked before anything is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from search.config import Config, TrainingConfig
from search.config.schema import TWIN
from search.controller.objectives import axes
from search.plan.budgets import check_budgets
from search.plan.checks import check_batch_sizes, check_device, check_scoring_data
from search.plan.detectors import fixed_candidate, student_spec
from search.plan.initial_candidates import enqueued_candidates, initial_candidates, uniform_candidates
from search.plan.published import Start, student_start
from search.plan.sources import check_image_sets, class_names, settled
from search.plan.space import build_space, layer_choices
from search.plan.teachers import PlannedTeacher, check_starts, plan_teachers, teachers_of_layers
from search.plan.teaching import asked_of_teachers, check_ensemble, check_layers, check_teaching
from spaces.candidate import NO_TEACHER, Candidate
from spaces.cost_table import CostTable
from spaces.detectors import DetectorSpec
from spaces.space import SearchSpace
from trainers.distill.ensemble import Ensemble


@dataclass(frozen=True)
class Plan:
    """What searches and single trainings have in common.

    config: with absolute paths. classes: the names of labels 1..C. student: the detector that is searched or trained.
    start: the published weights of the student. teachers: the pool by name. needed: those that this run uses. terms:
    by distillation term the teachers that may teach it. trained: the sections, besides the teachers', that train
    something, by their keys.
    """

    config: Config
    classes: tuple[str, ...]
    student: DetectorSpec
    start: Start | None
    teachers: dict[str, PlannedTeacher]
    needed: frozenset[str]
    terms: dict[str, tuple[str, ...]]
    ensemble: Ensemble
    trained: dict[str, TrainingConfig]

    def check_images(self, images: int | None) -> None:
        """Raise ConfigError for a batch larger than the data; None where the number of images isn't known yet."""
        pool = {f"teachers.{name}": one.section for name, one in self.teachers.items() if one.given is None}
        check_batch_sizes({**pool, **self.trained}, self.config.data.train, images)


@dataclass(frozen=True)
class SearchPlan:
    """The plan of a search, or of a retraining in one.

    choices: the methods by layer or prefix. uniform: the candidates of one method, by their names in the picture of
    the front. initial: what is scored first. axes: the cost and the accuracy of the front. inputs: the user's files of
    weights, by key of the config.
    """

    base: Plan
    choices: dict[str, tuple[str, ...]]
    space: SearchSpace
    cost_table: CostTable
    uniform: dict[str, Candidate]
    initial: list[Candidate]
    axes: tuple[str, str]
    inputs: dict[str, Path]


@dataclass(frozen=True)
class TrainPlan:
    """The plan of one training without a search: `candidate` is what it trains. inputs: as of a SearchPlan."""

    base: Plan
    candidate: Candidate
    inputs: dict[str, Path]


def plan_search(config: Config, data_root: Path | None) -> SearchPlan:
    """The plan of a search, with every check that needs no decoded image.

    `data_root` replaces the config's. Raises ConfigError, DataError or CheckpointError for whatever is wrong.
    """
    config = settled(config, data_root)
    check_scoring_data(config.data)
    images = check_image_sets(config.data)
    plan = _search_plan(config)
    plan.base.check_images(images)
    check_ensemble(config.ensemble, config.space.terms, config.train.terms)
    check_budgets(config.search.constraints, plan.cost_table)
    _check_start(plan.base)
    return plan


def plan_retraining(config: Config, data_root: Path | None) -> SearchPlan:
    """The plan of a search that was begun, whose weights and teachers were checked then."""
    config = settled(config, data_root)
    check_scoring_data(config.data)
    return _search_plan(config)


def plan_training(config: Config, data_root: Path | None) -> TrainPlan:
    """The plan of the training that `config.train` names, checked as `plan_search` does."""
    config = settled(config, data_root)
    images, train = check_image_sets(config.data), config.train
    terms = {name: (term.teacher,) for name, term in train.terms.items()}
    needed = [TWIN] if train.start == TWIN else []
    base = _plan(config, terms, needed, {"train": train})
    base.check_images(images)
    candidate = fixed_candidate(train, base.student)
    check_layers(base.student, candidate)
    _check_start(base)
    inputs = _inputs({name: base.teachers[name] for name in base.needed})
    if train.start == "scratch" and base.start is not None and base.start.file is not None:
        inputs[base.start.key] = base.start.file
    return TrainPlan(base, candidate, inputs)


def _search_plan(config: Config) -> SearchPlan:
    search, section = config.search, config.space
    terms = {name: tuple(term.teachers) for name, term in section.terms.items()}
    base = _plan(config, terms, [TWIN], {"supernet": config.supernet, "retrain": config.retrain})
    choices = layer_choices(section, base.student)
    space = build_space(choices, section.terms)
    uniform = uniform_candidates(section.layers.methods, space)
    return SearchPlan(
        base=base,
        choices=choices,
        space=space,
        cost_table=CostTable.of(base.student, space),
        uniform=uniform,
        initial=initial_candidates(uniform, enqueued_candidates(search.enqueue, space), space, search.trials),
        axes=axes(search.objectives),
        inputs=_inputs(base.teachers),
    )


def _plan(
    config: Config, terms: dict[str, tuple[str, ...]], needed: Iterable[str], trained: dict[str, TrainingConfig]
) -> Plan:
    """needed: the teachers that are used whatever the terms say."""
    classes = class_names(config.data)
    student = student_spec(config.student, config.data.image_size, len(classes))
    named = {name: list(term.teachers) for name, term in config.space.terms.items()}
    for name, taught in config.train.terms.items():
        named.setdefault(name, []).append(taught.teacher)
    ensemble = Ensemble(config.ensemble.members or tuple(config.teachers), config.ensemble.mode)
    taught_by = {one for names in terms.values() for name in names for one in ensemble.behind(name)}
    return Plan(
        config=config,
        classes=classes,
        student=student,
        start=student_start(config.student),
        teachers=plan_teachers(config.teachers, config.student, student, classes, teachers_of_layers(named)),
        needed=frozenset(taught_by - {NO_TEACHER}).union(needed),
        terms=terms,
        ensemble=ensemble,
        trained=trained,
    )


def _check_start(plan: Plan) -> None:
    """Whether this machine, the published weights and the teachers can do what the config asks."""
    config, specs = plan.config, {name: teacher.spec for name, teacher in plan.teachers.items()}
    check_device(config.device)
    check_starts(plan.teachers, plan.student, plan.start)
    asked = asked_of_teachers(config.space, config.train, plan.student, fixed_candidate(config.train, plan.student))
    check_teaching(asked, plan.student, specs, plan.ensemble)


def _inputs(teachers: Mapping[str, PlannedTeacher]) -> dict[str, Path]:
    """The user's files that teachers are, or start from, by key of the config."""
    files: dict[str, Path] = {}
    for name, teacher in teachers.items():
        if teacher.file is not None:
            files[teacher.start.key if teacher.start is not None else f"teachers.{name}.weights"] = teacher.file
    return files
