"""The report of a run: made at the end of a search or a retraining, or asked for."""

from pathlib import Path

import results
from results import layout
from results.report import report_html
from search.config import Config, ConfigError
from search.errors import RunError
from search.run.folder import RunFolder, read_run_folder
from search.run.lock import RunLock
from search.stages.detections import keep_detections, missing_detections, networks_of
from trainers.checkpoint import CheckpointError
from trainers.data.errors import DataError
from trainers.progress import Progress
from trainers.whole_files import write_whole

_WHY_NOT = (ConfigError, RunError, DataError, CheckpointError, OSError)


def report_at_end(config: Config, run: RunFolder, progress: Progress, data_root: Path | None = None) -> None:
    """Write `report.html` and the detections that it shows, with the run's lock held. Never raises an error of its own.

    What goes wrong is a note: a search that has come to its end is not lost for its report.
    """
    try:
        _bring_detections(config, run, progress, data_root)
        write_whole(run.path / layout.REPORT, _page(run.path))
    except Exception as error:  # noqa: BLE001 - everything else of the run is done and kept
        why = f"{type(error).__name__}: {error}"
        progress.note(f"{layout.REPORT} was not written ({why}). Make it with: bitfront report {run.path}")


def run_report(run_dir: Path, output: Path | None, data_root: Path | None, progress: Progress) -> Path:
    """Write the report of a run and return its path; `report.html` in the run's folder where `output` is None.

    Detections on test images that are missing are made first where networks and images are there and nothing else
    writes into the run; else a note says why they are left out. RunError for a folder without trials.
    """
    opened = results.open_run(run_dir)
    target = run_dir / layout.REPORT if output is None else output
    if opened.state == "running":
        progress.note("The search is at work: detections on test images come with its end.")
    else:
        try:
            run, config = read_run_folder(run_dir)
            if missing_detections(run, networks_of(run, config)):
                with RunLock(run.path):
                    _bring_detections(config, run, progress, data_root)
        except _WHY_NOT as error:
            progress.note(f"Detections on test images are left as they are: {error}")
    write_whole(target, _page(run_dir))
    return target


def _bring_detections(config: Config, run: RunFolder, progress: Progress, data_root: Path | None) -> None:
    networks = networks_of(run, config)
    try:
        if missing_detections(run, networks):
            keep_detections(config, run, networks, data_root)
    except _WHY_NOT as error:
        progress.note(f"The report has no detections on test images: {error}")


def _page(run_dir: Path) -> bytes:
    return report_html(results.open_run(run_dir)).encode("utf-8", "replace")
