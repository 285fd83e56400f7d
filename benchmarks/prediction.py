"""Time of `detector.predict` beside the network's own forward pass, on pictures of three sizes.

The rest is decoding the file and squashing it to the detector's square, which any reader must do, and what predict
adds: the way of the boxes back, and its bookkeeping. Exits with 1 if predict takes more than 1.10 times the forward
pass and the decoding together. Processor time of one thread, so that other work on the machine counts little.

python benchmarks/prediction.py
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.batches import as_input
from trainers.data.resizing import Resizing
from trainers.detector_file import DetectorFile
from trainers.inference import evaluating
from trainers.prediction import read_upright

BUDGET = 1.10
BATCH, REPEATS = 8, 5
SIZES = ((320, 240), (1280, 960), (4032, 3024))
"""A thumbnail, a camera's video, a telephone's photograph."""


def photograph(path: Path, size: tuple[int, int]) -> Path:
    """A JPEG with about as much detail as a photograph: coarse noise, enlarged."""
    noise = np.random.default_rng(0).integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(path, quality=90)
    return path


def a_detector() -> DetectorFile:
    """SSD on ResNet-18 at half width, `bireal`, at 160 pixels; untrained, with as many detections as it keeps."""
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=20, image_size=160, width=0.5)
    candidate = Candidate({"layer/backbone": "bireal"})
    return DetectorFile(build_fixed(spec, candidate).eval(), spec, candidate, tuple(map(str, range(20))))


def forward(detector: DetectorFile, images: list[Tensor]) -> None:
    """Images in, detections out."""
    with evaluating(detector.network, 0):
        _ = detector.network(images).detections


def milliseconds(detector: DetectorFile, path: Path) -> list[float]:
    """Median processor time of a picture: of the forward pass, of decoding, of predict; measured in turn."""

    def decoded() -> list[Tensor]:
        inputs = []
        for _ in range(BATCH):
            rgb = read_upright(path)  # freed when the next one is there, as in predict: it takes new memory otherwise
            inputs.append(as_input(Resizing.of(detector.spec).pixels(rgb)))
        return inputs

    images = decoded()
    work: list[Callable[[], object]] = [
        lambda: forward(detector, images),
        decoded,
        lambda: list(detector.predict([path] * BATCH, score=0.0, batch_size=BATCH)),
    ]
    times: list[list[float]] = [[] for _ in work]
    for _ in range(REPEATS + 1):
        for function, own in zip(work, times, strict=True):
            started = time.process_time()
            function()
            own.append(time.process_time() - started)
    return [1e3 * statistics.median(own[1:]) / BATCH for own in times]  # the first round warms up


def main() -> int:
    """Print the table; 0 if within the budget, 1 if not."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    detector, missed = a_detector(), False
    print(f"{'milliseconds a picture':<24}{'forward':>9}{'decoding':>10}{'predict':>9}{'of forward':>12}{'of both':>9}")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            network, decoding, whole = milliseconds(detector, photograph(Path(folder) / "a.jpg", size))
        of_both = whole / (network + decoding)
        missed |= of_both > BUDGET
        times = f"{network:>9.1f}{decoding:>10.1f}{whole:>9.1f}"
        print(f"{f'{size[0]} x {size[1]} JPEG':<24}{times}{whole / network:>11.2f}x{of_both:>8.2f}x", flush=True)
    print(f"MISSED the budget of {BUDGET:.2f}x" if missed else "within the budget")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
