"""Files of weights that a run made itself: another one in the same place is noticed, and the way out is told."""

import hashlib
import json
import shutil

import pytest
import torch
from typer.testing import CliRunner

import results
from search.cli.app import app
from search.comparison.retraining import run_retrain
from search.config import load_config
from search.errors import RunError
from search.plan.sources import settled
from search.run.digests import reading, writing
from search.run.folder import RunFolder
from search.stages.train import run_train
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError, load_weights, save_weights
from trainers.data.shapes.writer import SHAPE_CLASSES
from trainers.detector_file import save_detector
from trainers.progress import SilentProgress

CONFIG = """
name: written
device: cpu
data: {format: shapes, image_size: 96, shapes: {train: 8, val: 4, test: 4, image_size: 96}}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {twin: {epochs: 1, batch_size: 8}, big: {width: 0.25, epochs: 1, batch_size: 8}}
space: {granularity: stage, layers: {methods: [real, sign]}, terms: {feature_hint: {teachers: [none, big]}}}
supernet: {epochs: 1, batch_size: 8}
retrain: {epochs: 1, batch_size: 8}
train: {layers: sign, terms: {feature_hint: {teacher: big}}, epochs: 1, batch_size: 8}
"""
TWIN, BIG, SUPERNET = "teachers/twin.safetensors", "teachers/big.safetensors", "supernet.safetensors"


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    file = tmp_path_factory.mktemp("config") / "written.yaml"
    file.write_text(CONFIG)
    return settled(load_config(file), None)


@pytest.fixture(scope="module")
def made(config, prepared, tmp_path_factory):
    """A run with its teachers, a supernet, one scored candidate and one network that was trained alone: some 8 s."""
    run = tmp_path_factory.mktemp("runs") / "made"
    prepared(config, run)
    run_train(config, run, None, SilentProgress())
    scored = {"number": 0, "id": "0" * 12, "state": "complete", "layer/backbone.layer1": "sign"}
    scored |= {"teacher/feature_hint": "big", "weight/feature_hint": 1.0}
    results.write_run_tables(run, [{**scored, "map50": 0.5, "bit_ops": 1.0}], x="bit_ops", y="map50")
    return run


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


def write_detector(path, width):
    torch.manual_seed(7)
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=len(SHAPE_CLASSES), image_size=96, width=width)
    save_detector(path, build_fixed(spec, Candidate({})), spec, Candidate({}), SHAPE_CLASSES)


def write_other_tensors(path):
    state, description = load_weights(path)
    save_weights(path, {name: one[:1] if one.dim() else one for name, one in state.items()}, description)


OTHERS = [
    (TWIN, lambda path: write_detector(path, 0.125)),
    (TWIN, lambda path: path.write_bytes(b"no weights")),
    (BIG, lambda path: write_detector(path, 0.5)),
    (SUPERNET, write_other_tensors),
    (SUPERNET, lambda path: write_detector(path, 0.125)),
]


def message(file):
    return f"{file} is not the file that the run wrote: .* Bring that one back, or delete this one, and the run trains"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_a_run_made_is_noted_by_its_bytes(made):
    assert json.loads((made / "written.json").read_text()) == {
        name: digest(made / name) for name in (TWIN, BIG, SUPERNET)
    }


@pytest.mark.parametrize(("name", "replace"), OTHERS)
def test_no_candidate_is_retrained_on_a_file_that_the_run_did_not_write(run, name, replace):
    replace(run / name)
    refused = CliRunner().invoke(app, ["retrain", str(run), "--candidate", "0"])
    assert refused.exit_code == 2
    told = refused.stderr[refused.stderr.index("Error: ") :]
    assert told.startswith(f"Error: {run / name} is not the file that the run wrote: it was damaged, replaced or taken")
    assert "teachers." not in told  # no key of the config is at fault
    assert not (run / "retrained").exists()


