"""How far a whole 1-bit detector is from itself: torch in float32, torch in float64, OpenVINO and onnxruntime.

Random networks of an eighth of their width, 1-bit backbones (`react`), on one picture of noise. Where torch's two
precisions differ as much as an export does, the export isn't at fault.
"""

import argparse
import copy
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from spaces.candidate import Candidate
from spaces.deployed.describe import describe
from spaces.deployed.form import BinaryInput, Convolution
from spaces.detectors import DETECTORS, DetectorSpec
from spaces.supernet import build_fixed
from trainers.detector_file import DetectorFile
from trainers.export.graphs.files import normalisation
from trainers.export.graphs.walk import Walked, walk
from trainers.export.onnx.graph import IMAGE
from trainers.export.onnx.graph import build_graph as onnx_graph
from trainers.export.onnx.runtime import Session
from trainers.export.openvino.graph import build_graph as openvino_graph
from trainers.export.openvino.machine import settings
from trainers.export.openvino.runtime import compiled

NAMES = {"gfl_resnet50": "full", "ssd300_vgg16_plain": None}
"""With their heads, where there is a choice."""
REACT = Candidate({"layer/backbone": "react"})

Outputs = Mapping[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many random networks of each detector")
    torch.set_num_threads(1)
    for seed in range(parser.parse_args().seeds):
        for name in NAMES:
            compare(name, seed)


@torch.no_grad()
def compare(name: str, seed: int) -> None:
    """Print where signs differ between float32 and float64, and how far all outputs are from those of float32."""
    detector = build(name, seed)
    layers, walked = describe(detector.network), walk(detector)
    batch = walked.tape.tensors[0]
    single = signs(detector.network, layers, batch)
    double = copy.deepcopy(detector.network).double()
    flips = {unit: int((one != single[unit]).sum()) for unit, one in signs(double, layers, batch.double()).items()}
    total = sum(map(torch.numel, single.values()))
    print(f"\n{name}, seed {seed}: float64 has {sum(flips.values())} of {total} signs other than float32")
    if other := [unit for unit, count in flips.items() if count]:
        last = list(flips)[-1]
        share_of_last = flips[last] / single[last].numel()
        print(f"  the first {flips[other[0]]} in {other[0]}; {share_of_last:.1%} in {last}, the last unit")
    responses = double.responses(batch.double())
    values = [one for part in ("cls", "box", "quality") for one in getattr(responses, part) or []]
    exact = {output: value.numpy() for output, value in zip(walked.names, values, strict=True)}
    print(f"  box outputs up to {max(float(np.abs(exact[one]).max()) for one in exact if one.startswith('box')):.3g}")
    forms = {"float32": walked.outputs[0], "float64": exact, **exported(detector, walked, layers)}
    for form, made in forms.items():
        print(f"  {form:12} from float32 {share(made, forms['float32']):.1e}, from float64 {share(made, exact):.1e}")


def exported(detector: DetectorFile, walked: Walked, layers: Mapping[str, Convolution]) -> dict[str, Outputs]:
    asked = (walked.tape, layers, *normalisation(detector), walked.names)
    made = compiled(openvino_graph(*asked).model, settings())(walked.pictures[0])
    session = Session(onnx_graph(*asked).content)
    return {"OpenVINO": {one: made[one] for one in walked.names}, "onnxruntime": session({IMAGE: walked.pictures[0]})}


def build(name: str, seed: int) -> DetectorFile:
    """A detector whose parameters and statistics are all random, as after a training."""
    torch.manual_seed(seed)
    size = max(96, DETECTORS[name].sizes[0])
    spec = DetectorSpec(detector=name, num_classes=3, image_size=size, width=0.125, heads=NAMES[name])
    network = build_fixed(spec, REACT).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.normal_(0, 0.3)
                norm.running_var.uniform_(0.5, 2)
    return DetectorFile(network, spec, REACT, ("a", "b", "c"))


def signs(network: nn.Module, layers: Mapping[str, Convolution], batch: Tensor) -> dict[str, Tensor]:
    """By 1-bit unit where its inputs are at least their thresholds, on one batch."""
    seen: dict[str, Tensor] = {}
    handles = []
    for unit, layer in layers.items():
        if isinstance(layer.input, BinaryInput):
            edge = torch.from_numpy(layer.input.threshold).view(1, -1, 1, 1)
            note = lambda _, inputs, unit=unit, edge=edge: seen.update({unit: inputs[0] >= edge})  # noqa: E731
            handles.append(network.get_submodule(unit).register_forward_pre_hook(note))
    network.responses(batch)
    for handle in handles:
        handle.remove()
    return seen


def share(made: Outputs, wanted: Outputs) -> float:
    """The largest difference, as a share of the largest value of its output."""
    return max(float(np.abs(made[one] - wanted[one]).max() / max(1, np.abs(wanted[one]).max())) for one in wanted)


if __name__ == "__main__":
    main()
