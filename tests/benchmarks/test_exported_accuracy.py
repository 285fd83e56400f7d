"""A detector that was trained for some seconds has the same average precision in every form."""

import importlib.util
from pathlib import Path

import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.detector_file import DetectorFile

pytest.importorskip("openvino", reason="openvino isn't installed: pip install '.[openvino]'")
pytest.importorskip("onnxruntime", reason="onnxruntime isn't installed: pip install '.[onnx]'")
pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "exported_accuracy.py"
SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, width=0.25)
INSIDE, OUTSIDE = "react", ("stem", "shortcuts", "heads.cls", "heads.box")
"""The backbone's blocks have signs, all else has 8 bits."""


@pytest.fixture
def exported_accuracy():
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.exported_accuracy


@pytest.mark.timeout(900)
def test_map50_of_a_trained_detector_is_that_of_torch_in_every_form(exported_accuracy, blobs, learn_by_heart):
    torch.manual_seed(0)
    candidate = Candidate({"layer/backbone": INSIDE} | {f"layer/{part}": "int8" for part in OUTSIDE})
    network = build_fixed(SPEC, candidate)
    learnt, unseen = blobs(32), blobs(300, seed=1)
    images = [torch.from_numpy(image / 255).float() for image in learnt.images]
    targets = [{key: torch.from_numpy(value) for key, value in learnt.target(i).items()} for i in range(len(images))]
    learn_by_heart(network, images, targets, steps=150, rate=2e-3)
    detector = DetectorFile(network, SPEC, candidate, unseen.class_names)
    found = exported_accuracy(detector, unseen, ["packed", "openvino", "onnx"])
    assert 0.3 < found["torch"] < 0.999  # it learnt, and isn't so sure that every form must agree
    assert found["packed"] == found["torch"]
    assert found["openvino"] == pytest.approx(found["torch"], abs=0.002)
    assert found["onnx"] == pytest.approx(found["torch"], abs=0.002)
