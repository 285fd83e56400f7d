"""One image through a detector on one thread: float in torch, and float, 8-bit and 1-bit in OpenVINO; sizes of files.

SSD-ResNet18 of full width, random weights; decoding stands outside. Rounds take all forms in turn, so that what else
the machine does falls on all alike; processor time is what is compared.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.layers.real import FakeQuantized
from spaces.supernet import build_fixed
from trainers.checkpoint import save_weights
from trainers.detector_file import DetectorFile
from trainers.export.openvino.machine import has_exact_bytes
from trainers.export.openvino.runtime import EXACT, compiled, version
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

BUDGETS = {"float": 6.0, "int8 everywhere": 1.8}
"""How many times faster `BEST` shall be, at 300 pixels."""
BEST = "1-bit, int8 elsewhere"

Run = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="160,300", help="sides of the image in pixels")
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"OpenVINO {version}, torch {torch.__version__}; exact products of 8 bits: {has_exact_bytes()}")
    missed = False
    for size in map(int, arguments.sizes.split(",")):
        missed |= compare(size, arguments.rounds)
    if missed:
        raise SystemExit(1)


def compare(size: int, rounds: int) -> bool:
    """Print a table for one image size. Whether a budget is missed, which there is at 300 pixels."""
    runs: dict[str, Run] = {}
    sizes: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, layers in FORMS.items():
            detector = build(size, Candidate(dict(layers)))
            if name == "float":
                runs["torch float"], sizes["torch float"] = in_torch(detector, Path(folder))
            files = OPENVINO.write(Path(folder) / f"{len(runs)}.openvino.xml", detector, {})
            runs[name], sizes[name] = in_openvino(files[0], size), megabytes(files[:2])
        times = measured(runs, rounds)
    print(f"\nSSD-ResNet18 at {size} pixels, medians of {rounds} rounds, ms of processor time (quartiles)")
    print(f"{'':22} {'ms':>8} {'':16} {'float / it':>10} {'int8 / it':>10} {'MB':>8}")
    middle = {name: statistics.median(one) for name, one in times.items()}
    for name, one in times.items():
        low, _, high = statistics.quantiles(one, n=4)
        ratios = (middle[other] / middle[name] for other in ("float", "int8"))
        spread = f"({low:.2f} to {high:.2f})"
        print(f"{name:22} {middle[name]:8.2f} {spread:16} {next(ratios):10.2f} {next(ratios):10.2f} {sizes[name]:8.2f}")
    return size == 300 and any(middle[name] / middle[BEST] < least for name, least in BUDGETS.items())


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
    request, picture = (
        ready.create_infer_request(),
        np.random.default_rng(0).integers(0, 256, (1, size, size, 3), np.uint8),
    )
    return lambda: request.infer([picture], share_inputs=True, share_outputs=True)


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
