"""A training with validation from a config: files, figures, and the same command again."""

import json

import pytest

from results.layout import BEST_DETECTOR
from search.stages.train import run_train
from spaces.candidate import ALL_REAL
from trainers.detector_file import load_detector


@pytest.fixture(scope="module")
def settings():
    own = ("train.validate_every=1", "train.inputs_first_epochs=0", "train.layers=sign", "train.terms={}")
    return (*own, "teachers.twin.validate_every=5", "data.train_images=0.5")


@pytest.fixture(scope="module")
def trained(training_config, settings, tmp_path_factory):
    return run_train(training_config(*settings), tmp_path_factory.mktemp("runs") / "alone")


def test_the_best_weights_lie_beside_the_last_with_their_figures(trained):
    place = trained.checkpoint.parent
    kept = json.loads((place / "figures.json").read_text())["validation"]
    assert [one["epoch"] for one in kept["epochs"]] == [1, 2]
    assert kept["main"] == "map50"
    assert kept["best"]["map50"] == max(one["map50"] for one in kept["epochs"])
    assert (trained.best.checkpoint, trained.best.epoch) == (place / BEST_DETECTOR, kept["best_epoch"])
    assert trained.best.test == kept["test"]
    assert load_detector(place / BEST_DETECTOR).candidate == load_detector(trained.checkpoint).candidate


def test_a_teacher_has_them_too_and_the_log_has_every_validation(trained):
    run = trained.checkpoint.parents[2]
    kept = json.loads((run / "teachers" / "best" / "twin.json").read_text())
    assert load_detector(run / "teachers" / "best" / "twin.safetensors").candidate == ALL_REAL
    lines = [json.loads(line) for line in (run / "training.jsonl").read_text().splitlines()]
    teacher = [line for line in lines if line["stage"] == "teacher twin"]
    assert [one["epoch"] for one in kept["epochs"]] == [teacher[-1]["of"]]
    assert teacher[-1]["val_map50"] == round(kept["best"]["map50"], 4)
    assert all("val_map50" in line for line in lines if line["stage"].startswith("train"))


def test_the_same_command_reads_it_and_other_test_images_are_measured_anew(trained, training_config, settings):
    file = trained.checkpoint.parent / "figures.json"
    before = file.read_text()
    kept = json.loads(before)
    kept["validation"]["test"] = {"map50": 9.0}
    file.write_text(json.dumps({**kept, "test_images": "others"}))
    assert run_train(training_config(*settings), trained.checkpoint.parents[2]) == trained
    assert json.loads(file.read_text()) == json.loads(before)