def test_on_what_the_run_wrote_a_candidate_is_retrained_and_shown_beside_its_teachers(run):
    found = run_retrain(run, "0", None, None, SilentProgress())
    assert found.checkpoint.is_file()
    assert set(found.test) == set(found.twin_test) == set(found.teachers_test["big"])
    assert list(found.teachers_test) == ["big"]


def test_a_valid_teacher_of_another_training_is_refused_by_a_training_too(config, run):
    write_detector(run / TWIN, 0.125)
    with pytest.raises(RunError, match=message(run / TWIN)):
        run_train(config, run, None, SilentProgress())


@pytest.mark.parametrize(("name", "replace"), OTHERS[1:])
def test_an_older_run_without_notes_refuses_what_can_not_be_its_own(config, prepared, run, name, replace):
    (run / "written.json").unlink()
    replace(run / name)
    with pytest.raises(RunError, match=message(run / name)):
        prepared(config, run)


def test_an_older_run_goes_on_and_has_its_notes_then(config, prepared, made, run):
    (run / "written.json").unlink()
    prepared(config, run)
    assert json.loads((run / "written.json").read_text()) == json.loads((made / "written.json").read_text())


def test_a_teacher_that_is_deleted_is_trained_and_measured_again(config, prepared, run):
    first = load_weights(run / TWIN)[0]
    (run / TWIN).unlink()
    (run / "teachers" / "twin.json").write_text("{}")
    prepared(config, run)
    again = load_weights(run / TWIN)[0]
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert json.loads((run / "written.json").read_text())[TWIN] == digest(run / TWIN)
    assert "map50" in json.loads((run / "teachers" / "twin.json").read_text())


def test_a_trained_detector_is_what_its_figures_are_of(config, run):
    (detector,) = (run / "trained").glob("*/detector.safetensors")
    told = (
        rf"{detector} is not the file that the run wrote: .* or delete {detector.parent}, and the run trains it again"
    )
    write_detector(detector, 0.125)
    with pytest.raises(RunError, match=told):
        run_train(config, run, None, SilentProgress())
    detector.unlink()
    with pytest.raises(RunError, match=told):
        run_train(config, run, None, SilentProgress())
    shutil.rmtree(detector.parent)
    assert run_train(config, run, None, SilentProgress()).checkpoint == detector


def test_an_older_result_without_a_digest_is_read(config, made, run):
    (figures,) = (run / "trained").glob("*/figures.json")
    kept = json.loads(figures.read_text())
    assert kept.pop("sha256") == digest(figures.with_name("detector.safetensors"))
    figures.write_text(json.dumps(kept))
    assert run_train(config, run, None, SilentProgress()).test == kept["test"]
    figures.write_text(json.dumps({**kept, "test_images": "others"}))
    figures.with_name("detector.safetensors").write_bytes(b"no weights")
    with pytest.raises(RunError, match=r"is not the file that the run wrote"):
        run_train(config, run, None, SilentProgress())


def test_a_process_that_is_killed_while_it_writes_leaves_no_note_of_an_earlier_file(tmp_path):
    folder, file = RunFolder(tmp_path), tmp_path / "supernet.safetensors"
    with writing(folder, file):
        file.write_bytes(b"first")
    file.unlink()

    def killed():
        with writing(folder, file):
            file.write_bytes(b"second")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    with reading(folder, file):
        pass
    assert json.loads((tmp_path / "written.json").read_text()) == {file.name: hashlib.sha256(b"second").hexdigest()}


def test_a_file_of_another_version_is_not_blamed_on_the_user(tmp_path):
    folder, file = RunFolder(tmp_path), tmp_path / "supernet.safetensors"
    with writing(folder, file):
        file.write_bytes(b"as written")
    with (
        pytest.raises(
            RunError, match=r"is as the run wrote it, but can't be used: no tensors. Perhaps another version"
        ),
        reading(folder, file),
    ):
        raise CheckpointError("no tensors.")
    file.write_bytes(b"replaced")
    with pytest.raises(RunError, match="is not the file that the run wrote"), reading(folder, file):
        pass
