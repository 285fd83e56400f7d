"""Training one candidate as a network of its own, whichever command asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Literal

from torch import nn

from results import layout
from search.config import Config
from search.config.schema import TWIN, Retrain, Train
from search.plan.plan import Plan, TrainPlan
from search.plan.published import load_published
from search.plan.trained_start import FileStart
from search.run.folder import RunFolder, read_json
from search.stages.settings import train_settings
from search.stages.training import DetectorTraining, run_training
from spaces.candidate import Candidate
from spaces.supernet import build_fixed, inherit_shared
from trainers.data.decoded import Decoded
from trainers.distill import Distiller
from trainers.progress import Progress
from trainers.seeding import seeded, seeded_torch
from trainers.teacher import Teacher
from trainers.training.detector import Distillation
from trainers.training.inputs_first import unfinished_files
from trainers.training.loop import Task
from trainers.training.validation import Validated

Command = Literal["train", "retrain"]
Start = Literal["supernet", "twin", "scratch", "file"]
"""The weights that a candidate is trained from. Scratch: published ones where the config has any, else random ones.
File: a trained detector's, which the training's settings know by its sha256."""

RETRAIN_STARTS: tuple[Start, ...] = ("supernet", "twin", "scratch")
"""Those of a candidate in its run, as `--start` names them."""


@dataclass(frozen=True)
class CandidateTraining:
    """One training of a candidate in a run.

    section: how long and how fast. settings: what its unfinished state is recognised by. place: the folder of its
    result. state: the file of its unfinished state.
    """

    command: Command
    candidate: Candidate
    section: Retrain | Train
    settings: Mapping[str, object]
    place: Path
    state: Path
    seed: int
    start: Start

    @property
    def result_settings(self) -> dict[str, object]:
        """What its result is recognised by: its settings with its seed and start."""
        return result_settings(self.settings, self.seed, self.start)

    @property
    def stage(self) -> str:
        """Its name in progress, after the place of its result."""
        return f"{self.command} {self.place.name}"

    @property
    def finished(self) -> bool:
        """Whether its result is there."""
        return (self.place / layout.RESULT_FIGURES).is_file()

    def forget_state(self) -> None:
        """Remove what an unfinished training would have gone on from, once its result is there."""
        for path in unfinished_files(self.state):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class TrainedCandidate:
    """A candidate's network after its training, and what validations found, if there were any."""

    network: nn.Module
    validated: Validated | None


def plan_training_of(plan: TrainPlan, run: RunFolder) -> CandidateTraining:
    """The training of `bitfront train`, whose result goes to `trained/<id>`, or to `<id>.2` and so on."""
    candidate, section, seed = plan.candidate, plan.base.config.train, plan.base.config.seed
    start: Start = "file" if plan.start is not None else "twin" if section.start == TWIN else "scratch"
    settings = described(section, plan.start)
    place = place_for(run.path / layout.TRAINED, candidate.id, result_settings(settings, seed, start))
    state = run.training_state(f"train-{candidate.id}")
    return CandidateTraining("train", candidate, section, settings, place, state, seed, start)


def plan_retraining(
    candidate: Candidate, section: Retrain, run: RunFolder, own_seed: int, seed: int, start: Start
) -> CandidateTraining:
    """A training of a run's candidate. own_seed: the run's.

    Its result goes to `retrained/<id>` if it has the run's seed and starts from the supernet, else to
    `retrained/<id>_<start>_seed<seed>`; with `.2` and so on beside one of other settings. One that an earlier version
    put into `compared/<start>_seed<seed>/<id>` stays there.
    """
    settings, kind = described(section), f"{start}_seed{seed}"
    usual = start == "supernet" and seed == own_seed
    wanted = result_settings(settings, seed, start)
    place = place_for(run.path / layout.RETRAINED, candidate.id if usual else f"{candidate.id}_{kind}", wanted)
    earlier = place_for(run.path / layout.COMPARED / kind, candidate.id, wanted)
    state = run.training_state(f"retrain-{candidate.id}" if usual else f"retrain-{candidate.id}-{kind}")
    found = CandidateTraining("retrain", candidate, section, settings, place, state, seed, start)
    moved = replace(found, place=earlier)
    return moved if moved.finished and not found.finished else found


def result_settings(settings: Mapping[str, object], seed: int, start: Start) -> dict[str, object]:
    """What a result is recognised by."""
    return {**settings, "seed": seed, "start": start}


def place_for(folder: Path, name: str, settings: Mapping[str, object]) -> Path:
    """Where a result of these settings lies or is to lie: `<name>`, or `<name>.2` and so on beside other settings.

    The figures are written last, so a place without them is free.
    """
    places = (folder / (name if n == 1 else f"{name}.{n}") for n in count(1))
    return next(place for place in places if _is_free_or_of(place / layout.RESULT_FIGURES, settings))


def _is_free_or_of(figures: Path, settings: Mapping[str, object]) -> bool:
    """Results of earlier versions have no seed and no start in their settings: the names of their folders say these."""
    if not figures.is_file():
        return True
    unsaid = {name: settings[name] for name in ("seed", "start")}
    return unsaid | read_json(figures).get("settings", {}) == dict(settings)


def described(section: Retrain | Train, start: FileStart | None = None) -> dict[str, object]:
    """What identifies the results and unfinished states of such a training.

    start: the trained detector that it starts from. Its content counts and not where it lies.
    """
    settings: dict[str, object] = {**train_settings(section).described()}
    settings["inputs_first_epochs"] = section.inputs_first_epochs
    if start is not None:
        settings |= {"start": "file", "start_sha256": start.sha256}
    elif isinstance(section, Train):
        settings["start"] = section.start
    return settings


def starting_network(
    plan: Plan,
    training: CandidateTraining,
    teachers: Mapping[str, Teacher],
    progress: Progress,
    start: FileStart | None = None,
) -> nn.Module:
    """The network of a training that starts from the twin, from scratch, or from a trained detector, `start`.

    Those of the same layers start alike.
    """
    with seeded_torch(seeded(training.seed, "train")):
        network = build_fixed(plan.student, training.candidate)
    if start is not None:
        progress.note(f"{training.command} {training.candidate.id}: {start.fill(network)}")
    elif training.start == TWIN:
        inherit_shared(network, teachers[TWIN].network.state_dict())
    elif plan.start is not None:
        matched = load_published(plan.start, network, plan.student)
        progress.note(f"{training.command} {training.candidate.id}: {matched}")
    return network


def train_candidate(
    config: Config,
    training: CandidateTraining,
    network: nn.Module,
    distiller: Distiller,
    data: Decoded,
    val: Decoded | None,
    progress: Progress,
) -> TrainedCandidate:
    """Train `network` in place with the candidate's own teachers; it is in evaluation mode afterwards.

    val: what it is validated on, if its section asks for that.

    Goes on where a training of the same settings stopped. All candidates of a run see the same images in the same
    order, and draw alike what is drawn at random: teachers, anchors, proposals.
    """
    task = Task(
        stage=training.stage,
        seed=seeded(training.seed, training.command, "data"),
        described_as=training.settings,
        resume_from=training.state,
        val=val,
    )
    distillation, section = Distillation(training.candidate, distiller), training.section
    job = DetectorTraining(network, train_settings(section), distillation, section.inputs_first_epochs)
    found = run_training(config, job, data, task, progress)
    return TrainedCandidate(network.eval(), found)
