"""The supernet that a search's scores inherit from, trained once and kept in the run."""

from dataclasses import dataclass

from torch import Tensor

from search.config.schema import TWIN, Supernet
from search.plan.plan import SearchPlan
from search.plan.published import load_one_bit
from search.run.digests import reading, writing
from search.run.folder import RunFolder
from search.stages.settings import train_settings
from search.stages.teachers import distiller_for
from search.stages.training import SupernetTraining, run_training
from spaces.supernet import build_supernet, inherit_shared
from spaces.without_values import without_values
from trainers.checkpoint import CheckpointError, load_weights, save_weights
from trainers.data.decoded import Decoded
from trainers.devices import pick_device
from trainers.distill.searched_losses import SearchedLosses
from trainers.progress import Progress
from trainers.seeding import seeded, seeded_torch
from trainers.teacher import Teacher
from trainers.training.draws import Draws
from trainers.training.inputs_first import unfinished_files
from trainers.training.loop import Task
from trainers.training.paths import Paths


@dataclass(frozen=True)
class SupernetState:
    """The supernet's and its distillation adapters' tensors, by name."""

    supernet: dict[str, Tensor]
    distiller: dict[str, Tensor]


def trained_supernet(
    plan: SearchPlan, run: RunFolder, teachers: dict[str, Teacher], train: Decoded, progress: Progress
) -> SupernetState:
    """The supernet, started from the twin's weights: loaded where it was made before, else trained and kept.

    1-bit methods with weights of their own start from a 1-bit backbone where `student.weights` is one.

    Raises RunError where the file isn't the one that the run made.
    """
    if not run.supernet.is_file():
        with run.timed("supernet"):
            _train_and_save(plan, run, teachers, train, progress)
    with reading(run, run.supernet):
        state, _ = load_weights(run.supernet)
        found = SupernetState(_part(state, "supernet."), _part(state, "distiller."))
        _check_shapes(found.supernet, plan)
    for path in unfinished_files(run.training_state("supernet")):
        path.unlink(missing_ok=True)
    return found


def _train_and_save(
    plan: SearchPlan, run: RunFolder, teachers: dict[str, Teacher], train: Decoded, progress: Progress
) -> None:
    config, base = plan.base.config, plan.base
    device = pick_device(config.device)
    with seeded_torch(seeded(config.seed, "supernet")):
        supernet = build_supernet(base.student, plan.choices, config.supernet.weights).to(device)
        inherit_shared(supernet, teachers[TWIN].network.state_dict())
        own = base.one_bit_start
        if own is not None and (taken := load_one_bit(own, supernet, base.student)) is not None:
            progress.note(f"supernet: {taken}")
        distiller = distiller_for(base, supernet, teachers).to(device)
    section = config.supernet
    draws = Draws(plan.space, plan.cost_table.costs, by_cost=section.sampling == "log_cost")
    searched = SearchedLosses(supernet, teachers[TWIN].network, section.search_losses)
    task = Task(
        stage="supernet",
        seed=seeded(config.seed, "supernet", "data"),
        described_as=_described(section),
        resume_from=run.training_state("supernet"),
    )
    paths = Paths(supernet, distiller, draws, searched)
    job = SupernetTraining(paths, section.rule, train_settings(section), section.inputs_first_epochs)
    run_training(config, job, train, task, progress)
    tensors = {f"supernet.{name}": tensor for name, tensor in supernet.state_dict().items()}
    tensors |= {f"distiller.{name}": tensor for name, tensor in distiller.state_dict().items()}
    with writing(run, run.supernet):
        save_weights(run.supernet, tensors, {"kind": "supernet"})


def _described(section: Supernet) -> dict[str, object]:
    """What an unfinished training is recognised by, beside its settings: what differs from the defaults.

    So a training that an older version began, which had no such keys, goes on.
    """
    keys = ("rule", "sampling", "weights", "inputs_first_epochs")
    return {key: getattr(section, key) for key in keys if getattr(section, key) != getattr(Supernet(), key)}


def _check_shapes(found: dict[str, Tensor], plan: SearchPlan) -> None:
    with without_values():
        weights = plan.base.config.supernet.weights
        expected = build_supernet(plan.base.student, plan.choices, weights).state_dict()
    if {name: one.shape for name, one in found.items()} != {name: one.shape for name, one in expected.items()}:
        raise CheckpointError("The file holds other tensors than this config's supernet.")


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
