"""Whole detectors as graphs of OpenVINO against torch: raw outputs of the heads, and all operators between layers."""

import pytest
from random_detectors import EVERYWHERE, SINGLE_STAGE, random_detector
from random_layers import ALL

from spaces.candidate import Candidate
from spaces.deployed.describe import describe
from spaces.detectors import DETECTORS

pytest.importorskip("openvino", reason="openvino isn't installed: pip install '.[openvino]'")

from trainers.export.graphs.checks import check_layers, check_outputs
from trainers.export.graphs.files import normalisation
from trainers.export.graphs.walk import walk
from trainers.export.openvino.checks import check_kernels, run_layers
from trainers.export.openvino.graph import build_graph
from trainers.export.openvino.machine import settings
from trainers.export.openvino.runtime import compiled

QUICK = [
    ("ssd_resnet18", "react", "light"),
    pytest.param("ssd_resnet50", "lcb_dynamic", "full", marks=pytest.mark.slow),
    ("ssd300_vgg16_plain", "real", "light"),
    ("ssdlite_efficientnet_lite0", "int4", "light"),
    ("gfl_sdgqp_resnet18_plain", "bireal+gate", "light"),
    ("gfl_resnet18", "dbs", "full"),
]


def differences(detector):
    """The largest difference of the heads' raw outputs, as a share of the largest value of each, on the tape's noise.

    The layers one by one are compared too, and 1-bit ones counted.
    """
    layers, walked = describe(detector.network), walk(detector)
    graph = build_graph(walked.tape, layers, *normalisation(detector), walked.names)
    ready = compiled(graph.model, settings())
    check_kernels(ready, graph)
    assert check_layers(walked.tape, layers, run_layers, "OpenVINO") < (1e-2 if graph.bytes else 1e-4)
    return graph, check_outputs([ready(picture) for picture in walked.pictures], walked.outputs, "OpenVINO")


@pytest.mark.parametrize(("detector", "method", "heads"), QUICK)
def test_a_detector_gives_the_raw_outputs_of_torch(detector, method, heads):
    graph, off = differences(random_detector(detector, Candidate({"layer/backbone": method}), heads))
    assert off < 1e-4
    assert (graph.bits > 0) == (method in ("react", "lcb_dynamic", "bireal+gate", "dbs"))
    assert (graph.bytes > 0) == (method == "int4")


def test_layers_of_two_convolutions_on_bits_count_twice():
    """Four in each stage: those of one, of two bases, and of products and sums of signs."""
    layers = {"layer/backbone": "react", "layer/backbone.layer3": "react+bases2", "layer/backbone.layer4": "adabin"}
    graph, off = differences(random_detector("ssd_resnet18", Candidate(layers), "light"))
    assert (graph.bits, off < 1e-4) == (2 * 4 + 2 * 4 + 2 * 4, True)


@pytest.mark.slow
@pytest.mark.parametrize("heads", ["light", "full"])
@pytest.mark.parametrize("method", ["real", "react", "int8"])
@pytest.mark.parametrize("detector", SINGLE_STAGE)
def test_every_detector_of_one_stage(detector, method, heads):
    if heads not in DETECTORS[detector].heads:
        pytest.skip(f"{detector} has no {heads} heads")
    made = random_detector(detector, Candidate({"layer/backbone": method}), heads)
    _, off = differences(made)
    # a value between two of 8-bit levels may take the other one: such networks are held by their layers alone
    assert off < (0.5 if method == "int8" else 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", ALL)
def test_every_method_everywhere(method):
    everywhere = {f"layer/{place}": method for place in EVERYWHERE}
    _, off = differences(random_detector("ssd_resnet18", Candidate(everywhere), "full"))
    assert off < 1e-2
