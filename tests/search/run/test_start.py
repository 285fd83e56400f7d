"""What a start leaves that is refused for its input: nothing, or the folder as it was."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import results
from search.cli.app import app
from search.comparison.retraining import run_retrain
from search.config import Config, ConfigError, config_text, load_config
from search.errors import RunError
from search.run.folder import RunFolder
from search.stages.search import run_search
from search.stages.train import run_train
from trainers.data.errors import DataError
from trainers.data.shapes.writer import SHAPE_CLASSES, write_shapes
from trainers.progress import SilentProgress
from trainers.seeding import seeded

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


def begin(run: Path, config: Config) -> RunFolder:
    folder = RunFolder(run)
    folder.begin(config_text(config))
    return folder


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
    folder = begin(run, first)
    (run / "seconds.json").write_text("{}")
    (run / "lock").touch()
    if begun:
        folder.teacher("twin").parent.mkdir()
        folder.teacher("twin").touch()
    before = contents(run)
    with pytest.raises(DataError, match="limit"):
        run_search(config("retrain.epochs=8", LITTLE_MEMORY), run, None, SilentProgress())
    assert contents(run) == before


def test_images_that_were_there_before_stay_when_a_start_is_refused(config, tmp_path):
    run = tmp_path / "run"
    write_shapes(run / "data", sizes={"train": 8, "val": 4, "test": 4}, image_size=96, seed=seeded(0, "shapes"))
    (run / "lock").touch()
    before = contents(run)
    with pytest.raises(DataError, match="limit"):
        run_train(config(LITTLE_MEMORY), run)
    assert contents(run) == before


def test_killed_while_it_takes_its_images_away_the_folder_can_be_started_again(config, tmp_path, monkeypatch):
    run, wrong = tmp_path / "run", config(LITTLE_MEMORY)
    remove = shutil.rmtree

    def killed(path, *arguments, **options):
        if path.name == ".data.refused.unfinished":
            raise SystemExit
        remove(path, *arguments, **options)

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(SystemExit):
        run_train(wrong, run)
    monkeypatch.undo()
    assert not (run / "config.yaml").exists()
    with pytest.raises(DataError, match="limit"):
        run_train(wrong, run)
    assert run_train(config("train.start=scratch"), run).checkpoint.is_file()


def test_a_start_that_is_stopped_while_it_reads_its_images_can_be_gone_on_with(config, tmp_path, monkeypatch):
    run = tmp_path / "run"

    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("search.stages.data.load_training", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_train(config("train.start=scratch"), run)
    monkeypatch.undo()
    assert (run / "data" / "shapes.json").is_file()
    assert run_train(config("train.start=scratch"), run).checkpoint.is_file()


def test_what_was_trained_stays_when_a_later_stage_is_refused(config, tmp_path, monkeypatch):
    run = tmp_path / "run"

    def refused(*arguments):
        raise DataError("an image", "is bad")

    monkeypatch.setattr("search.stages.train.distiller_for", refused)
    with pytest.raises(DataError):
        run_train(config(), run)
    assert (run / "config.yaml").is_file()
    assert (run / "teachers" / "twin.safetensors").is_file()


@pytest.mark.parametrize("start", ["twin", "scratch"])
def test_test_images_that_measure_nothing_are_refused_before_anything_is_written(config, tmp_path, start):
    root = tmp_path / "images"
    write_shapes(root, sizes={"train": 8, "val": 4, "test": 4}, image_size=96)
    for annotation in (root / "VOCdevkit" / "VOC2007" / "Annotations").glob("test*.xml"):
        annotation.write_text("<annotation><size><width>96</width><height>96</height></size></annotation>")
    voc = ["data.format=voc", f"data.root={root}", f"data.classes={list(SHAPE_CLASSES)}", f"train.start={start}"]
    with pytest.raises(DataError, match="the image set test: its 4 images hold no object that counts"):
        run_train(config(*voc), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_generated_images_in_a_folder_of_the_users_are_taken_away_too(config, tmp_path):
    with pytest.raises(DataError, match="limit"):
        run_train(config(LITTLE_MEMORY, f"data.root={tmp_path / 'made'}"), tmp_path / "run")
    assert not (tmp_path / "made").exists()


def test_a_start_whose_result_lost_its_detector_changes_nothing_in_the_run(config, tmp_path):
    run = tmp_path / "run"
    run_train(config("train.start=scratch"), run, None, SilentProgress()).checkpoint.unlink()
    before = contents(run)
    with pytest.raises(RunError, match=r"detector\.safetensors is not the file that the run wrote"):
        run_train(config("train.start=scratch", "retrain.epochs=9"), run, None, SilentProgress())
    assert contents(run) == before


def test_a_retraining_without_its_images_changes_nothing_in_the_run(config, tmp_path):
    run = tmp_path / "run"
    begin(run, config("data.format=voc", f"data.root={tmp_path}"))
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
        (["--data", "/nonexist"], "/nonexist: there is no data here: it doesn't exist"),
    ],
)
def test_a_preset_without_its_images_is_one_message_and_no_folder(tmp_path, overrides, message):
    refused = CliRunner().invoke(app, ["train", "lws_det_voc", "--run-dir", str(tmp_path / "run"), *overrides])
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"Error: {message}")
    assert not (tmp_path / "run").exists()
