"""A run, opened to train and score more of its candidates: locked, with data, teachers and supernet as it left them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import results
from results import layout
from search.comparison.record import Record
from search.errors import RunError
from search.plan.plan import SearchPlan, plan_search
from search.run.folder import RunFolder, read_run_folder
from search.run.lock import RunLock
from search.stages.data import note_data, note_defects, note_remarks, read_data
from search.stages.detector_result import Figures
from search.stages.images import load_measured
from search.stages.prepare import Prepared, prepare
from search.stages.teacher_figures import teacher_figures
from trainers.data.decoded import Decoded
from trainers.devices import pick_device
from trainers.progress import Progress, SilentProgress
from trainers.seeding import callers_generators


@dataclass(frozen=True)
class Parts:
    """What jobs are executed with. test: the test images. teachers_test: the teachers' figures on them."""

    plan: SearchPlan
    prepared: Prepared
    test: Decoded
    teachers_test: Figures


@dataclass(frozen=True)
class OpenedRun:
    """A run whose lock is held."""

    results: results.Run
    folder: RunFolder
    plan: SearchPlan
    record: Record
    progress: Progress

    def parts(self) -> Parts:
        """Data, teachers and supernet, read from the run: some seconds. Raises RunError where they have changed."""
        plan, run, progress = self.plan, self.folder, self.progress
        config = plan.base.config
        data = read_data(plan.base, run, progress)
        note_data(data, run, progress)
        prepared = prepare(plan, run, data, progress)
        test = load_measured(plan.base, run, config.data.test, progress)
        note_defects(run, {config.data.test: test}, progress)
        note_remarks(run, {config.data.test: test}, progress)
        networks = {name: teacher.network for name, teacher in prepared.teachers.items()}
        return Parts(plan, prepared, test, teacher_figures(test, plan.base.teachers, run, networks))


@contextmanager
def open_for_comparison(
    run_dir: Path | str, data_root: Path | str | None = None, progress: Progress | None = None
) -> Iterator[OpenedRun]:
    """Open a run that a search made: `with open_for_comparison(run_dir) as opened:`.

    data_root: the place where the search found its images, if they have moved. Raises RunError where there is no such
    run, or another process has it.
    """
    run, config = read_run_folder(Path(run_dir))
    found = results.open_run(run.path)
    if not run.supernet.is_file():
        raise RunError(f"{run.path} has no {layout.SUPERNET}, from which its candidates were scored.")
    with callers_generators(pick_device(config.device)):
        plan = plan_search(config, None if data_root is None else Path(data_root), begun=True)
        with (
            RunLock(run.path),
            run.logged(progress or SilentProgress(), tensorboard=config.tensorboard) as logged,
        ):
            yield OpenedRun(found, run, plan, Record(run, plan.base.config), logged)
