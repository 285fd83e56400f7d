"""examples/track_mlflow.py against a real store in a folder, where MLflow is installed."""

import importlib.util
from pathlib import Path

import pytest

from trainers.progress import DetectorMeasured, RunStarted, TrialEnded

mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: pip install mlflow-skinny")
SCRIPT = Path(__file__).parents[2] / "examples" / "track_mlflow.py"
CONFIG = {"name": "tiny", "seed": 7, "student": {"detector": "ssd_resnet18"}}


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The script as a module, with a store of its own."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    spec = importlib.util.spec_from_file_location("track_mlflow", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    mlflow.set_tracking_uri(None)


def test_one_run_of_mlflow_has_config_losses_trials_and_figures_also_after_a_stop(example, tmp_path):
    weights = tmp_path / "detector.safetensors"
    weights.write_bytes(b"weights")
    for start, (number, loss) in enumerate([(0, 2.0), (1, 1.0)], 1):
        tracker = example.MlflowProgress()
        tracker.record(RunStarted(tmp_path, CONFIG))
        with tracker.stage("teacher twin, inputs", 2) as stage:
            stage.resume(start - 1)
            stage.advance(loss=loss)
        tracker.record(TrialEnded({"number": number, "map50": 0.25 * start, "layer/stem": "int8", "reason": None}))
        tracker.end("FAILED" if start == 1 else "FINISHED")
    tracker.record(RunStarted(tmp_path, CONFIG))
    tracker.record(DetectorMeasured("retrain c4", "test", {"map50": 0.5}, weights, {"bit_ops": 8.0}))
    tracker.end("FINISHED")

    client = mlflow.MlflowClient()
    [run] = client.search_runs(["0"])
    assert (run.info.run_name, run.info.status) == ("tiny", "FINISHED")
    assert run.data.params == {"detector": "ssd_resnet18", "seed": "7"}
    losses, scores = (
        [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]
        for name in ("teacher twin inputs/loss", "search/map50")
    )
    assert losses == [(1, 2.0), (2, 1.0)]
    assert scores == [(0, 0.25), (1, 0.5)]
    assert run.data.metrics["retrain c4/test/map50"] == 0.5
    assert run.data.metrics["retrain c4/bit_ops"] == 8.0
    [kept] = client.list_artifacts(run.info.run_id, "retrain_c4")
    assert kept.path == f"retrain_c4/{weights.name}"
