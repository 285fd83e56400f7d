"""Runs whose images don't fit into memory end as those whose images do, also after a kill in mid-epoch."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors import safe_open

from search import load_config, run_train
from search.cli.user_errors import is_users_mistake
from search.stages.evaluate import Reading, run_evaluate
from trainers.data.errors import DataError
from trainers.data.shapes.scene import SHAPE_CLASSES
from trainers.data.shapes.writer import write_shapes
from trainers.progress import SilentProgress

CONFIG = """
name: streamed
device: cpu
tensorboard: false
data: {{format: voc, root: {root}, classes: {classes}, image_size: 96, val_images: 4}}
student: {{detector: ssd_resnet18, width: 0.125}}
train: {{layers: sign, start: scratch, epochs: 3, batch_size: 4}}
"""
STREAMED = ("data.memory_limit_mb=0.15", "data.loader_workers=1")
"""5 images of 27 kB in memory: those of val that are scored on, and neither set as a whole."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    write_shapes(folder, sizes={"train": 24, "val": 8, "test": 8}, image_size=96)
    return folder


@pytest.fixture
def config(root, tmp_path):
    file = tmp_path / "streamed.yaml"
    file.write_text(CONFIG.format(root=root, classes=list(SHAPE_CLASSES)))
    return lambda *overrides: load_config(file, overrides)


def outcome(run: Path) -> tuple[dict[str, bytes], list[tuple[object, ...]], dict[str, object]]:
    """Weights, losses by epoch, and figures. The file itself orders its header as it likes."""
    (place,) = (run / "trained").iterdir()
    with safe_open(place / "detector.safetensors", "np") as file:
        names = file.keys()  # it is no dict, which one could go over
        weights = {name: file.get_tensor(name).tobytes() for name in names}
    log = [json.loads(line) for line in (run / "training.jsonl").read_text().splitlines()]
    losses = [(line["stage"], line["epoch"], line["loss"]) for line in log]
    figures = json.loads((place / "figures.json").read_text())
    del figures["sha256"]
    return weights, losses, figures


@pytest.fixture(scope="module")
def unbroken(root, tmp_path_factory):
    """The outcome of the training with all images in memory."""
    folder = tmp_path_factory.mktemp("unbroken")
    (folder / "streamed.yaml").write_text(CONFIG.format(root=root, classes=list(SHAPE_CLASSES)))
    run_train(load_config(folder / "streamed.yaml"), folder / "run")
    return outcome(folder / "run")


@pytest.mark.parametrize("beyond", ["cache", "files"])
def test_a_streamed_training_ends_as_one_in_memory(config, tmp_path, unbroken, beyond):
    run = tmp_path / "run"
    run_train(config(*STREAMED, f"data.beyond_memory={beyond}"), run)
    assert outcome(run) == unbroken
    caches = [one for one in (run / "image_cache").iterdir() if one.is_dir()]
    assert [(one / "pixels").exists() for one in caches] == [beyond == "cache"] * 3  # train, val and test


def test_a_run_goes_on_with_another_limit_and_another_folder(config, tmp_path, unbroken, monkeypatch):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("search.stages.train._trained", _stopped)
        with pytest.raises(KeyboardInterrupt):
            run_train(config(), run)
    run_train(config(*STREAMED, f"data.cache={tmp_path / 'shared'}"), run)
    assert outcome(run) == unbroken
    assert not (run / "image_cache").exists()
    assert len([one for one in (tmp_path / "shared").iterdir() if one.is_dir()]) == 3


def _stopped(*arguments):
    raise KeyboardInterrupt


def test_images_to_score_on_that_do_not_fit_are_refused_with_the_way_out(config, tmp_path):
    # 8 images x 3 x 96 x 96 bytes are 0.21 MB.
    with pytest.raises(DataError) as caught:
        run_train(config(*STREAMED, "data.val_images=null"), tmp_path / "run")
    assert "they take 0.2 MB, more than the limit of 0.15 MB. Set data.val_images" in str(caught.value)
    assert is_users_mistake(caught.value)
    assert not (tmp_path / "run").exists()


def test_evaluation_beyond_the_limit_measures_the_same(config, root, tmp_path):
    detector = run_train(config(), tmp_path / "run").checkpoint
    readings = [Reading(root=root, format="voc"), Reading(root=root, format="voc", memory_limit_mb=0.1)]
    memory, streamed = (run_evaluate(detector, one, "cpu", SilentProgress()) for one in readings)
    assert streamed.figures == memory.figures
    assert streamed.sizes == pytest.approx(memory.sizes, nan_ok=True)


# Three processes that import torch.
@pytest.mark.slow
def test_a_training_killed_in_mid_epoch_ends_as_the_unbroken_one(config, tmp_path, unbroken):
    config()
    run, log = tmp_path / "run", tmp_path / "log"
    program = (
        "import sys; from trainers.training import resuming; resuming.SAVE_EVERY_SECONDS = 0.0; "
        "resuming.SAVE_SHARE = float('inf'); from search.cli import main; main()"
    )
    settings = [option for one in STREAMED for option in ("--set", one)]
    command = [
        sys.executable,
        "-c",
        program,
        "train",
        str(tmp_path / "streamed.yaml"),
        "--run-dir",
        str(run),
        *settings,
    ]
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    states = set()
    while len(states) < 9:  # 6 steps an epoch: in the second one
        assert process.poll() is None, log.read_text()
        states |= {(one.stat().st_ino, one.stat().st_mtime_ns) for one in (run / "unfinished").glob("*.pt")}
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert subprocess.run(command, capture_output=True).returncode == 0  # at once: the lock is free
    assert outcome(run) == unbroken
