"""Detectors written as OpenVINO's graphs: what they detect, what is refused, and that nothing wrong is left."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from spaces.candidate import Candidate
from spaces.supernet import build_fixed
from trainers.data.resizing import Resizing
from trainers.detector_file import DetectorFile
from trainers.export.differences import differences
from trainers.export.exporter import WrongExportError
from trainers.export.openvino_ir import OPENVINO
from trainers.prediction import PredictionSettings, predictions

pytest.importorskip("openvino", reason="openvino isn't installed: pip install '.[openvino]'")

import openvino as ov

from trainers.export.openvino import checks, graph
from trainers.export.openvino.machine import settings
from trainers.export.openvino.runtime import op

CANDIDATE = Candidate({"layer/backbone": "react", "layer/stem": "sign", "layer/heads": "bireal"})
CLASSES = ("cat", "dog", "bird")


def pictures(size, count=2):
    return list(torch.randint(0, 256, (count, 3, size, size), generator=torch.Generator().manual_seed(1)) / 255)


@pytest.fixture
def detector(spec, lively):
    torch.manual_seed(0)
    return DetectorFile(lively(build_fixed(spec, CANDIDATE)), spec, CANDIDATE, CLASSES)


@pytest.fixture
def written(detector, tmp_path):
    return OPENVINO.write(tmp_path / "a.openvino.xml", detector, {"figures": {"map50": 0.5}})


def test_a_detector_detects_what_it_does_in_torch(detector, written):
    images = pictures(96)
    with torch.no_grad():
        ours = detector.network(images).detections
    found = differences(ours, OPENVINO.load(written[0])(images))
    assert found.detections > 0
    assert found.unmatched == 0
    assert max(found.boxes, found.scores) < 1e-3


def test_a_picture_of_another_size_has_the_boxes_that_predict_finds_in_it(detector, written):
    picture = torch.randint(0, 256, (3, 60, 130), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    asked = PredictionSettings(score=0.0)
    [predicted] = predictions(detector.network, CLASSES, Resizing.of(detector.spec), [picture], asked)
    [found] = OPENVINO.load(written[0])([picture / 255])
    ours = {"boxes": predicted.boxes, "scores": predicted.scores, "labels": predicted.labels}
    off = differences([ours], [found])
    assert off.detections > 0
    assert off.unmatched == 0
    assert max(off.boxes, off.scores) < 1e-3


def test_an_image_that_stands_in_no_list_is_refused(written):
    with pytest.raises(ValueError, match=r"not \(96, 96\)\. Give a list of images"):
        OPENVINO.load(written[0])(torch.rand(3, 96, 96))


def test_its_files_tell_all_that_is_needed_to_run_it(written):
    assert [file.name for file in written] == [f"a.openvino.{end}" for end in ("xml", "bin", "npy", "json")]
    about = json.loads(written[3].read_text())
    assert about["classes"] == list(CLASSES)
    assert about["figures"] == {"map50": 0.5}
    assert about["input"]["shape"] == [1, 96, 96, 3]
    assert about["outputs"]["reading"]["activation"] == "softmax"
    # the stem, 16 units of the backbone and 8 heads' pointwise convolutions; the heads' 8 depthwise ones have groups
    assert about["convolutions"] == {"bits": 25, "bytes": 0, "floats": 11, "binary_as_floats": 8}
    ready = ov.Core().compile_model(written[0], "CPU", settings())
    outputs = ready(np.zeros((1, 96, 96, 3), np.uint8))
    anchors = np.load(written[2])
    assert sum(outputs[name].size for name in about["outputs"]["names"] if name.startswith("box")) == anchors.size


def test_a_graph_without_its_bits_is_not_written(detector, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "kernels", lambda _: [("BinaryConvolution", "jit")] * 24 + [("Convolution", "jit")])
    with pytest.raises(WrongExportError, match="25 convolutions are 1-bit, and OpenVINO runs 24 on bits"):
        OPENVINO.write(tmp_path / "a.openvino.xml", detector, {})
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_computes_something_else_is_not_written(detector, tmp_path, monkeypatch):
    build = checks.build_layer
    monkeypatch.setattr(
        checks, "build_layer", lambda layer, x, level: build(layer, op.multiply(x, np.float32(1.001)).output(0), level)
    )
    with pytest.raises(WrongExportError, match=r"computes something else than torch for \S+ \((real|react)\): off by"):
        OPENVINO.write(tmp_path / "a.openvino.xml", detector, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/cpuinfo").is_file(), reason="what the processor has is read from /proc/cpuinfo")
def test_products_of_8_bits_are_not_taken_where_they_saturate():
    flags = Path("/proc/cpuinfo").read_text().split()
    if "avx2" not in flags:
        pytest.skip("x86 processors with AVX2 are meant")
    program = "from trainers.export.openvino.machine import has_exact_bytes; print(has_exact_bytes())"

    def exact(isa):
        environment = os.environ | {"ONEDNN_MAX_CPU_ISA": isa}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        return done.stdout.strip()

    assert exact("AVX2") == "False"
    assert exact("DEFAULT") == str("avx512_vnni" in flags or "avx_vnni" in flags)


def test_a_whole_graph_that_has_little_to_do_with_torch_is_not_written(detector, tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "_normalised", lambda image, mean, std: other(image))
    other = lambda image: op.convert(op.transpose(image, [0, 3, 2, 1]), "f32").output(0)  # noqa: E731
    with pytest.raises(WrongExportError, match=r"output cls0 in OpenVINO has little to do with torch's: off by"):
        OPENVINO.write(tmp_path / "a.openvino.xml", detector, {})
    assert list(tmp_path.iterdir()) == []
