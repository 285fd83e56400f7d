"""Retraining: a candidate as a network of its own, trained with its own teachers and measured on `data.test`."""

from functools import partial
from typing import Literal

from torch import nn

from results import layout
from search.config.schema import TWIN
from search.plan.plan import SearchPlan
from search.run.folder import RunFolder
from search.stages.candidate_training import CandidateTraining, plan_candidate_training, train_candidate
from search.stages.data import note_defects, note_remarks
from search.stages.detector_result import Result, keep_result, result_on
from search.stages.events import result_measured
from search.stages.images import load_measured
from search.stages.prepare import Prepared
from search.stages.teacher_figures import teacher_figures
from search.stages.teachers import distiller_for
from spaces.candidate import Candidate
from spaces.supernet import build_fixed, extract, inherit_shared
from trainers.devices import pick_device
from trainers.progress import Progress
from trainers.seeding import seeded, seeded_torch

Start = Literal["supernet", "twin"]
"""The weights that a candidate is trained from."""


def retrain(plan: SearchPlan, run: RunFolder, prepared: Prepared, candidate: Candidate, progress: Progress) -> Result:
    """Start from the supernet's weights, train on `data.train`, measure on `data.test`, keep in `retrained/<id>/`.

    A result of the same settings is read instead of made again; one of other settings stays, and the new one stands
    beside it in `retrained/<id>.2/` and so on. Raises DivergedError when a loss isn't finite.
    """
    base, config = plan.base, plan.base.config
    test = load_measured(base, run, config.data.test, progress)
    note_defects(run, {config.data.test: test}, progress)
    note_remarks(run, {config.data.test: test}, progress)
    training = plan_candidate_training("retrain", candidate, config.retrain, run, layout.RETRAINED, config.seed)
    taught = candidate.terms().values()
    compared = {TWIN, *(name for one in taught for name in base.ensemble.behind(one.teacher))}
    networks = {name: teacher.network for name, teacher in prepared.teachers.items() if name in compared}
    beside = partial(teacher_figures, test, base.teachers, run, networks)
    with run.timed(f"retrain {candidate.id}"):
        if not training.finished:
            network = trained_candidate(plan, prepared, training, progress)
            keep_result(training.place, network, base.student, candidate, training.settings, test, beside)
        training.forget_state()
        result = result_on(training.place, test, beside)
        progress.record(result_measured(training, result, config.data.test))
        return result


def trained_candidate(
    plan: SearchPlan, prepared: Prepared, training: CandidateTraining, progress: Progress, start: Start = "supernet"
) -> nn.Module:
    """The candidate, trained from the supernet's weights, or from its twin's as `bitfront train` does."""
    device, candidate = pick_device(plan.base.config.device), training.candidate
    if start == "supernet":
        network = extract(prepared.state.supernet, plan.base.student, candidate)
    else:
        with seeded_torch(seeded(training.seed, "train")):
            network = build_fixed(plan.base.student, candidate)
        inherit_shared(network, prepared.teachers[TWIN].network.state_dict())
    network.to(device)
    with seeded_torch(seeded(training.seed, "retrain")):
        distiller = distiller_for(plan.base, network, prepared.teachers).to(device)
    if start == "supernet":
        distiller.load_state_dict(prepared.state.distiller)
    return train_candidate(training, network, distiller, prepared.train, progress)
