"""Test vectors, and the numpy script that reproduces them where there is no torch and nothing of ours."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from spaces.candidate import Candidate
from spaces.deployed import reference
from spaces.detectors import DetectorSpec, searchable_units
from spaces.supernet import build_fixed
from trainers.detector_file import DetectorFile, save_packed
from trainers.export import vectors
from trainers.export.vectors import write_vectors
from trainers.training.recalibrate import recalibrate

LAYERS = {
    "layer/backbone": "lcb_dynamic",
    "layer/backbone.layer2": "int4",
    "layer/backbone.layer3": "dbs+gate",
    "layer/backbone.layer4": "adabin",
    "layer/backbone.layer4.1": "react+bases2",
    "layer/fpn": "int8",
    "layer/shortcuts": "int2",
    "layer/heads": "bireal",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of a small Faster R-CNN of all kinds of layers, packed, with its test vectors."""
    folder = tmp_path_factory.mktemp("vectors")
    torch.manual_seed(0)
    spec = DetectorSpec(detector="faster_rcnn_resnet18", num_classes=3, image_size=96, width=0.125)
    candidate = Candidate(LAYERS)
    network = build_fixed(spec, candidate)
    images = list(torch.rand(2, 3, 96, 96))
    recalibrate(network, [images])
    save_packed(folder / "it.packed.safetensors", DetectorFile(network.eval(), spec, candidate, ("a", "b", "c")), {})
    write_vectors(folder / "it.vectors.safetensors", network, images)
    return folder, network


def test_the_script_needs_numpy_and_safetensors_alone(written):
    folder, network = written
    blocked = "import runpy, sys; sys.modules['torch'] = sys.modules['spaces'] = None; del sys.argv[0]; "
    command = [sys.executable, "-c", blocked + "runpy.run_path(sys.argv[0], run_name='__main__')"]
    files = [f"it.{kind}" for kind in ("reference.py", "packed.safetensors", "vectors.safetensors")]
    done = subprocess.run(command + files, cwd=folder, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert all(line.endswith(": the same") for line in lines)
    assert {line.partition(" ")[0] for line in lines} >= set(searchable_units(network))


def test_every_integer_layer_has_its_levels_and_sums(written):
    folder, _ = written
    with safe_open(folder / "it.vectors.safetensors", "np") as file:
        unit = "backbone.layer1.0.conv2"
        assert file.get_tensor(f"{unit}/x").shape == (2, 8, 5, 5)
        q, p = file.get_tensor(f"{unit}/q"), file.get_tensor(f"{unit}/p")
        assert (set(np.unique(q)), p.dtype) == ({-1, 1}, np.int32)
        assert np.abs(p).max() <= 8 * 3 * 3
        assert file.get_tensor("roi_heads.box_head.fc7/x").shape == (8, 128)
        assert "roi_heads.box_head.fc7/p_threshold" in file.keys()  # noqa: SIM118 - no mapping
        assert f"{unit}/p_threshold" not in file.keys()  # noqa: SIM118


@pytest.mark.parametrize(
    ("key", "change", "what"),
    [
        ("backbone.layer1.0.conv2/q", lambda a: -a, "100.0% of its inputs' levels"),
        ("backbone.layer2.0.conv2/p", lambda a: a + 1, "100.0% of its sums"),
        ("backbone.layer4.1.conv1/second_p", lambda a: a + 1, "its sums with the second weight"),
        ("rpn.head.cls_logits/p_threshold", lambda a: a + 999, "the signs by its integer thresholds"),
        ("backbone.conv1/y", lambda a: a + 1, "its outputs, by "),
    ],
)
def test_a_layer_that_differs_is_named(written, key, change, what, tmp_path, capsys):
    folder, _ = written
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "it.vectors.safetensors"
    with safe_open(file, "np") as opened:
        metadata = opened.metadata()
    arrays = load_file(file)
    save_file(arrays | {key: change(arrays[key])}, file, metadata)
    assert reference.main(str(tmp_path / "it.packed.safetensors"), str(file)) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if "DIFFERS" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"{key.partition('/')[0]} (")
    assert f": DIFFERS in {what}" in lines[0]


def test_a_layer_that_numpy_computes_otherwise_is_an_error(written, monkeypatch, tmp_path):
    _, network = written
    monkeypatch.setattr(vectors.reference, "fault", lambda row, arrays: "its sums")
    with pytest.raises(RuntimeError, match=r"numpy computes something else than torch for backbone\.conv1: its sums"):
        write_vectors(tmp_path / "it.vectors.safetensors", network, list(torch.rand(1, 3, 96, 96)))
    assert not list(tmp_path.iterdir())
