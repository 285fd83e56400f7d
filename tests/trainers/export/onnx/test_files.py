"""Detectors written as ONNX models: what they detect, what is in the files, and that nothing wrong is left."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from spaces.candidate import Candidate
from spaces.supernet import build_fixed
from trainers.detector_file import DetectorFile
from trainers.export.differences import differences
from trainers.export.exporter import WrongExportError

pytest.importorskip("onnx", reason="onnx isn't installed: pip install '.[onnx]'")
pytest.importorskip("onnxruntime", reason="onnxruntime isn't installed: pip install '.[onnx]'")

import onnx
import onnxruntime

from trainers.export.onnx import checks, graph
from trainers.export.onnx_model import ONNX

CANDIDATE = Candidate({"layer/backbone": "react", "layer/stem": "sign", "layer/heads": "int4"})
CLASSES = ("cat", "dog", "bird")


@pytest.fixture
def detector(spec, lively):
    torch.manual_seed(0)
    network = lively(build_fixed(spec, CANDIDATE))
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            if name.endswith("input_start"):
                buffer.fill_(0.25)
    return DetectorFile(network, spec, CANDIDATE, CLASSES)


@pytest.fixture
def written(detector, tmp_path):
    return ONNX.write(tmp_path / "a.onnx", detector, {"figures": {"map50": 0.5}})


def test_a_detector_detects_what_it_does_in_torch(detector, written):
    images = list(torch.randint(0, 256, (2, 3, 96, 96), generator=torch.Generator().manual_seed(1)) / 255)
    with torch.no_grad():
        ours = detector.network(images).detections
    found = differences(ours, ONNX.load(written[0])(images))
    assert found.detections > 0
    assert found.unmatched == 0
    assert max(found.boxes, found.scores) < 1e-3


@pytest.mark.parametrize("shape", [(60, 140), (48, 96)])
def test_an_image_of_another_shape_gets_the_letterbox_that_its_detector_learnt_from(shape, detector, tmp_path):
    """One that has to become smaller, and one that only needs padding."""
    boxed = replace(detector, spec=replace(detector.spec, resize="letterbox"))
    files = ONNX.write(tmp_path / "a.onnx", boxed, {})
    about = json.loads(files[2].read_text())
    assert (about["detector"]["resize"], about["input"]["padding"]) == ("letterbox", [124, 116, 104])
    picture = torch.randint(0, 256, (3, *shape), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    (ours,) = boxed.predict([picture], score=0)
    (theirs,) = ONNX.load(files[0])([picture / 255])
    found = differences([{name: getattr(ours, name) for name in theirs}], [theirs])
    assert (found.detections > 0, found.unmatched) == (True, 0)
    assert max(found.boxes, found.scores) < 1e-3


def test_its_files_tell_all_that_is_needed_to_run_it_in_stock_onnxruntime(written):
    assert [file.name for file in written] == [f"a.onnx{end}" for end in ("", ".npy", ".json")]
    about = json.loads(written[2].read_text())
    assert about["classes"] == list(CLASSES)
    assert about["figures"] == {"map50": 0.5}
    assert about["input"]["shape"] == [1, 96, 96, 3]
    assert about["outputs"]["reading"]["activation"] == "softmax"
    # the stem, 16 units of the backbone, 3 shortcuts, and 8 heads of 2 convolutions
    assert about["convolutions"] == {"binary": 17, "int4": 16, "float": 3}
    session = onnxruntime.InferenceSession(written[0], providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert names == about["outputs"]["names"]
    assert [(one.name, one.shape, one.type) for one in session.get_inputs()] == [
        ("image", [1, 96, 96, 3], "tensor(uint8)")
    ]
    outputs = session.run(None, {"image": np.zeros((1, 96, 96, 3), np.uint8)})
    boxes = sum(one.size for name, one in zip(names, outputs, strict=True) if name.startswith("box"))
    assert boxes == np.load(written[1]).size


def test_a_model_has_standard_operators_and_a_bit_for_each_1_bit_weight(written):
    model = onnx.load(written[0])
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 18)]
    kinds = [node.op_type for node in model.graph.node]
    assert (kinds.count("Conv"), kinds.count("BitwiseAnd"), kinds.count("GreaterOrEqual")) == (36, 33, 17)
    assert "Sign" not in kinds
    # 8 x 8 x 3 x 3 weights of a unit of the first stage
    assert [72, 1] in [list(one.dims) for one in model.graph.initializer if one.data_type == onnx.TensorProto.UINT8]


def test_a_model_that_computes_something_else_is_not_written(detector, tmp_path, monkeypatch):
    build_layer = checks.build_layer

    def wrong(build, layer, x, level):
        return build_layer(build, layer, build.op("Mul", x, build.constant(1.001)), level)

    monkeypatch.setattr(checks, "build_layer", wrong)
    with pytest.raises(WrongExportError, match=r"computes something else than torch for \S+ \(\w+\): off by"):
        ONNX.write(tmp_path / "a.onnx", detector, {})
    assert list(tmp_path.iterdir()) == []


def test_a_whole_model_that_has_little_to_do_with_torch_is_not_written(detector, tmp_path, monkeypatch):
    def turned(build, mean, std):
        return build.op("Cast", build.op("Transpose", "image", perm=[0, 3, 2, 1]), to=1)

    monkeypatch.setattr(graph, "_normalised", turned)
    with pytest.raises(WrongExportError, match=r"output cls0 in onnxruntime has little to do with torch's: off by"):
        ONNX.write(tmp_path / "a.onnx", detector, {})
    assert list(tmp_path.iterdir()) == []
