"""A run, opened to train and score more of its candidates: locked, with data, teachers and supernet as it left them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import results
from results import layout
from search.comparison.jobs import Job, Training
from search.comparison.record import Record
from search.config.schema import SCRATCH
from search.config.values import Precision
from search.errors import RunError
from search.plan.plan import SearchPlan, plan_search
from search.run.folder import RunFolder, read_run_folder
from search.run.lock import RunLock
from search.stages.data import note_data, read_data
from search.stages.prepare import prepare
from search.stages.retrain import Parts, retraining_parts
from trainers.devices import pick_device
from trainers.progress import Progress, SilentProgress
from trainers.seeding import callers_generators


@dataclass(frozen=True)
class OpenedRun:
    """A run whose lock is held."""

    results: results.Run
    folder: RunFolder
    plan: SearchPlan
    record: Record
    progress: Progress

    def parts(self, jobs: Sequence[Job]) -> Parts:
        """Data, teachers and supernet, read from the run: some seconds. Raises RunError where they have changed.

        jobs: what will be done with them. Trainings from scratch stand on `student.weights` too.
        """
        trained = [job for job in jobs if isinstance(job, Training)]
        base = self.plan.base
        if any(job.start == SCRATCH for job in trained):
            base = replace(base, inputs=base.inputs_from_scratch)
        data = read_data(base, self.folder, self.progress)
        note_data(data, self.folder, self.progress)
        prepared = prepare(self.plan, self.folder, data, self.progress)
        candidates = [job.candidate for job in trained]
        return retraining_parts(self.plan, self.folder, prepared, candidates, self.progress)


@contextmanager
def open_for_comparison(
    run_dir: Path | str,
    data_root: Path | str | None = None,
    progress: Progress | None = None,
    *,
    scored: bool = True,
    precision: Precision | None = None,
) -> Iterator[OpenedRun]:
    """Open a run that a search made: `with open_for_comparison(run_dir) as opened:`.

    data_root: the place where the search found its images, if they have moved. scored: whether its scores count, so
    that there must be the supernet that made them. precision: instead of `retrain.precision`. Raises RunError where
    there is no such run, or another process has it.
    """
    run, config = read_run_folder(Path(run_dir))
    if precision is not None:
        config = config.model_copy(update={"retrain": config.retrain.model_copy(update={"precision": precision})})
    found = results.open_run(run.path)
    if scored and not run.supernet.is_file():
        raise RunError(f"{run.path} has no {layout.SUPERNET}, from which its candidates were scored.")
    with callers_generators(pick_device(config.device)):
        plan = plan_search(config, None if data_root is None else Path(data_root), begun=True, run_dir=run.path)
        with (
            RunLock(run.path),
            run.logged(progress or SilentProgress(), tensorboard=config.tensorboard) as logged,
        ):
            yield OpenedRun(found, run, plan, Record(run, plan.base.config), logged)
