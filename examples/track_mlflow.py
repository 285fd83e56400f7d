"""A search that MLflow records while it runs: config, losses, trials, figures of detectors.

    python examples/track_mlflow.py CONFIG [RUN_DIR]

Needs `pip install mlflow-skinny`. MLFLOW_TRACKING_URI names a server or a store, else MLflow takes its own default.
What belongs to one run folder goes into one run of MLflow, also after a stop: its id is kept in `mlflow_run_id` there.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import mlflow
import yaml

from search import combined_progress, load_config, run_search, terminal_progress
from trainers.progress import DetectorMeasured, Event, RunStarted, TrialEnded


class MlflowProgress:
    """Logs to the run of MLflow that belongs to the run folder; `end` closes it."""

    def __init__(self) -> None:
        self._active = False

    @contextmanager
    def stage(self, name: str, total: int, at_once: int = 1) -> Iterator["_Epochs"]:
        yield _Epochs(name)

    def note(self, text: str) -> None:
        """Nothing: MLflow has no place for messages."""

    def record(self, event: Event) -> None:
        match event:
            case RunStarted(folder, config):
                self._begin(folder, str(config["name"]))
                mlflow.log_text(yaml.safe_dump(dict(config), sort_keys=False), "config.yaml")
                mlflow.log_params({"detector": config["student"]["detector"], "seed": config["seed"]})
            case TrialEnded(row):
                mlflow.log_metrics(_numbers("search", row), step=int(str(row["number"])))
            case DetectorMeasured(stage, images, figures, file, costs):
                mlflow.log_metrics(_numbers(f"{stage}/{images}", figures) | _numbers(stage, costs))
                mlflow.log_artifact(str(file), stage.replace(" ", "_"))

    def end(self, status: str) -> None:
        if self._active:
            mlflow.end_run(status)

    def _begin(self, folder: Path, name: str) -> None:
        kept = folder / "mlflow_run_id"
        run = mlflow.start_run(kept.read_text() if kept.is_file() else None, run_name=name)
        kept.write_text(run.info.run_id)
        self._active = True


class _Epochs:
    """The losses of one training, a step for each epoch."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._done = 0

    def advance(self, n: int = 1, **figures: float | str) -> None:
        self._done += n
        if "loss" in figures:  # an epoch
            mlflow.log_metrics(_numbers(self._stage, figures), step=self._done)

    def resume(self, n: int, **figures: float | str) -> None:
        self._done = n


def _numbers(prefix: str, figures: Mapping[str, object]) -> dict[str, float]:
    """The figures that are numbers, with names that MLflow takes."""
    return {
        f"{prefix}/{name}".replace(",", ""): float(value)
        for name, value in figures.items()
        if isinstance(value, int | float) and not name.startswith(("layer/", "weight/"))
    }


def main(source: str, run_dir: str | None = None) -> None:
    config, tracker, status = load_config(source), MlflowProgress(), "FAILED"
    try:
        run_search(config, run_dir, progress=combined_progress(terminal_progress(), tracker))
        status = "FINISHED"
    finally:
        tracker.end(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
