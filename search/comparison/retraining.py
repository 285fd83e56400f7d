"""Candidates of a run, retrained with several seeds where one asks for them, and the all-real candidate with them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from results.agreement import TRAINED
from results.figures import TRAINED_SEED
from results.frame import knobs_of
from search.comparison.fidelity import mean_and_sd
from search.comparison.jobs import Training, settled, trainings
from search.comparison.opened import OpenedRun, open_for_comparison
from search.comparison.record import figure
from search.comparison.running import Workers, train_missing
from search.config.values import Precision
from search.errors import RunError
from search.stages.detector_result import Result
from search.stages.events import result_measured, run_started
from search.stages.report import report_at_end
from search.stages.retrain import Parts, real_counterpart, result_of
from spaces.candidate import Candidate
from trainers.progress import Progress

CANDIDATE, SCORE = "candidate", "score"
ALL_REAL = "all real"
"""The name of the all-real candidate in the table."""
COSTS = ("bit_ops", "ops", "memory_mb", "size_mb")
"""In the table beside the search's own cost, where they are known."""


@dataclass(frozen=True, kw_only=True)
class RetrainSettings:
    """What is retrained, and how.

    candidates: ids in the trials table, or their beginnings; None is the whole front. epochs: None is
    `retrain.epochs`. start: the weights that trainings start from, supernet, twin or scratch. seeds: none is the run's
    own. real: whether the all-real candidate is retrained alike, to compare with. precision: None is
    `retrain.precision`.
    """

    candidates: tuple[str, ...] | None = None
    epochs: int | None = None
    start: str = "supernet"
    seeds: tuple[int, ...] = ()
    real: bool = True
    precision: Precision | None = None


@dataclass(frozen=True)
class Retrained:
    """Retrained candidates.

    y: the accuracy that is compared. settings: with the epochs and seeds that were taken. results: of each candidate
    and seed whose training came to its end, real: of the all-real candidate. failed: the reasons of the others.
    table: a row for each candidate, the all-real one last: its score, the mean of y over seeds, their standard
    deviation, each seed's, and costs.
    """

    y: str
    settings: RetrainSettings
    results: tuple[Result, ...]
    real: tuple[Result, ...]
    failed: tuple[str, ...]
    table: pd.DataFrame


def retrain_jobs(run_dir: Path | str, settings: RetrainSettings, data_root: Path | str | None = None) -> list[Training]:
    """The trainings that the settings ask for, those that the run has already among them, the all-real one's last."""
    with open_for_comparison(run_dir, data_root, scored=False, precision=settings.precision) as opened:
        return _Retraining(opened, settings).jobs


def run_retrainings(
    run_dir: Path | str,
    settings: RetrainSettings,
    *,
    workers: int | None = None,
    address: str | None = None,
    data_root: Path | str | None = None,
    progress: Progress | None = None,
) -> Retrained:
    """Retrain candidates of a run and measure them on `data.test`; what the run has already is read.

    workers, address: the run's own unless given. One worker on this machine is this process, without Ray. The same call
    goes on where an earlier one stopped. Raises RunError if no candidate's training comes to its end.
    """
    with open_for_comparison(run_dir, data_root, progress, scored=False, precision=settings.precision) as opened:
        asked = _Retraining(opened, settings)
        opened.progress.record(run_started(opened.folder, opened.plan.base.config))
        spread = Workers.of(opened, workers, address)
        parts = opened.parts(asked.jobs)
        train_missing(opened, parts, asked.jobs, spread)
        retrained = asked.retrained(parts)
        root = None if data_root is None else Path(data_root)
        report_at_end(opened.plan.base.config, opened.folder, opened.progress, root)
        return retrained


def run_retrain(
    run_dir: Path | str,
    candidate_id: str,
    epochs: int | None = None,
    data_root: Path | str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Retrain one candidate of a run from the supernet's weights, with the run's seed, and measure it on `data.test`.

    candidate_id: an id in the trials table or an unambiguous beginning of one. epochs: instead of the config's.
    data_root: the place where the search found its images, if they have moved. progress: as for `run_search`.
    """
    settings = RetrainSettings(candidates=(candidate_id,), epochs=epochs, real=False)
    return run_retrainings(run_dir, settings, workers=1, data_root=data_root, progress=progress).results[0]


class _Retraining:
    """The candidates of one call, their trainings, and what came of them."""

    def __init__(self, opened: OpenedRun, settings: RetrainSettings) -> None:
        self._opened, self._settings = opened, settled(settings, opened.plan.base.config)
        run = opened.results
        if settings.candidates is None:
            chosen = [Candidate(knobs_of(row)) for _, row in run.front().iterrows()]
        else:
            chosen = [Candidate(run.candidate(one)) for one in settings.candidates]
        self._chosen = list(dict.fromkeys(chosen))
        self._real = real_counterpart(opened.plan.space) if settings.real else None
        if settings.real and self._real is None:
            opened.progress.note("A layer of this space can't be real, so no all-real candidate is trained beside.")

    @property
    def jobs(self) -> list[Training]:
        """The trainings, candidate by candidate, each once."""
        real = [] if self._real is None else [self._real]
        candidates = dict.fromkeys([*self._chosen, *real])
        return [job for one in candidates for job in trainings(self._settings, one).values()]

    def retrained(self, parts: Parts) -> Retrained:
        """What came of the trainings, which are all done."""
        failed = [self._failure(job) for job in self.jobs if not self._opened.record.training(job).finished]
        results = self._results(parts, self._chosen)
        if not results:
            raise RunError(
                f"No training came to its end. {failed[0]} The run keeps that, and tries again with other settings: "
                "lower retrain.learning_rate, for example."
            )
        real = () if self._real is None else self._results(parts, [self._real])
        rows = [self._row(one.id, one) for one in self._chosen]
        rows += [] if self._real is None else [self._row(ALL_REAL, self._real)]
        y = self._opened.results.y
        return Retrained(y, self._settings, results, real, tuple(failed), pd.DataFrame(rows))

    def _results(self, parts: Parts, candidates: Sequence[Candidate]) -> tuple[Result, ...]:
        jobs = (job for one in candidates for job in trainings(self._settings, one).values())
        trained = [one for one in map(self._opened.record.training, jobs) if one.finished]
        found = tuple(result_of(parts, training) for training in trained)
        for training, result in zip(trained, found, strict=True):
            measured = result_measured(training, result, parts.plan.base.config.data.test)
            self._opened.progress.record(measured)
        return found

    def _failure(self, job: Training) -> str:
        outcome = self._opened.record.outcome(job) or {}
        return f"{job.candidate.id}, seed {job.seed}: {outcome.get('failed', 'no result')}."

    def _row(self, name: str, candidate: Candidate) -> dict[str, object]:
        run, jobs = self._opened.results, trainings(self._settings, candidate)
        trained = {seed: figure(self._opened.record.outcome(job), run.y) for seed, job in jobs.items()}
        costs = self._opened.plan.cost_table.costs(candidate)
        own = run.trials[run.trials["id"].eq(candidate.id) & run.trials["state"].eq("complete")]
        return {
            CANDIDATE: name,
            SCORE: float(own.sort_values("rung")[run.y].iloc[-1]) if len(own) else math.nan,
            **mean_and_sd(TRAINED, list(trained.values())),
            **{f"{TRAINED_SEED}{seed}": value for seed, value in trained.items()},
            **{cost: costs[cost] for cost in dict.fromkeys((run.x, *COSTS)) if cost in costs},
        }
