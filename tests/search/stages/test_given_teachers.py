"""Trained detectors that are given to a run as teachers: another one in the same place is noticed by every command."""

import json

import pytest
import torch
from typer.testing import CliRunner

import results
from search.cli.app import app
from search.comparison.retraining import run_retrain
from search.config import ConfigError, config_text
from search.errors import RunError
from search.plan.plan import plan_search, plan_training
from search.run.digests import input_digests, note_inputs
from search.run.folder import RunFolder
from search.stages.images import load_measured
from search.stages.measuring import figures_on
from search.stages.search import run_search
from search.stages.train import run_train
from spaces.candidate import ALL_REAL
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.shapes.writer import SHAPE_CLASSES
from trainers.detector_file import load_detector, save_detector
from trainers.progress import figures_text

SECTIONS = {
    "name": "given",
    "space": {
        "granularity": "stage",
        "layers": {"methods": ["real", "sign"]},
        "terms": {"feature_hint": {"teachers": ["none", "big"]}},
    },
    "train": {
        "layers": "sign",
        "start": "scratch",
        "terms": {"feature_hint": {"teacher": "big"}},
        "epochs": 1,
        "batch_size": 8,
    },
}
SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=len(SHAPE_CLASSES), image_size=96, width=0.125)
MESSAGE = (
    r"was begun with other weights than are there now: teachers\.big\.weights \(.*big\.safetensors\) is another file"
)


def write_teacher(path, seed):
    torch.manual_seed(seed)
    save_detector(path, build_fixed(SPEC, ALL_REAL), SPEC, ALL_REAL, SHAPE_CLASSES)


@pytest.fixture
def big(tmp_path):
    path = tmp_path / "big.safetensors"
    write_teacher(path, 0)
    return path


@pytest.fixture
def config(tiny_config, big):
    return lambda *overrides: tiny_config(f"teachers.big.weights={big}", *overrides, **SECTIONS)


@pytest.fixture
def begun(config, tmp_path):
    """A search that has its twin and a scored candidate, and noted the file of its other teacher."""
    plan, run = plan_search(config(), None).base, RunFolder(tmp_path / "run")
    run.begin(config_text(plan.config))
    note_inputs(run, input_digests(run, plan.inputs))
    run.teacher("twin").parent.mkdir()
    run.teacher("twin").touch()
    scored = {"number": 0, "id": "0" * 12, "state": "complete", "layer/backbone.layer1": "sign"}
    results.write_run_tables(run.path, [{**scored, "map50": 0.5, "bit_ops": 1.0}], x="bit_ops", y="map50")
    return run


def test_a_search_is_not_taken_up_with_another_teacher(begun, config, big):
    write_teacher(big, 1)
    with pytest.raises(RunError, match=MESSAGE):
        run_search(config(), begun.path)


def test_no_candidate_is_retrained_with_another_teacher_and_none_without_it(begun, big):
    write_teacher(big, 1)
    with pytest.raises(RunError, match=MESSAGE):
        run_retrain(begun.path, "0")
    big.unlink()
    with pytest.raises(ConfigError, match=r"teachers\.big\.weights: is .*, but there is no such file"):
        run_retrain(begun.path, "0")


def test_a_training_is_not_read_or_gone_on_with_another_teacher(config, write_config, big, tmp_path):
    run, chosen = tmp_path / "run", config()
    trained = run_train(chosen, run)
    assert run_train(chosen, run) == trained
    first = big.read_bytes()
    write_teacher(big, 1)
    command = ["train", str(write_config(**SECTIONS)), "--set", f"teachers.big.weights={big}", "--run-dir", str(run)]
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"Error: {run} was begun with other weights than are there now")
    big.write_bytes(first)
    assert run_train(chosen, run) == trained


def test_a_training_shows_what_its_given_teacher_can_and_measures_it_once(
    config, big, recorded_progress, tmp_path, monkeypatch
):
    run, chosen = tmp_path / "run", config()
    shown = recorded_progress()
    trained = run_train(chosen, run, progress=shown)
    kept = json.loads((run / "teachers" / "big.json").read_text())
    note = f"teacher big: {figures_text(kept)} on 8 images of val"
    assert shown.notes == [note]
    assert trained.twin_test == {}
    network = load_detector(big).network
    test = load_measured(plan_training(chosen, None).base, RunFolder(run), "test")
    assert trained.teachers_test == {"big": figures_on(network, test)}
    for function in ("detector_result.measure", "teacher_figures.figures_on", "teachers.scores_on"):
        monkeypatch.setattr(f"search.stages.{function}", lambda *_: pytest.fail("it was measured again"))
    assert run_train(chosen, run, progress=shown) == trained
    assert shown.notes == [note, note]
    figures = trained.checkpoint.with_name("figures.json")
    older = json.loads(figures.read_text())
    del older["teachers_test"]
    figures.write_text(json.dumps(older))
    assert run_train(chosen, run, progress=shown).teachers_test == {}


def test_a_training_does_not_mind_a_teacher_that_it_has_no_use_for(config, big, tmp_path):
    idle = tmp_path / "idle.safetensors"
    write_teacher(idle, 0)
    run, chosen = tmp_path / "run", config(f"teachers.idle.weights={idle}")
    trained = run_train(chosen, run)
    write_teacher(idle, 1)
    assert run_train(chosen, run) == trained
    assert list(json.loads((run / "given.json").read_text())) == ["teachers.big.weights"]
