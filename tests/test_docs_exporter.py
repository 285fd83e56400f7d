"""What an exporter reads, as docs/how-to/extending.md shows it."""

import pytest
import torch
from doc_snippets import snippet_names

from spaces.candidate import Candidate
from spaces.detectors import searchable_units
from spaces.layers.real import convolve
from spaces.supernet import build_fixed
from trainers.detector_file import load_detector, save_detector

CLASSES = ("red", "green", "blue")


@pytest.fixture
def binary_weights():
    with snippet_names("def binary_weights") as names:
        return names["binary_weights"]


@pytest.mark.parametrize(
    "method", ["sign", "bireal+pad_minus_one", "react+normalised", "react+periodic", "dbs", "lcb_dynamic"]
)
def test_the_pages_weights_are_those_that_a_unit_convolves(method, binary_weights, spec, tmp_path):
    torch.manual_seed(0)
    choices = {"layer/backbone": "real", "layer/backbone.layer1": method, "layer/backbone.conv1": "int8"}
    candidate = Candidate(choices)
    path = tmp_path / "detector.safetensors"
    save_detector(path, build_fixed(spec, candidate), spec, candidate, CLASSES)
    weights, units = binary_weights(path), searchable_units(load_detector(path).network)
    assert list(weights) == [name for name in units if name.startswith("backbone.layer1.")]
    for name, (signs, scale) in weights.items():
        unit = units[name]
        alternative, x = unit.alternatives[unit.active], torch.randn(2, unit.shape.in_channels, 8, 8)
        with torch.no_grad():
            trace = alternative.trace(x, unit.weight)
            ours = alternative.bn(convolve(trace.binary_input, signs * scale, unit.shape, trace.pad_value))
            assert set(signs.unique().tolist()) == {-1.0, 1.0}
            torch.testing.assert_close(ours, alternative(x, unit.weight))
