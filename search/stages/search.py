"""The order of a search: data, teachers, supernet, trials, one retrained detector; each is kept when it is done."""

from dataclasses import dataclass
from pathlib import Path

import results
from results import Run
from search.config import Config, config_text
from search.plan.latency import keep_latency_table
from search.plan.plan import plan_search
from search.run.folder import default_folder
from search.run.start import started_run
from search.stages.data import note_data, read_data
from search.stages.detector_result import Result
from search.stages.events import run_started
from search.stages.prepare import prepare
from search.stages.report import report_at_end
from search.stages.retrain import real_counterpart, retrain_at_the_end
from search.stages.trials import check_storage, check_workers, search_front
from spaces.candidate import Candidate
from trainers.devices import pick_device
from trainers.progress import Progress, SilentProgress
from trainers.seeding import callers_generators


@dataclass(frozen=True)
class Search:
    """What a search left: the run, to be looked at in pandas, and the detector that was retrained, if one was.

    real: the all-real candidate, retrained with the same settings, where `retrain.real` asks for it.
    """

    run: Run
    retrained: Result | None
    real: Result | None = None


def run_search(
    config: Config,
    run_dir: Path | str | None = None,
    data_root: Path | str | None = None,
    progress: Progress | None = None,
) -> Search:
    """Run the whole search in `run_dir`, or go on where an earlier start of it stopped.

    run_dir: `runs/<name>` where it is None. data_root: the folder of the data, instead of the config's. progress: what
    shows how far the work is; nothing where it is None.

    Raises ConfigError, DataError or CheckpointError for whatever is wrong with the config, the data and given weights,
    RunError for a folder of another config or one in use, DivergedError when a teacher or the supernet diverges. A
    candidate that fails is recorded, and the search goes on. A start that is refused before its data was read leaves
    the folder as it was.
    """
    with callers_generators(pick_device(config.device)):
        progress = progress or SilentProgress()
        folder = Path(run_dir or default_folder(config.name))
        plan = plan_search(config, None if data_root is None else Path(data_root), run_dir=folder)
        check_storage(plan.base.config.search, progress)
        with (
            started_run(folder, plan.base.config) as run,
            run.logged(progress, tensorboard=config.tensorboard) as progress,
        ):
            data = read_data(plan.base, run, progress)
            keep_latency_table(run.path, plan.latency)
            run.begin(config_text(plan.base.config))
            progress.record(run_started(run, plan.base.config))
            note_data(data, run, progress)
            check_workers(plan, run, data)
            prepared = prepare(plan, run, data, progress)
            with run.timed("search"):
                search_front(plan, run, prepared, progress)
            found = results.open_run(run.path)
            candidate = _picked(found, plan.base.config.retrain.pick)
            chosen = [] if candidate is None else [candidate]
            if (real := real_counterpart(plan.space)) is not None and chosen and plan.base.config.retrain.real:
                chosen.append(real)
            retrained = retrain_at_the_end(plan, run, prepared, chosen, progress) if chosen else []
            report_at_end(plan.base.config, run, progress)
        return Search(found, *retrained) if retrained else Search(found, None)


def _picked(run: Run, pick: str | None) -> Candidate | None:
    """The candidate that `retrain.pick` names: the knee of the front, or an id."""
    if pick is None:
        return None
    return Candidate(run.candidate(run.knee() if pick == "knee" else pick))
