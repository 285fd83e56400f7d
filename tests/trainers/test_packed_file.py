"""Packed detectors as files: read back to the bit, small, and refused where they are damaged."""

import json
import pickle

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from spaces.candidate import ALL_REAL, Candidate
from spaces.cost import layer_costs, totals
from spaces.detectors import DetectorSpec, openable
from spaces.supernet import build_fixed
from spaces.without_values import without_values
from trainers.checkpoint import CheckpointError, load_weights, save_weights
from trainers.detector_file import DetectorFile, load_detector, save_packed

CANDIDATE = Candidate({"layer/backbone": "lcb", "layer/backbone.layer1": "real", "teacher/feature_hint": "twin"})
CLASSES = ("red", "green", "blue")
KNOWN = {"figures": {"map50": 0.5}, "costs": {"ops": 1.0}}


@pytest.fixture
def packed(tmp_path, spec, lively):
    torch.manual_seed(0)
    network = lively(build_fixed(spec, CANDIDATE))
    path = tmp_path / "small.packed.safetensors"
    save_packed(path, DetectorFile(network, spec, CANDIDATE, CLASSES), KNOWN)
    return path, network


def test_the_file_alone_brings_the_detector_back_to_the_bit(packed, spec, images):
    path, network = packed
    found = load_detector(path)
    assert (found.spec, found.candidate, found.classes) == (spec, CANDIDATE, CLASSES)
    with torch.no_grad():
        ours, theirs = network(images), found.network(images)
    for level, x in ours.features.items():
        assert torch.equal(theirs.features[level], x)
    for one, other in zip(ours.detections, theirs.detections, strict=True):
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_the_header_says_what_is_needed_without_torch(packed):
    path, _ = packed
    with safe_open(path, "np") as file:
        header = json.loads(file.metadata()["description"])
        assert file.get_tensor("backbone.layer2.0.conv1.packed").dtype == "uint8"
    assert {key: header[key] for key in ("kind", "version", "classes", *KNOWN)} == {
        "kind": "packed detector",
        "version": 2,
        "classes": list(CLASSES),
        **KNOWN,
    }
    assert header["detector"]["image_size"] == 96
    assert header["normalisation"]["mean"] == [0.485, 0.456, 0.406]
    layer = header["layers"]["backbone.layer2.0.conv1"]
    assert {key: layer[key] for key in ("kind", "shape", "stride", "padding", "pad_value")} == {
        "kind": "binary",
        "shape": [16, 8, 3, 3],
        "stride": 2,
        "padding": 1,
        "pad_value": 0,
    }


def large(layers):
    """A detector of full width with these layers, in evaluation mode."""
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=20, image_size=160)
    candidate = Candidate(layers)
    torch.manual_seed(0)
    return DetectorFile(build_fixed(spec, candidate).eval(), spec, candidate, tuple(map(str, range(20))))


def counted(detector):
    """Bytes of its memory."""
    return totals(layer_costs(detector.network, [torch.zeros(3, 160, 160)])).memory_bits / 8


def test_a_1_bit_backbone_is_as_large_as_its_memory_is_counted(tmp_path):
    detector, path = large({"layer/backbone": "bireal"}), tmp_path / "it.safetensors"
    save_packed(path, detector, {})
    assert path.stat().st_size == pytest.approx(counted(detector), rel=0.02)


def test_with_all_layers_of_1_bit_it_is_20_times_smaller_than_float(tmp_path):
    with without_values():
        real = large({}).network
    everything = ["backbone", *openable(real)]
    detector, path = large({f"layer/{name}": "bireal" for name in everything}), tmp_path / "it.safetensors"
    save_packed(path, detector, {})
    assert path.stat().st_size == pytest.approx(counted(detector), rel=0.03)
    floats = 4 * sum(tensor.numel() for tensor in real.state_dict().values())
    assert floats / path.stat().st_size > 20


def rewritten(path, tensors=None, **changes):
    state, description = load_weights(path)
    save_weights(path, state | (tensors or {}), description | changes)


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flipped, r"small\.packed\.safetensors is damaged: it isn't what was written\. Export the checkpoint again"),
        (cut, r"small\.packed\.safetensors is no Bitfront checkpoint: it can't be read as safetensors"),
        (lambda path: path.write_bytes(b""), "is no Bitfront checkpoint: it can't be read as safetensors"),
        (lambda path: path.write_bytes(pickle.dumps({"w": 1})), "is no Bitfront checkpoint"),
        (lambda path: torch.save({"w": torch.ones(1)}, path), "is no Bitfront checkpoint"),
        (lambda path: rewritten(path, version=3), "is a packed detector of version 3; this Bitfront reads 1 and 2"),
        (
            lambda path: rewritten(path, version=None),
            "is a packed detector of version None; this Bitfront reads 1 and 2",
        ),
        (lambda path: rewritten(path, {"more": torch.ones(1)}), "is damaged: it isn't what was written"),
        (lambda path: rewritten(path, candidate={}), "is damaged: it isn't what was written"),
        (lambda path: rewritten(path, kind="detector"), "does not fit the detector that it names: The state lacks"),
        (lambda path: rewritten(path, classes=["red"]), "describes no detector that this version can build"),
    ],
)
def test_what_is_no_whole_packed_detector_is_refused_with_its_name(packed, damage, message):
    path, _ = packed
    damage(path)
    with pytest.raises(CheckpointError, match=message):
        load_detector(path)


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_change_of_a_byte_and_no_cut_passes_unnoticed(packed, data):
    path, _ = packed
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    place = data.draw(st.integers(0, header - 1) | st.integers(header, len(whole) - 1))
    change = data.draw(st.integers(1, 255))
    content = whole[:place]
    if data.draw(st.booleans()):
        content += bytes([whole[place] ^ change]) + whole[place + 1 :]
    other = path.with_name("other.safetensors")
    other.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"other\.safetensors"):
        load_detector(other)


def test_a_real_detector_may_be_packed_too(tmp_path, spec, images):
    network = build_fixed(spec, ALL_REAL).eval()
    save_packed(tmp_path / "it", DetectorFile(network, spec, ALL_REAL, CLASSES), {})
    again = load_detector(tmp_path / "it").network
    with torch.no_grad():
        pairs = zip(network(images).responses.cls, again(images).responses.cls, strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(
    ("name", "runtime"), [("a.openvino.xml", "OpenVINO"), ("a.openvino.bin", "OpenVINO"), ("a.onnx", "onnxruntime")]
)
def test_a_graph_for_a_runtime_is_not_read_and_its_message_says_what_is(tmp_path, name, runtime):
    (tmp_path / name).write_bytes(b"graph")
    with pytest.raises(CheckpointError, match=rf"{name} is a graph for {runtime}, .* Give the \.safetensors file that"):
        load_detector(tmp_path / name)
