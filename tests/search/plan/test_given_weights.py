"""Files of weights that were given to a run: another one in the same place is noticed, whichever command reads it."""

import hashlib
import json
from functools import partial

import pytest
import torch
from typer.testing import CliRunner

import results
from search.cli.app import app
from search.config import ConfigError, config_text
from search.errors import RunError
from search.plan.plan import plan_search, plan_training
from search.run.digests import input_digests, note_inputs
from search.run.folder import RunFolder
from search.stages.detector_result import figures_on
from search.stages.images import load_measured
from search.stages.search import run_retrain, run_search
from search.stages.train import run_train
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.shapes import SHAPE_CLASSES
from trainers.detector_file import load_detector, save_detector
from trainers.progress import SilentProgress, figures_text

SHAPES = {"train": 8, "val": 4, "test": 4, "image_size": 96}
TERM = {"feature_hint": {"teacher": "big"}}
SECTIONS = {
    "name": "given",
    "data": {"format": "shapes", "image_size": 96, "shapes": SHAPES},
    "teachers": {"twin": {"epochs": 1, "batch_size": 8}, "big": {"batch_size": 8}},
    "train": {"layers": "sign", "start": "scratch", "terms": TERM, "epochs": 1, "batch_size": 8},
}
SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=len(SHAPE_CLASSES), image_size=96, width=0.125)
MESSAGE = (
    r"was begun with other weights than are there now: teachers\.big\.weights \(.*big\.safetensors\) is another file"
)


def write_teacher(path, seed):
    torch.manual_seed(seed)
    save_detector(path, build_fixed(SPEC, Candidate({})), SPEC, Candidate({}), SHAPE_CLASSES)


@pytest.fixture
def big(tmp_path):
    path = tmp_path / "big.safetensors"
    write_teacher(path, 0)
    return path


@pytest.fixture
def config(tiny_config):
    return partial(tiny_config, **SECTIONS)


@pytest.fixture
def begun(config, big, tmp_path):
    """A search that has its twin and a scored candidate, and knows the file of its other teacher."""
    plan = plan_search(config(f"teachers.big.weights={big}"), None).base
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.begin(config_text(plan.config))
    keep(folder, plan.inputs)
    folder.teacher("twin").parent.mkdir()
    folder.teacher("twin").touch()
    scored = {"number": 0, "id": "0" * 12, "state": "complete", "layer/backbone.layer1": "sign"}
    results.write_run_tables(folder.path, [{**scored, "map50": 0.5, "bit_ops": 1.0}], x="bit_ops", y="map50")
    return folder


def keep(folder, files):
    """As a start does before it trains."""
    note_inputs(folder, input_digests(folder, files))


TWIN, NO_TERMS = "train.start=twin", "train.terms={{}}"
BIG_SAFE, BIG_PTH, STUDENT_PTH = "teachers.big.weights={safe}", "teachers.big.weights={pth}", "student.weights={pth}"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ((BIG_SAFE, TWIN), {"teachers.big.weights": "safe"}),
        ((BIG_SAFE, TWIN, NO_TERMS), {}),
        ((BIG_PTH,), {"teachers.big.weights": "pth"}),
        ((STUDENT_PTH, TWIN, NO_TERMS), {"student.weights": "pth"}),
        ((STUDENT_PTH, TWIN), {"student.weights": "pth"}),
        ((STUDENT_PTH, NO_TERMS), {"student.weights": "pth"}),
        (("teachers.twin.weights={safe}", STUDENT_PTH, TWIN, NO_TERMS), {"teachers.twin.weights": "safe"}),
        (("student.width=1", "student.weights=imagenet", NO_TERMS), {}),
        ((TWIN,), {}),
    ],
)
def test_the_files_of_a_start_are_those_that_it_reads(config, big, tmp_path, monkeypatch, overrides, expected):
    paths = {"safe": big, "pth": tmp_path / "b.pth"}
    stem = {"conv1.weight": torch.zeros(64, 3, 7, 7)}
    monkeypatch.setattr("search.plan.published.download", lambda *_: stem)
    torch.save({"conv1.weight": torch.zeros(8, 3, 7, 7)}, paths["pth"])
    plan = plan_training(config(*(one.format(**paths) for one in overrides)), None)
    assert plan.base.inputs == {key: paths[name] for key, name in expected.items()}


def test_what_is_kept_are_digests_by_key_beside_those_of_earlier_starts(tmp_path):
    folder, one, other = RunFolder(tmp_path), tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"one")
    other.write_bytes(b"other")
    (tmp_path / "journal.log").touch()
    keep(folder, {"student.weights": one})
    keep(folder, {"teachers.big.weights": other})
    assert json.loads((tmp_path / "given.json").read_text()) == {
        "student.weights": hashlib.sha256(b"one").hexdigest(),
        "teachers.big.weights": hashlib.sha256(b"other").hexdigest(),
    }


def test_a_run_without_such_files_keeps_none(tmp_path):
    keep(RunFolder(tmp_path), {})
    assert not list(tmp_path.iterdir())


