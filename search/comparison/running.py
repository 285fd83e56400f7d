"""Running the jobs of a comparison that a run doesn't have yet, in this process or spread over Ray workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from search.comparison.executor import Executor, RemoteExecutor, keep_files, on_cpu
from search.comparison.jobs import Job, Training
from search.comparison.opened import OpenedRun, open_for_comparison
from search.comparison.record import Outcome
from search.errors import RunError
from search.stages.candidate_training import CandidateTraining
from search.stages.retrain import Parts
from trainers.progress import Progress, Stage, figures_text

AnyJob = TypeVar("AnyJob", bound=Job)


@dataclass(frozen=True)
class Workers:
    """How many jobs run at the same time, and on which Ray cluster; this machine where the address is None."""

    count: int = 1
    address: str | None = None

    @classmethod
    def of(cls, opened: OpenedRun, count: int | None, address: str | None) -> "Workers":
        """As given, or as the run's config says. Raises RunError below one worker."""
        search = opened.plan.base.config.search
        if count is not None and count < 1:
            raise RunError(f"--workers is {count}, must be at least 1.")
        return cls(count or search.workers, address or search.address)

    def are_this_process(self, jobs: Sequence[Job]) -> bool:
        """Whether these jobs need no Ray: one at a time on this machine."""
        return self.address is None and min(self.count, len(jobs)) <= 1


def execute_jobs(
    run_dir: Path | str,
    jobs: Sequence[Job],
    data_root: Path | str | None = None,
    progress: Progress | None = None,
) -> list[Outcome]:
    """The outcome of each job, those that the run lacks executed one after the other in this process, without Ray.

    Each is kept in the run as it finishes: the same call goes on where it stopped. An outcome has `metrics`, or
    `failed` with the reason where the training diverged.
    """
    with open_for_comparison(run_dir, data_root, progress) as opened:
        return run_missing(opened, jobs, Workers(), "jobs")


def run_missing(opened: OpenedRun, jobs: Sequence[Job], workers: Workers, stage: str) -> list[Outcome]:
    """The outcomes in the order of the jobs; those that the run lacks are executed first.

    One worker on this machine is this process. Scores come first, seed by seed, so that a scorer is made once a seed.
    """
    distinct = list({job.key: job for job in jobs}.values())
    if missing := sorted(lacking(opened, distinct), key=_order):
        parts = opened.parts(missing)  # before the stage: it has stages of its own
        with opened.progress.stage(stage, len(distinct), workers.count) as shown, opened.folder.timed(stage):
            shown.resume(len(distinct) - len(missing))
            if workers.are_this_process(missing):
                _run_here(opened, parts, missing, shown)
            else:
                _run_on_ray(opened, parts, missing, workers, shown)
    return [outcome for job in jobs if (outcome := opened.record.outcome(job)) is not None]


def train_missing(opened: OpenedRun, parts: Parts, jobs: Sequence[Training], workers: Workers) -> None:
    """Execute the trainings that the run lacks, in their order. In this process each shows its epochs."""
    missing = lacking(opened, jobs)
    if not missing:
        return
    with opened.folder.timed("retrain"):
        if workers.are_this_process(missing):
            executor = Executor(parts, opened.progress)
            for number, job in enumerate(missing, start=1):
                training = opened.record.training(job)
                outcome = executor.execute(job, training)
                opened.record.add(job, outcome)
                told = figures_text(_figures(opened, outcome))
                opened.progress.note(f"{training.place.name}, {number} of {len(missing)}: {told}")
        else:
            with opened.progress.stage("retrain", len(jobs), workers.count) as shown:
                shown.resume(len(jobs) - len(missing))
                _run_on_ray(opened, parts, missing, workers, shown)


def lacking(opened: OpenedRun, jobs: Sequence[AnyJob]) -> list[AnyJob]:
    """The jobs of which the run has no outcome."""
    return [job for job in jobs if opened.record.outcome(job) is None]


def _order(job: Job) -> tuple[object, ...]:
    return (1, 0, 0) if isinstance(job, Training) else (0, job.seed, job.rung)


def _run_here(opened: OpenedRun, parts: Parts, missing: Sequence[Job], shown: Stage) -> None:
    executor = Executor(parts)
    for job in missing:
        outcome = executor.execute(job, _training(opened, job))
        opened.record.add(job, outcome)
        shown.advance(1, **_figures(opened, outcome))


def _run_on_ray(opened: OpenedRun, parts: Parts, missing: Sequence[Job], workers: Workers, shown: Stage) -> None:
    from search.workers.job_pool import run_jobs  # here, so that one process needs no Ray
    from search.workers.nodes import Nodes
    from search.workers.share import Demand

    trainings = [_training(opened, job) for job in missing]

    def keep(place: int, result: tuple[Outcome, dict[str, bytes]]) -> None:
        outcome, files = result
        job = missing[place]
        if isinstance(job, Training):
            keep_files(opened.record.training(job).place, files)  # one of other settings may have taken it meanwhile
        opened.record.add(job, outcome)
        shown.advance(1, **_figures(opened, outcome))

    demand = Demand(**opened.plan.base.config.search.resources.model_dump())
    run_jobs(
        list(zip(missing, trainings, strict=True)),
        on_cpu(parts),
        RemoteExecutor,
        keep,
        workers=workers.count,
        nodes=Nodes(workers.address, demand),
    )


def _training(opened: OpenedRun, job: Job) -> CandidateTraining | None:
    return opened.record.training(job) if isinstance(job, Training) else None


def _figures(opened: OpenedRun, outcome: Outcome) -> dict[str, float | str]:
    y = opened.results.y
    return {y: float(outcome["metrics"][y])} if "metrics" in outcome else {"failed": outcome["failed"]}
