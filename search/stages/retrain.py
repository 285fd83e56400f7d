"""Retraining: a candidate as a network of its own, trained with its own teachers and measured on `data.test`."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.config.schema import TWIN
from search.plan.plan import SearchPlan
from search.run.folder import RunFolder
from search.stages.candidate_training import (
    CandidateTraining,
    TrainedCandidate,
    plan_retraining,
    starting_network,
    train_candidate,
)
from search.stages.data import note_defects, note_remarks
from search.stages.detector_result import Figures, Result, keep_result, result_on
from search.stages.events import result_measured
from search.stages.images import load_measured
from search.stages.measuring import Spread
from search.stages.prepare import Prepared
from search.stages.teacher_figures import teacher_figures
from search.stages.teachers import distiller_for
from spaces.candidate import Candidate
from spaces.layers import REAL
from spaces.space import SearchSpace
from spaces.supernet import extract
from trainers.data.decoded import Decoded
from trainers.devices import pick_device
from trainers.progress import Progress
from trainers.seeding import seeded, seeded_torch


@dataclass(frozen=True)
class Parts:
    """What candidates are retrained with.

    test: the test images. teachers_test: the figures on them of the twin and of the teachers of these candidates.
    """

    plan: SearchPlan
    prepared: Prepared
    test: Decoded
    teachers_test: Figures

    def beside(self, candidate: Candidate) -> Figures:
        """The figures of the twin and of the candidate's teachers."""
        compared = _compared(self.plan, [candidate])
        return {name: figures for name, figures in self.teachers_test.items() if name in compared}


def retraining_parts(
    plan: SearchPlan, run: RunFolder, prepared: Prepared, candidates: Sequence[Candidate], progress: Progress
) -> Parts:
    """The parts for these candidates, with the test images read."""
    split = plan.base.config.data.test
    test = load_measured(plan.base, run, split, progress)
    note_defects(run, {split: test}, progress)
    note_remarks(run, {split: test}, progress)
    compared = _compared(plan, candidates)
    networks = {name: teacher.network for name, teacher in prepared.teachers.items() if name in compared}
    spread = Spread.of(plan.base.config)
    return Parts(plan, prepared, test, teacher_figures(test, plan.base.teachers, run, networks, spread))


def retrain(parts: Parts, training: CandidateTraining, progress: Progress) -> None:
    """Train a candidate on `data.train`, measure it on `data.test`, and keep both in the training's place.

    Raises DivergedError when a loss isn't finite.
    """
    trained = trained_candidate(parts.plan, parts.prepared, training, progress)
    base = parts.plan.base
    spread = Spread.of(base.config)
    keep_result(training, trained, base.student, parts.test, lambda: parts.beside(training.candidate), spread)
    training.forget_state()


def result_of(parts: Parts, training: CandidateTraining) -> Result:
    """The result of a finished training. Raises RunError for a detector that was replaced."""
    training.forget_state()  # of a start that was killed before it did
    base = parts.plan.base
    spread = Spread.of(base.config)
    return result_on(training, parts.test, base.teachers, lambda: parts.beside(training.candidate), spread)


def retrain_at_the_end(
    plan: SearchPlan, run: RunFolder, prepared: Prepared, candidates: Sequence[Candidate], progress: Progress
) -> list[Result]:
    """Retrain candidates with the run's own settings, from the supernet's weights; what is there is read."""
    parts, results = retraining_parts(plan, run, prepared, candidates, progress), []
    seed = plan.base.config.seed
    for candidate in candidates:
        training = plan_retraining(candidate, plan.base.config.retrain, run, seed, seed, "supernet")
        with run.timed(f"retrain {candidate.id}"):
            if not training.finished:
                retrain(parts, training, progress)
            result = result_of(parts, training)
        progress.record(result_measured(training, result, plan.base.config.data.test))
        results.append(result)
    return results


def real_counterpart(space: SearchSpace) -> Candidate | None:
    """The all-real candidate, taught by nobody; None where a layer of the space can't be real."""
    layers = [knob for knob in space.knobs if knob.kind == "layer"]
    return space.canonical(space.uniform(REAL)) if all(REAL in knob.choices for knob in layers) else None


def trained_candidate(
    plan: SearchPlan, prepared: Prepared, training: CandidateTraining, progress: Progress
) -> TrainedCandidate:
    """The candidate, trained from the weights that its training starts from."""
    candidate = training.candidate
    if training.start == "supernet":
        network = extract(prepared.state.supernet, plan.base.student, candidate)
    else:
        network = starting_network(plan.base, training, prepared.teachers, progress)
    device = pick_device(plan.base.config.device)
    network.to(device)
    with seeded_torch(seeded(training.seed, "retrain")):
        distiller = distiller_for(plan.base, network, prepared.teachers).to(device)
    if training.start == "supernet":
        distiller.load_state_dict(prepared.state.distiller)
    return train_candidate(plan.base.config, training, network, distiller, prepared.train, prepared.val, progress)


def _compared(plan: SearchPlan, candidates: Sequence[Candidate]) -> set[str]:
    """The twin, and the teachers behind the terms of these candidates."""
    taught = (one for candidate in candidates for one in candidate.terms().values())
    return {TWIN, *(name for one in taught for name in plan.base.ensemble.behind(one.teacher))}
