import json

import pytest
import torch
from safetensors.torch import save_file

from spaces.candidate import ALL_REAL, Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError, load_weights, save_weights
from trainers.detector_file import load_detector, read_description, save_detector
from trainers.file_format import FORMAT

CANDIDATE = Candidate(
    {
        "layer/backbone": "bireal",
        "layer/backbone.layer1": "real",
        "teacher/feature_hint": "twin",
        "weight/feature_hint": 1.0,
    }
)
CLASSES = ("red", "green", "blue")


@pytest.fixture
def saved(tmp_path, spec):
    torch.manual_seed(0)
    network = build_fixed(spec, CANDIDATE)
    path = tmp_path / "best.safetensors"
    save_detector(path, network, spec, CANDIDATE, CLASSES)
    return path, network


def test_the_file_alone_brings_the_detector_back(saved, spec, images):
    path, network = saved
    detector = load_detector(path)
    loaded, read_spec, candidate, classes = detector.network, detector.spec, detector.candidate, detector.classes
    assert (read_spec, candidate, classes) == (spec, CANDIDATE, CLASSES)
    assert not loaded.training
    with torch.no_grad():
        ours, theirs = network.eval()(images), loaded(images)
    for level, x in ours.features.items():
        assert torch.equal(theirs.features[level], x)
    assert all(torch.equal(a, b) for a, b in zip(ours.responses.box, theirs.responses.box, strict=True))


def rewritten(path, **changes):
    state, description = load_weights(path)
    save_weights(path, state, description | changes)
    return path


def test_a_file_that_names_light_heads_where_there_is_one_kind_is_read_as_the_same_detector(tmp_path):
    spec = DetectorSpec(detector="ssdlite_mobilenetv2", num_classes=len(CLASSES), image_size=96, width=0.125)
    path = tmp_path / "lite.safetensors"
    save_detector(path, build_fixed(spec, ALL_REAL), spec, ALL_REAL, CLASSES)
    description = load_weights(path)[1]["detector"]
    assert description["heads"] is None
    assert load_detector(rewritten(path, detector=description | {"heads": "light"})).spec == spec


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "supernet"}, r"holds a supernet, not a detector\. Give a teacher's or a retrained detector's"),
        ({"kind": None}, "holds a None, not a detector"),
        ({"detector": {"detector": "yolo"}}, "describes no detector that this version can build"),
        ({"detector": [1]}, "describes no detector that this version can build"),
        (
            {"candidate": {"layer/backbone": "dbz"}},
            "does not fit the detector that it names: No layer method is called 'dbz'",
        ),
        ({"candidate": {"layer/neck": "real"}}, "does not fit the detector that it names: .* has no layer called neck"),
        ({"candidate": ["sign"]}, "describes no detector that this version can build"),
        ({"candidate": {"backbone": "sign"}}, "describes no detector that this version can build: A choice is called"),
        ({"candidate": {}}, "does not fit the detector that it names: The state lacks"),
        ({"classes": ["red"]}, "describes no detector that this version can build: 1 class names for 3 classes"),
        ({"classes": None}, "describes no detector that this version can build"),
    ],
)
def test_a_description_that_does_not_fit_is_named_with_the_file(saved, changes, message):
    path, _ = saved
    with pytest.raises(CheckpointError, match=rf"best\.safetensors {message}"):
        load_detector(rewritten(path, **changes))


def test_weights_of_another_width_are_named_with_the_file(saved):
    path, _ = saved
    wider = load_weights(path)[1]["detector"] | {"width": 0.25}
    with pytest.raises(CheckpointError, match=r"best\.safetensors does not fit the detector that it names: The tensor"):
        load_detector(rewritten(path, detector=wider))


def test_a_file_that_is_not_ours_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"w": torch.ones(1)}, path)
    with pytest.raises(CheckpointError, match=r"other\.safetensors is no Bitfront checkpoint"):
        load_detector(path)
    save_file({"w": torch.ones(1)}, path, metadata={"format": FORMAT, "description": json.dumps({})})
    with pytest.raises(CheckpointError, match=r"other\.safetensors holds a thing of unknown kind, not a detector"):
        load_detector(path)


def test_reading_a_description_builds_nothing(saved, spec):
    path, _ = saved
    assert read_description(path, load_weights(path)[1]) == (spec, CANDIDATE, CLASSES)


@pytest.mark.parametrize("method", ["sign", "bireal+learned_scale", "react", "dbs", "lcb", "lcb_dynamic", "int8"])
def test_what_is_computed_survives_save_and_load_bit_for_bit(fixed, lively, images, spec, tmp_path, method):
    network = lively(fixed(method))
    candidate = Candidate({"layer/backbone": method})
    save_detector(tmp_path / "it.safetensors", network, spec, candidate, ("a", "b", "c"))
    again = load_detector(tmp_path / "it.safetensors").network
    assert list(again.state_dict()) == list(network.state_dict())
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in network.state_dict().items())
    with torch.no_grad():
        pairs = zip(network(images).responses.cls, again(images).responses.cls, strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
