"""`bitfront export` as a user types it."""

import json
import shutil

import pytest
import torch
from typer.testing import CliRunner

from results import layout
from search.cli.app import app
from spaces.candidate import Candidate
from spaces.supernet import build_fixed
from trainers.detector_file import save_detector

CANDIDATE = Candidate({"layer/backbone": "sign"})


@pytest.fixture
def call():
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def checkpoint(spec, tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "a.safetensors"
    save_detector(path, build_fixed(spec, CANDIDATE), spec, CANDIDATE, ("cat", "dog", "bird"))
    return path


def test_a_checkpoint_is_written_and_compared(call, checkpoint, tmp_path):
    done = call("export", checkpoint, "--to", "packed", "-o", tmp_path / "out", "--check-images", 2)
    assert done.exit_code == 0, done.output
    assert {"size_mb", "checkpoint_mb", "unmatched", "off_pixels"} <= set(done.stdout.replace("┃", " ").split())
    assert done.stdout.endswith(f"Wrote {tmp_path}/out/a.packed.safetensors.\n")


def test_all_that_a_run_has_retrained_is_written(call, checkpoint, tmp_path):
    place = tmp_path / "run" / layout.RETRAINED / "one"
    place.mkdir(parents=True)
    checkpoint.rename(place / layout.DETECTOR)
    (place / layout.RESULT_FIGURES).write_text(json.dumps({"test": {"map50": 0.25, "ap": 0.1}}))
    (tmp_path / "run" / layout.CONFIG).touch()
    done = call("export", tmp_path / "run", "--check-images", 1)
    assert done.exit_code == 0, done.output
    assert {"one", "map50", "0.2500"} <= set(done.stdout.replace("┃", " ").replace("│", " ").split())
    assert (place / "detector.packed.safetensors").is_file()


def test_so_is_what_a_run_has_trained_alone(call, checkpoint, tmp_path):
    """Under a name of its own where a retrained candidate is the same network."""
    for kind in (layout.RETRAINED, layout.TRAINED):
        place = tmp_path / "run" / kind / "one"
        place.mkdir(parents=True)
        shutil.copy(checkpoint, place / layout.DETECTOR)
        (place / layout.RESULT_FIGURES).write_text(json.dumps({"test": {"map50": 0.25}}))
    (tmp_path / "run" / layout.CONFIG).touch()
    done = call("export", tmp_path / "run", "--check-images", 1, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "one.packed.safetensors",
        "trained-one.packed.safetensors",
    ]
    shutil.rmtree(tmp_path / "run" / layout.RETRAINED)
    done = call("export", tmp_path / "run", "--check-images", 1)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run" / layout.TRAINED / "one" / "detector.packed.safetensors").is_file()


def test_images_of_a_data_set_are_taken_where_they_are_named(call, checkpoint, tiny_data, tmp_path):
    done = call(
        "export", checkpoint, "--data", tiny_data("voc", tmp_path / "data"), "--split", "val", "--check-images", 1
    )
    assert done.exit_code == 0, done.output
    missing = call("export", checkpoint, "--data", tmp_path / "none")
    assert (missing.exit_code, missing.stdout) == (2, "")


def test_mistakes_are_one_message(call, checkpoint, tmp_path):
    (tmp_path / "cut.safetensors").write_bytes(checkpoint.read_bytes()[:1000])
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / layout.CONFIG).touch()
    for arguments, message in (
        ((checkpoint, "--to", "paper"), "Error: No export target is called 'paper'. Known: packed, openvino, onnx."),
        ((tmp_path / "cut.safetensors",), "cut.safetensors is no Bitfront checkpoint"),
        (
            (tmp_path,),
            "holds no run: there is no config.yaml in it. Name a run's folder, or the .safetensors file of a",
        ),
        ((tmp_path / "run",), "run has trained no network. Do so first: bitfront retrain"),
    ):
        refused = call("export", *arguments)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert message in refused.stderr
        assert refused.stderr.count("\n") == 1
