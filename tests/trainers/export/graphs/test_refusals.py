"""What no graph can hold is refused by name, whatever the target."""

from importlib import import_module

import pytest
import torch
from random_detectors import SINGLE_STAGE

from spaces.candidate import Candidate
from spaces.detectors import DETECTORS, DetectorSpec
from spaces.detectors.contract import is_two_stage
from spaces.supernet import build_fixed
from trainers.detector_file import DetectorFile
from trainers.export.exporter import ExportError
from trainers.export.graphs import refusals
from trainers.export.table import EXPORTERS

TARGETS = ["openvino", "onnx"]
NOT_INSTALLED = {
    "openvino": r"OpenVINO isn't installed. Install: pip install '.\[openvino\]'",
    "onnx": r"onnx and onnxruntime aren't installed. Install: pip install '.\[onnx\]'",
}


@pytest.fixture
def two_stages():
    spec = DetectorSpec(detector="faster_rcnn_resnet18", num_classes=1, image_size=96, width=0.125)
    with torch.device("meta"):
        return DetectorFile(build_fixed(spec, Candidate({})).eval(), spec, Candidate({}), ("cat",))


@pytest.mark.parametrize("target", TARGETS)
def test_two_stages_are_refused(two_stages, target):
    pytest.importorskip(target)
    with pytest.raises(ExportError, match=r"two stages.+--to packed takes all"):
        EXPORTERS[target].check(two_stages)


@pytest.mark.parametrize("target", TARGETS)
def test_images_of_their_own_shapes_are_refused(target):
    pytest.importorskip(target)
    shape = {"image_size": 96, "resize": "shortest_edge", "longest": 160}
    spec = DetectorSpec(detector="gfl_resnet18", num_classes=1, width=0.125, **shape)
    with torch.device("meta"):
        detector = DetectorFile(build_fixed(spec, Candidate({})).eval(), spec, Candidate({}), ("cat",))
    with pytest.raises(ExportError, match=r"up to 96 x 160 pixels .data.resize: shortest_edge.+ graph has one input"):
        EXPORTERS[target].check(detector)


def test_detectors_of_two_stages_are_those_left_out():
    for name in set(DETECTORS) - set(SINGLE_STAGE):
        with torch.device("meta"):
            spec = DetectorSpec(detector=name, num_classes=1, image_size=96, width=0.125)
            assert is_two_stage(build_fixed(spec, Candidate({})))


@pytest.mark.parametrize("target", TARGETS)
def test_an_operator_without_counterpart_is_refused_by_its_name(spec, target, monkeypatch):
    pytest.importorskip(target)
    operators = import_module(f"trainers.export.{target}.operators")
    known = {name: build for name, build in operators.OPERATORS.items() if "max_pool2d" not in name}
    monkeypatch.setattr(operators, "OPERATORS", known)
    network = build_fixed(spec, Candidate({})).eval()
    with pytest.raises(ExportError, match=r"it computes aten\.max_pool2d_with_indices\.default between its layers"):
        EXPORTERS[target].check(DetectorFile(network, spec, Candidate({}), ("a", "b", "c")))


@pytest.mark.parametrize("target", TARGETS)
def test_a_missing_library_is_said(two_stages, target, monkeypatch):
    monkeypatch.setattr(refusals, "find_spec", lambda _: None)
    with pytest.raises(ExportError, match=NOT_INSTALLED[target]):
        EXPORTERS[target].check(two_stages)
