"""Executing the jobs of a comparison: the network is trained, or scored, in this process."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from results import layout
from search.comparison.jobs import Job, Scoring
from search.stages.candidate_training import CandidateTraining
from search.stages.detector_result import check_result
from search.stages.retrain import Parts, retrain
from search.stages.scoring import live_scorer_parts
from trainers.devices import pick_device
from trainers.progress import Progress, SilentProgress
from trainers.scoring.scorer import Scorer
from trainers.seeding import callers_generators
from trainers.training.finiteness import DivergedError
from trainers.whole_files import write_whole

FILES = (
    layout.DETECTOR,
    layout.BEST_DETECTOR,
    layout.RESULT_CANDIDATE,
    layout.RESULT_CURVES,
    layout.RESULT_FIGURES,
)
"""Of a result, in the order in which they are written: the last one says that it is whole. Not every result has all."""


class Executor:
    """Trains and scores candidates of one run. Keeps the scorer of the adaptation seed that it used last.

    progress: what shows the epochs of trainings.
    """

    def __init__(self, parts: Parts, progress: Progress | None = None) -> None:
        self._parts, self._progress = parts, progress or SilentProgress()
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
                retrain(self._parts, training, self._progress)
                return {"metrics": check_result(training.place)["test"]}
        except DivergedError as error:
            return {"failed": str(error)}

    def _scored(self, job: Scoring) -> dict[str, float]:
        if self._scorer is None or self._scorer[0] != job.seed:
            self._scorer = None  # frees its images before others are gathered
            parts = live_scorer_parts(self._parts.plan, self._parts.prepared, job.seed)
            self._scorer = (job.seed, Scorer(parts))
        return self._scorer[1].score(job.candidate, job.rung).metrics


class RemoteExecutor:
    """Executes jobs in a worker, which has no run folder: a result's files go back with the outcome."""

    def __init__(self, parts: Parts) -> None:
        self._executor = Executor(_in_one_process(parts))

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


def _in_one_process(parts: Parts) -> Parts:
    """The parts for trainings that are spread over workers already, and so have no processes of their own."""
    base = parts.plan.base
    config = base.config.model_copy(update={"training": base.config.training.model_copy(update={"workers": 1})})
    return replace(parts, plan=replace(parts.plan, base=replace(base, config=config)))


def on_cpu(parts: Parts) -> Parts:
    """The parts as they can go to workers, with the teachers on the CPU; the supernet's tensors are there anyway."""
    for teacher in parts.prepared.teachers.values():
        teacher.network.to("cpu")
    return parts
