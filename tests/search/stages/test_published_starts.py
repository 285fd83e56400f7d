"""Trainings that start from checkpoints as people save them, and command lines that refuse others."""

import fractions

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from search.cli.app import app
from search.plan.plan import plan_training
from search.stages.train import run_train
from spaces.candidate import ALL_REAL
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=4, image_size=96, width=0.125)


@pytest.fixture
def state(published_resnet18):
    return published_resnet18(build_fixed(SPEC, ALL_REAL).backbone)


def prefixed(prefix, tensors):
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


@pytest.fixture
def files(state, tmp_path):
    """A training's checkpoint with averaged weights in half precision, and safetensors of a wrapped network."""
    halves = {name: tensor.half() for name, tensor in state.items()}
    content = {"model": state, "model_ema": prefixed("module.", halves), "epoch": 3, "optimizer": {"state": {}}}
    torch.save(content, tmp_path / "last.pth")
    save_file(prefixed("_orig_mod.backbone.", state), tmp_path / "model.safetensors", {"format": "pt"})
    return tmp_path / "last.pth", tmp_path / "model.safetensors"


def test_student_and_teachers_may_start_from_checkpoints_as_people_save_them(training_config, files):
    wrapped, foreign = files
    config = training_config(f"student.weights={wrapped}", f"teachers.big.weights={foreign}", "train.start=scratch")
    base = plan_training(config, None).base
    assert (base.start.file, base.teachers["twin"].file, base.teachers["big"].file) == (wrapped, wrapped, foreign)
    assert all(teacher.given is None for teacher in base.teachers.values())


def test_a_run_notes_what_matched_each_time_that_weights_are_loaded(
    training_config, files, tmp_path, recorded_progress
):
    wrapped, foreign = files
    config = training_config(
        f"student.weights={foreign}",
        f"teachers.twin.weights={wrapped}",
        "train={layers: sign, start: scratch, epochs: 1, batch_size: 8, terms: {feature_hint: {teacher: twin}}}",
    )
    progress = recorded_progress()
    run_train(config, tmp_path / "run", None, progress)
    left = "2 of the file are left out: "
    twins, own = [note for note in progress.notes if "tensors of the backbone" in note]
    assert twins == (
        "teacher twin: 100 of 100 tensors of the backbone from last.pth (of the file: 100 of 102); the EMA weights "
        f"under model_ema were taken; the prefix module. was removed from its names; {left}module.fc.weight, "
        "module.fc.bias"
    )
    assert own.endswith(
        ": 36 of 36 tensors of the backbone from model.safetensors (of the file: 36 of 102); the prefix "
        "_orig_mod.backbone. was removed from its names; 66 of the file are left out: _orig_mod.backbone.fc.bias, "
        "_orig_mod.backbone.fc.weight, _orig_mod.backbone.layer1.0.bn1.bias and 63 more"
    )


@pytest.mark.parametrize("command", ["train", "search"])
@pytest.mark.parametrize("key", ["student.weights", "teachers.big.weights"])
@pytest.mark.parametrize("kind", ["few", "code", "torn", "width"])
def test_the_command_line_refuses_a_file_with_status_2_and_writes_nothing(
    write_config, state, tmp_path, command, key, kind
):
    content = {
        "few": {"state_dict": dict(list(state.items())[:89])},
        "code": {"state_dict": state, "best": fractions.Fraction(1, 2)},
        "torn": {"state_dict": state},
        "width": {"state_dict": prefixed("module.", {**state, "conv1.weight": torch.ones(64, 3, 7, 7)})},
    }[kind]
    reason = {
        "few": "Only 89 of the 100 tensors of the backbone are in the checkpoint, and nine tenths are needed. It lacks",
        "code": "holds more than tensors: it asks for fractions.Fraction, and nothing of a file is executed.",
        "torn": "is damaged, or another kind of file. A file of weights is a state dict as",
        "width": "conv1.weight is (64, 3, 7, 7) in the checkpoint and (8, 3, 7, 7) in the network",
    }[kind]
    file, config = tmp_path / "last.pth", write_config()
    torch.save(content, file)
    if kind == "torn":
        file.write_bytes(file.read_bytes()[:-100])
    before = sorted(tmp_path.iterdir())
    arguments = [command, str(config), "--run-dir", str(tmp_path / "run"), "--set", f"{key}={file}"]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {key} is {file}, for ssd_resnet18: ")
    assert reason in result.stderr
    assert sorted(tmp_path.iterdir()) == before
