"""What a run has of a comparison's jobs: results of trainings in their folders, a line for each score or failure."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from results import layout
from search.comparison.jobs import Job, Training
from search.config import Config
from search.run.folder import RunFolder
from search.stages.candidate_training import CandidateTraining, plan_retraining
from search.stages.detector_result import check_result

Outcome = Mapping[str, Any]
"""`metrics` by name, in 0..1: of a training those on the test images. `failed` instead, with the reason."""


class Record:
    """The outcomes of jobs in a run. Only one process may add to it: hold the run's `RunLock`."""

    def __init__(self, run: RunFolder, config: Config) -> None:
        self._run, self._config = run, config
        self._file = run.path / layout.COMPARED / layout.COMPARED_RECORD
        self._lines = {tuple(line["key"]): line for line in self._read()}

    def outcome(self, job: Job) -> Outcome | None:
        """What came of a job; None where it hasn't been done. Raises RunError for a detector that was replaced."""
        line = self._lines.get(job.key)
        if isinstance(job, Training):
            training = self.training(job)
            if training.finished:
                return {"metrics": check_result(training.place)["test"]}
            if line is not None and line.get("settings", training.settings) != training.settings:
                return None  # it failed with other settings, such as another learning rate
        return None if line is None else line["outcome"]

    def add(self, job: Job, outcome: Outcome) -> None:
        """Keep the outcome for good. Of a training that didn't fail nothing is written: its folder has it."""
        if isinstance(job, Training) and "failed" not in outcome:
            return
        line = {"key": list(job.key), "outcome": dict(outcome)}
        if isinstance(job, Training):
            line["settings"] = dict(self.training(job).settings)
        self._file.parent.mkdir(exist_ok=True)
        with self._file.open("ab") as file:
            if self._file.stat().st_size and not self._file.read_bytes().endswith(b"\n"):
                file.write(b"\n")  # a line that was half written when a process was killed stays alone
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._lines[job.key] = line

    def training(self, job: Training) -> CandidateTraining:
        """The training of a job, with where its result and its unfinished state lie."""
        section = self._config.retrain.over(job.epochs)
        return plan_retraining(job.candidate, section, self._run, self._config.seed, job.seed, job.start)

    def _read(self) -> list[dict[str, Any]]:
        lines = self._file.read_bytes().splitlines() if self._file.is_file() else []
        found = []
        for line in lines:
            with suppress(ValueError):
                found.append(json.loads(line))
        return found


def figure(outcome: Outcome | None, name: str) -> float:
    """A figure of an outcome; NaN where it isn't there."""
    return float("nan") if outcome is None else float(outcome.get("metrics", {}).get(name, "nan"))
