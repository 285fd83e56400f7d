"""Whole detectors in onnxruntime against torch: raw outputs of the heads, and all operators between layers."""

import pytest
from random_detectors import EVERYWHERE, SINGLE_STAGE, random_detector
from random_layers import ALL

from spaces.candidate import Candidate
from spaces.deployed.describe import describe
from spaces.detectors import DETECTORS

pytest.importorskip("onnx", reason="onnx isn't installed: pip install '.[onnx]'")
pytest.importorskip("onnxruntime", reason="onnxruntime isn't installed: pip install '.[onnx]'")

from trainers.export.graphs.checks import check_layers, check_outputs
from trainers.export.graphs.files import normalisation
from trainers.export.graphs.walk import walk
from trainers.export.onnx.checks import run_layers
from trainers.export.onnx.graph import IMAGE, build_graph
from trainers.export.onnx.runtime import Session

QUICK = [
    ("ssd_resnet18", "react", "light"),
    ("ssdlite_efficientnet_lite0", "int4", "light"),
    ("gfl_sdgqp_resnet18_plain", "bireal+gate", "light"),
    pytest.param("gfl_resnet18", "lcb_dynamic", "full", marks=pytest.mark.slow),
]


def differences(detector):
    """The largest difference of the heads' raw outputs, as a share of the largest value of each, on the tape's noise.

    The layers one by one are compared too.
    """
    layers, walked = describe(detector.network), walk(detector)
    graph = build_graph(walked.tape, layers, *normalisation(detector), walked.names)
    session = Session(graph.content)
    made = [session({IMAGE: picture}) for picture in walked.pictures]
    few_bits = {"int8", "int4", "int2"} & graph.convolutions.keys()
    assert check_layers(walked.tape, layers, run_layers, "onnxruntime") < (1e-2 if few_bits else 1e-4)
    return check_outputs(made, walked.outputs, "onnxruntime")


@pytest.mark.parametrize(("detector", "method", "heads"), QUICK)
def test_a_detector_gives_the_raw_outputs_of_torch(detector, method, heads):
    assert differences(random_detector(detector, Candidate({"layer/backbone": method}), heads)) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("heads", ["light", "full"])
@pytest.mark.parametrize("method", ["real", "react", "int8"])
@pytest.mark.parametrize("detector", SINGLE_STAGE)
def test_every_detector_of_one_stage(detector, method, heads):
    if heads not in DETECTORS[detector].heads:
        pytest.skip(f"{detector} has no {heads} heads")
    off = differences(random_detector(detector, Candidate({"layer/backbone": method}), heads))
    assert off < (0.5 if method == "int8" else 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", ALL)
def test_every_method_everywhere(method):
    everywhere = {f"layer/{place}": method for place in EVERYWHERE}
    assert differences(random_detector("ssd_resnet18", Candidate(everywhere), "full")) < 1e-2
