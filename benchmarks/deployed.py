"""One image through a detector on one thread: in torch, OpenVINO and onnxruntime, float, 8-bit and 1-bit; file sizes.

SSD-ResNet18 of full width, random weights; decoding stands outside. Rounds take all forms in turn, so that what else
the machine does falls on all alike; processor time is what is compared. Where nncf can be imported, the float network
in its post-training int8 is among them: pip install nncf, in an environment of its own.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.layers.real import FakeQuantized
from spaces.supernet import build_fixed
from trainers.checkpoint import save_weights
from trainers.detector_file import DetectorFile
from trainers.export.onnx import runtime
from trainers.export.onnx.graph import IMAGE
from trainers.export.onnx.runtime import Session
from trainers.export.onnx_model import ONNX
from trainers.export.openvino.machine import has_exact_bytes
from trainers.export.openvino.runtime import EXACT, compiled, save, version
from trainers.export.openvino_ir import OPENVINO

REAL = Candidate({})
EVERYWHERE = ("backbone", "shortcuts", "stem", "heads")
FORMS: dict[str, Mapping[str, str]] = {
    "float": {},
    "int8": {"layer/backbone": "int8"},
    "int8 everywhere": {f"layer/{place}": "int8" for place in EVERYWHERE},
    "1-bit": {"layer/backbone": "bireal"},
    "1-bit react": {"layer/backbone": "react"},
    "1-bit, int8 elsewhere": {f"layer/{place}": "int8" for place in EVERYWHERE} | {"layer/backbone": "bireal"},
}
"""Candidates by name; what they don't name is float. Int8 is our own `int8` method, not a post-training one."""

IN_ONNXRUNTIME = ("float", "int8 everywhere", "1-bit", "1-bit, int8 elsewhere")
NNCF = "int8 by NNCF"
CALIBRATED_ON = 64
"""Random pictures, from which NNCF takes the ranges of inputs: their values matter for times as little as weights."""

BUDGETS = {"float": 6.0, "int8 everywhere": 1.8, NNCF: 1.8}
"""How many times faster `BEST` shall be, at 300 pixels."""
BEST = "1-bit, int8 elsewhere"

Run = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="160,300", help="sides of the image in pixels")
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"OpenVINO {version}, onnxruntime {runtime.version}, torch {torch.__version__}")
    print(f"exact products of 8 bits: {has_exact_bytes()}; nncf: {'there' if find_spec('nncf') else 'not installed'}")
    missed = False
    for size in map(int, arguments.sizes.split(",")):
        missed |= compare(size, arguments.rounds)
    if missed:
        raise SystemExit(1)


def compare(size: int, rounds: int) -> bool:
    """Print a table for one image size. Whether a budget is missed, which there is at 300 pixels."""
    runs: dict[str, Run] = {}
    sizes: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, layers in FORMS.items():
            detector = build(size, Candidate(dict(layers)))
            if name == "float":
                runs["torch float"], sizes["torch float"] = in_torch(detector, folder)
            files = OPENVINO.write(folder / f"{len(runs)}.openvino.xml", detector, {})
            runs[name], sizes[name] = in_openvino(files[0], size), megabytes(files[:2])
            if name == "float" and find_spec("nncf"):
                made = by_nncf(files[0], size)
                runs[NNCF], sizes[NNCF] = in_openvino(made, size), megabytes([made, made.with_suffix(".bin")])
            if name in IN_ONNXRUNTIME:
                [file, *_] = ONNX.write(folder / f"{len(runs)}.onnx", detector, {})
                runs[f"onnx {name}"], sizes[f"onnx {name}"] = in_onnxruntime(file, size), megabytes([file])
        times = measured(runs, rounds)
    report(size, rounds, times, sizes)
    middle = {name: statistics.median(one) for name, one in times.items()}
    return size == 300 and any(middle[n] / middle[BEST] < least for n, least in BUDGETS.items() if n in middle)


def report(size: int, rounds: int, times: Mapping[str, list[float]], sizes: Mapping[str, float]) -> None:
    middle = {name: statistics.median(one) for name, one in times.items()}
    others = [name for name in BUDGETS if name in middle]
    print(f"\nSSD-ResNet18 at {size} pixels, medians of {rounds} rounds, ms of processor time (quartiles)")
    ends = " ".join(f"{name:>15}" for name in others)
    print(f"{'':27} {'ms':>8} {'':18} {'MB':>8}  times faster than\n{'':64} {ends}")
    for name, one in times.items():
        low, _, high = statistics.quantiles(one, n=4)
        spread, ratios = f"({low:.2f} to {high:.2f})", [middle[other] / middle[name] for other in others]
        ends = " ".join(f"{ratio:15.2f}" for ratio in ratios)
        print(f"{name:27} {middle[name]:8.2f} {spread:18} {sizes[name]:8.2f} {ends}")


def build(size: int, candidate: Candidate) -> DetectorFile:
    """A detector of random weights whose inputs' ranges are measured on noise."""
    torch.manual_seed(0)
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=20, image_size=size)
    network = build_fixed(spec, candidate).eval()
    observe(network, True)
    with torch.no_grad():
        network([torch.rand(3, size, size)])
    observe(network, False)
    return DetectorFile(network, spec, candidate, tuple(map(str, range(20))))


def observe(network: nn.Module, on: bool) -> None:
    for one in network.modules():
        if isinstance(one, FakeQuantized):
            one.observing = on


def in_torch(detector: DetectorFile, folder: Path) -> tuple[Run, float]:
    side = detector.spec.image_size
    batch = torch.rand(1, 3, side, side)
    save_weights(folder / "torch.safetensors", detector.network.state_dict(), {})

    @torch.no_grad()
    def run() -> object:
        return detector.network.responses(batch)

    return run, megabytes([folder / "torch.safetensors"])


def in_openvino(path: Path, size: int) -> Run:
    ready = compiled(path, EXACT)
    request, picture = ready.create_infer_request(), random_pictures(size, 1)[0]
    return lambda: request.infer([picture], share_inputs=True, share_outputs=True)


def in_onnxruntime(path: Path, size: int) -> Run:
    session, picture = Session(path.read_bytes()), random_pictures(size, 1)[0]
    return lambda: session({IMAGE: picture})


def by_nncf(path: Path, size: int) -> Path:
    """A float graph in NNCF's post-training int8, with its default settings."""
    import nncf

    pictures = nncf.Dataset(random_pictures(size, CALIBRATED_ON))
    quantized = nncf.quantize(openvino.Core().read_model(path), pictures, subset_size=CALIBRATED_ON)
    save(quantized, made := path.with_name("nncf.xml"))
    return made


def random_pictures(size: int, count: int) -> list[Any]:
    return list(np.random.default_rng(0).integers(0, 256, (count, 1, size, size, 3), np.uint8))


def megabytes(files: list[Path]) -> float:
    return sum(file.stat().st_size for file in files) / 1e6


def measured(runs: Mapping[str, Run], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of processor time, form by form in every round; the first rounds warm up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 2):
        for name, run in runs.items():
            run()
            before = time.process_time()
            run()
            if number >= 2:
                times[name].append((time.process_time() - before) * 1e3)
    return times


if __name__ == "__main__":
    main()