def test_until_something_was_trained_a_file_may_be_replaced(tmp_path):
    folder, file = RunFolder(tmp_path), tmp_path / "file"
    file.write_bytes(b"wrong")
    keep(folder, {"student.weights": file})
    file.write_bytes(b"right")
    keep(folder, {"student.weights": file})
    (tmp_path / "journal.log").touch()
    keep(folder, {"student.weights": file})
    file.write_bytes(b"third")
    with pytest.raises(
        RunError, match=r"student\.weights \(.*file\) is another file\. Bring the old one back, or give"
    ):
        keep(folder, {"student.weights": file})
    digest = hashlib.sha256(b"right").hexdigest()
    assert json.loads((tmp_path / "given.json").read_text()) == {"student.weights": digest}


def test_a_run_that_knows_no_digests_gets_them_at_its_next_start(tmp_path):
    folder, file = RunFolder(tmp_path), tmp_path / "file"
    file.write_bytes(b"a")
    (tmp_path / "journal.log").touch()
    keep(folder, {"student.weights": file})
    file.write_bytes(b"b")
    with pytest.raises(RunError, match="other weights"):
        keep(folder, {"student.weights": file})


def test_a_file_that_is_gone_is_left_to_its_reader_and_told_apart_when_it_is_back(tmp_path):
    folder, file = RunFolder(tmp_path), tmp_path / "file"
    file.write_bytes(b"a")
    (tmp_path / "journal.log").touch()
    keep(folder, {"student.weights": file})
    file.unlink()
    keep(folder, {"student.weights": file})
    file.write_bytes(b"b")
    with pytest.raises(RunError, match="other weights"):
        keep(folder, {"student.weights": file})


def test_a_search_is_not_taken_up_with_another_teacher(begun, config, big):
    write_teacher(big, 1)
    with pytest.raises(RunError, match=MESSAGE):
        run_search(config(f"teachers.big.weights={big}"), begun.path, None, SilentProgress())


def test_no_candidate_is_retrained_with_another_teacher_and_none_without_it(begun, big):
    write_teacher(big, 1)
    with pytest.raises(RunError, match=MESSAGE):
        run_retrain(begun.path, "0", None, None, SilentProgress())
    big.unlink()
    with pytest.raises(ConfigError, match=r"teachers\.big\.weights: is .*, but there is no such file"):
        run_retrain(begun.path, "0", None, None, SilentProgress())


def test_a_training_is_not_read_or_gone_on_with_another_teacher(config, write_config, big, tmp_path):
    run, chosen = tmp_path / "run", config(f"teachers.big.weights={big}")
    trained = run_train(chosen, run, None, SilentProgress())
    assert run_train(chosen, run, None, SilentProgress()) == trained
    first = big.read_bytes()
    write_teacher(big, 1)
    command = ["train", str(write_config(**SECTIONS)), "--set", f"teachers.big.weights={big}", "--run-dir", str(run)]
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"Error: {run} was begun with other weights than are there now")
    big.write_bytes(first)
    assert run_train(chosen, run, None, SilentProgress()) == trained


def test_a_training_shows_what_its_given_teacher_can_and_measures_it_once(config, big, tmp_path, monkeypatch):
    run, chosen, notes = tmp_path / "run", config(f"teachers.big.weights={big}"), []
    shown = SilentProgress()
    shown.note = notes.append
    trained = run_train(chosen, run, None, shown)
    figures_on_val = json.loads((run / "teachers" / "big.json").read_text())
    assert notes == [f"teacher big: {figures_text(figures_on_val)} on 4 images of val"]
    assert trained.twin_test == {}
    network = load_detector(big).network
    test = load_measured(plan_training(chosen, None).base, RunFolder(run), "test", SilentProgress())
    assert trained.teachers_test == {"big": figures_on(network, test)}
    for module in ("detector_result", "teacher_figures"):
        monkeypatch.setattr(f"search.stages.{module}.figures_on", lambda *_: pytest.fail("it was measured again"))
    monkeypatch.setattr("search.stages.teachers.score_metrics", lambda *_: pytest.fail("it was measured again"))
    assert run_train(chosen, run, None, shown) == trained
    assert notes == notes[:1] * 2
    figures = trained.checkpoint.with_name("figures.json")
    older = json.loads(figures.read_text())
    del older["teachers_test"]
    figures.write_text(json.dumps(older))
    assert run_train(chosen, run, None, shown).teachers_test == {}


def test_a_training_does_not_mind_a_teacher_that_it_has_no_use_for(config, big, tmp_path):
    idle = tmp_path / "idle.safetensors"
    write_teacher(idle, 0)
    run, chosen = tmp_path / "run", config(f"teachers.big.weights={big}", f"teachers.idle.weights={idle}")
    trained = run_train(chosen, run, None, SilentProgress())
    write_teacher(idle, 1)
    assert run_train(chosen, run, None, SilentProgress()) == trained
    assert list(json.loads((run / "given.json").read_text())) == ["teachers.big.weights"]
