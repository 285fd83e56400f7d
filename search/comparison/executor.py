"""Executing the jobs of a comparison: the network is trained, or scored, in this process."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from results import layout
from search.comparison.jobs import Job, Scoring, Training
from search.comparison.opened import Parts
from search.config.schema import TWIN
from search.stages.candidate_training import CandidateTraining
from search.stages.detector_result import Figures, check_result, keep_result
from search.stages.retrain import trained_candidate
from search.stages.scoring import live_scorer_parts
from trainers.devices import pick_device
from trainers.progress import SilentProgress
from trainers.scoring.scorer import Scorer
from trainers.seeding import callers_generators
from trainers.training.step import DivergedError
from trainers.whole_files import write_whole

FILES = (layout.DETECTOR, layout.RESULT_CANDIDATE, layout.RESULT_CURVES, layout.RESULT_FIGURES)
"""Of a result, in the order in which they are written: the last one says that it is whole."""


class Executor:
    """Trains and scores candidates of one run. Keeps the scorer of the adaptation seed that it used last."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._device = pick_device(parts.plan.base.config.device)
        for teacher in parts.prepared.teachers.values():
            teacher.network.to(self._device)
        self._scorer: tuple[int, Scorer] | None = None

    def execute(self, job: Job, training: CandidateTraining | None) -> dict[str, Any]:
        """The outcome of a job: `metrics`, or `failed` with the reason where it diverges.

        training: of a `Training`, where its result goes and what it goes on from.
        """
        try:
            with callers_generators(self._device):
                if isinstance(job, Scoring):
                    return {"metrics": self._scored(job)}
                if training is None:
                    raise ValueError(f"{job} has no place for its result.")
                return {"metrics": self._trained(job, training)}
        except DivergedError as error:
            return {"failed": str(error)}

    def _scored(self, job: Scoring) -> dict[str, float]:
        if self._scorer is None or self._scorer[0] != job.seed:
            self._scorer = None  # frees its images before others are gathered
            parts = live_scorer_parts(self._parts.plan, self._parts.prepared, job.seed)
            self._scorer = (job.seed, Scorer(parts))
        return self._scorer[1].score(job.candidate, job.rung).metrics

    def _trained(self, job: Training, training: CandidateTraining) -> dict[str, float]:
        plan, test = self._parts.plan, self._parts.test
        network = trained_candidate(plan, self._parts.prepared, training, SilentProgress(), job.start)
        keep_result(
            training.place,
            network,
            plan.base.student,
            job.candidate,
            training.settings,
            test,
            lambda: self._beside(job),
        )
        training.forget_state()
        figures: dict[str, float] = check_result(training.place)["test"]
        return figures

    def _beside(self, job: Training) -> Figures:
        """The figures of the twin and of the candidate's teachers."""
        ensemble = self._parts.plan.base.ensemble
        taught = job.candidate.terms().values()
        compared = {TWIN, *(name for one in taught for name in ensemble.behind(one.teacher))}
        return {name: figures for name, figures in self._parts.teachers_test.items() if name in compared}


class RemoteExecutor:
    """Executes jobs in a worker, which has no run folder: a result's files go back with the outcome."""

    def __init__(self, parts: Parts) -> None:
        self._executor = Executor(parts)

    def execute(self, job: Job, training: CandidateTraining | None) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The outcome, and the files of a training's result by name."""
        if training is None:
            return self._executor.execute(job, None), {}
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / training.place.name
            beside = training.state if training.state.parent.parent.is_dir() else Path(folder) / training.state.name
            outcome = self._executor.execute(job, replace(training, place=place, state=beside))
            return outcome, {name: (place / name).read_bytes() for name in FILES if (place / name).is_file()}


def keep_files(place: Path, files: dict[str, bytes]) -> None:
    """Write the result that a worker sent."""
    for name in FILES:
        if name in files:
            write_whole(place / name, files[name])


def on_cpu(parts: Parts) -> Parts:
    """The parts as they can go to workers, with the teachers on the CPU; the supernet's tensors are there anyway."""
    for teacher in parts.prepared.teachers.values():
        teacher.network.to("cpu")
    return parts
