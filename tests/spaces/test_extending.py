"""The layer method of docs/how-to/extending.md, as it stands there."""

import re
from pathlib import Path

import pytest
import torch

from spaces.candidate import Candidate
from spaces.cost import layer_costs
from spaces.detectors import DetectorSpec
from spaces.layers import METHODS
from spaces.layers.methods import Method
from spaces.supernet import build_fixed

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "extending.md"


@pytest.fixture
def scaled():
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    [code] = [snippet for snippet in snippets if 'METHODS["scaled"]' in snippet]
    exec(code, {})  # noqa: S102 - the project's own page
    yield
    del METHODS["scaled"]


def test_the_pages_method_trains_and_costs_in_a_detector(scaled, images, targets):
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, width=0.125)
    network = build_fixed(spec, Candidate({"layer/backbone": "scaled"}))
    sum(network(images, targets).losses.values()).backward()
    factors = [p for name, p in network.named_parameters() if name.endswith("alternatives.scaled.factor")]
    assert len(factors) == 16
    assert all(p.grad.count_nonzero() > 0 for p in factors)
    costs = [layer for layer in layer_costs(network, [torch.zeros(3, 96, 96)]) if layer.method == "scaled"]
    assert {layer.weight_bits for layer in costs} == {32}
    assert len(costs) == 16


def test_a_method_of_bits_that_no_cost_is_known_of_is_refused():
    with pytest.raises(ValueError, match="A method has 3 bits; costs are counted at 1, 2, 4, 8, 32 bits"):
        Method(weight_bits=3, input_bits=1, build=METHODS["real"].build)
