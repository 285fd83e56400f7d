"""What a start leaves that is refused for its input: nothing, or the folder as it was."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import results
from search.cli.app import app
from search.config import Config, ConfigError, load_config
from search.errors import RunError
from search.run.folder import RunFolder, open_run_folder
from search.run.start import started_run
from search.stages.search import run_retrain, run_search
from search.stages.train import run_train
from trainers.data.errors import DataError
from trainers.data.shapes import SHAPE_CLASSES, write_shapes
from trainers.progress import SilentProgress

CONFIG = """
name: refused
device: cpu
data: {format: shapes, image_size: 96, shapes: {train: 8, val: 4, test: 4, image_size: 96}}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {twin: {epochs: 1, batch_size: 8}}
supernet: {batch_size: 8}
retrain: {batch_size: 8}
train: {layers: sign, epochs: 1, batch_size: 8}
"""
LITTLE_MEMORY = "data.memory_limit_mb=0.1"
"""Refused when the images are there and are to be decoded."""


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "refused.yaml"
    file.write_text(CONFIG)
    return lambda *overrides: load_config(file, overrides)


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def train_twin(folder: RunFolder) -> None:
    folder.teacher("twin").parent.mkdir()
    folder.teacher("twin").touch()


@pytest.mark.parametrize("start", [run_search, run_train])
def test_of_a_start_that_is_refused_after_its_images_were_made_nothing_is_left(config, tmp_path, start):
    run = tmp_path / "runs" / "new"
    with pytest.raises(DataError, match=r"more than the limit of 0\.1 MB"):
        start(config(LITTLE_MEMORY), run, None, SilentProgress())
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("start", "section"),
    [(run_train, "train"), (run_train, "teachers.twin"), (run_search, "supernet"), (run_search, "retrain")],
)
@pytest.mark.parametrize("layout", ["shapes", "voc"])
def test_a_batch_larger_than_the_data_is_refused_before_an_image_is_read(config, tmp_path, start, section, layout):
    root = tmp_path / "images"
    if layout == "voc":
        write_shapes(root, sizes={"train": 8, "val": 4, "test": 4}, image_size=96)
        shutil.rmtree(root / "VOCdevkit" / "VOC2007" / "JPEGImages")
    overrides = [f"data.format={layout}", f"data.root={root}", f"data.classes={list(SHAPE_CLASSES)}"]
    with pytest.raises(ConfigError, match=rf"{section}\.batch_size is 9, but train has 8 images"):
        start(config(*overrides, f"{section}.batch_size=9"), tmp_path / "run", None, SilentProgress())
    assert root.exists() == (layout == "voc")
    assert not (tmp_path / "run").exists()


def test_an_empty_folder_stays_and_stays_empty(config, tmp_path):
    run = tmp_path / "mine"
    run.mkdir()
    with pytest.raises(DataError, match="limit"):
        run_train(config(LITTLE_MEMORY), run, None, SilentProgress())
    assert list(run.iterdir()) == []


@pytest.mark.parametrize("begun", [False, True])
def test_a_run_that_was_there_keeps_its_config_and_its_notes(config, tmp_path, begun):
    run, first = tmp_path / "run", config("retrain.epochs=7")
    folder = open_run_folder(run, first)
    (run / "seconds.json").write_text("{}")
    (run / "lock").touch()
    if begun:
        train_twin(folder)
    before = contents(run)
    with pytest.raises(DataError, match="limit"):
        run_search(config("retrain.epochs=8", LITTLE_MEMORY), run, None, SilentProgress())
    assert contents(run) == before


def refused_after(run: Path, config: Config, done: Callable[[RunFolder], None]) -> None:
    with started_run(run, config) as folder:
        done(folder)
        raise DataError("an image", "is bad")


def test_what_was_trained_stays_and_so_does_what_it_was_trained_with(config, tmp_path):
    run = tmp_path / "run"
    with pytest.raises(DataError):
        refused_after(run, config(), train_twin)
    assert (run / "config.yaml").is_file()
    assert (run / "teachers" / "twin.safetensors").is_file()


def test_only_images_that_were_generated_are_taken_away_again(config, tmp_path):
    with pytest.raises(DataError):
        refused_after(tmp_path / "made", config(), lambda run: write_shapes(run.data, sizes={"val": 1}, image_size=64))
    with pytest.raises(DataError):
        refused_after(tmp_path / "brought", config(), lambda run: run.data.mkdir())
    assert not (tmp_path / "made").exists()
    assert (tmp_path / "brought" / "data").is_dir()


@pytest.mark.parametrize(
    ("function", "reached"),
    [
        ("shutil.rmtree", ".data.unfinished"),
        ("pathlib.Path.unlink", "seconds.json"),
        ("pathlib.Path.unlink", "config.yaml"),
    ],
)
def test_killed_while_it_is_put_back_the_folder_can_be_started_again(config, tmp_path, monkeypatch, function, reached):
    run, wrong = tmp_path / "run", config(LITTLE_MEMORY)
    real = shutil.rmtree if function == "shutil.rmtree" else Path.unlink

    def killed(path, *arguments, **options):
        if path.name == reached and path.exists():
            raise SystemExit
        real(path, *arguments, **options)

    monkeypatch.setattr(function, killed)
    with pytest.raises(SystemExit):
        run_train(wrong, run, None, SilentProgress())
    monkeypatch.undo()
    assert (run / "config.yaml").is_file()
    with pytest.raises(DataError, match="limit"):
        run_train(wrong, run, None, SilentProgress())
    assert run_train(config("train.start=scratch"), run, None, SilentProgress()).checkpoint.is_file()


def test_a_start_whose_result_lost_its_detector_changes_nothing_in_the_run(config, tmp_path):
    run = tmp_path / "run"
    run_train(config("train.start=scratch"), run, None, SilentProgress()).checkpoint.unlink()
    before = contents(run)
    with pytest.raises(RunError, match=r"detector\.safetensors is not the file that the run wrote"):
        run_train(config("train.start=scratch", "retrain.epochs=9"), run, None, SilentProgress())
    assert contents(run) == before


def test_a_stop_is_no_refusal_and_leaves_what_the_next_start_goes_on_with(config, tmp_path):
    with pytest.raises(KeyboardInterrupt), started_run(tmp_path / "run", config()):
        raise KeyboardInterrupt
    assert (tmp_path / "run" / "config.yaml").is_file()


def test_a_retraining_without_its_images_changes_nothing_in_the_run(config, tmp_path):
    run = tmp_path / "run"
    open_run_folder(run, config("data.format=voc", f"data.root={tmp_path}"))
    scored = {"number": 0, "id": "0" * 12, "state": "complete", "layer/backbone.layer1": "sign"}
    results.write_run_tables(run, [{**scored, "map50": 0.5, "bit_ops": 1.0}], x="bit_ops", y="map50")
    (run / "lock").touch()
    before = contents(run)
    with pytest.raises(DataError, match="there is no data here"):
        run_retrain(run, "0", None, tmp_path / "none", SilentProgress())
    assert contents(run) == before


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["--set", "data.format=shapes"], "data.train: is 'trainval', but data.format is shapes"),
        (["--data", "/nonexist"], "/nonexist/VOCdevkit/VOC2007: there is no data here: /nonexist doesn't exist"),
    ],
)
def test_a_preset_without_its_images_is_one_message_and_no_folder(tmp_path, overrides, message):
    refused = CliRunner().invoke(app, ["train", "lws_det_voc", "--run-dir", str(tmp_path / "run"), *overrides])
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"Error: {message}")
    assert not (tmp_path / "run").exists()
