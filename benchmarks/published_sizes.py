"""Presets at their own size: training steps on random images, with memory, speed, parameters and bit_ops.

Images have the shape that most pictures of the data set get: squares, or their own. bit_ops are those of the largest.
Each preset runs in a process of its own, on the config's device. Trained is the network of the section `train`, on the
losses of detection: teachers and distillation terms are left out. Weights are random. `--set` changes keys, as in

python benchmarks/published_sizes.py ssd300_vgg16_voc lws_det_voc --steps 2 --set train.batch_size=2
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import torch
from torch import Tensor, nn

from search.config import load_config
from search.plan.detectors import fixed_candidate, student_spec
from search.stages.settings import train_settings
from spaces.cost import layer_costs, totals
from spaces.supernet import build_fixed
from trainers.data.formats import data_format
from trainers.data.resizing import Resizing
from trainers.devices import pick_device
from trainers.training.memory import keep_freed_memory
from trainers.training.resuming import Position
from trainers.training.step import Training

COLUMNS = (
    *("preset", "classes", "largest image", "images", "batch", "parameters", "bit_ops", "peak memory"),
    *("images a second", "of a core's second"),
)
OBJECTS = 7
"""On each image, as many as COCO's have on average."""

PICTURES = {"voc": (500, 375), "coco": (640, 480), "visdrone": (1920, 1080)}
"""(width, height) of most pictures of a format's data set, which each preset resizes as it does its own."""


def random_batch(batch: int, shape: tuple[int, int], classes: int) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """Images of noise of this (height, width) with boxes of 5 to 50 % of their sides."""
    images, targets = [], []
    sides = torch.tensor([shape[1], shape[0]])
    for _ in range(batch):
        corner = torch.rand(OBJECTS, 2) * sides / 2
        side = sides * (0.05 + 0.45 * torch.rand(OBJECTS, 2))
        images.append(torch.rand(3, *shape))
        flags = {"difficult": torch.zeros(OBJECTS, dtype=torch.bool)}
        labels = torch.randint(1, classes + 1, (OBJECTS,))
        targets.append({"boxes": torch.cat([corner, corner + side], 1), "labels": labels, **flags})
    return images, targets


def measured(preset: str, overrides: list[str], steps: int) -> dict[str, object]:
    """What the preset's network is and takes; speed is that of the steps after the first."""
    config = load_config(preset, overrides)
    device = pick_device(config.device)
    torch.manual_seed(0)
    classes = len(config.data.classes or data_format(config.data.format).classes.own)
    spec = student_spec(config.student, config.data, classes)
    network = build_fixed(spec, fixed_candidate(config.train, spec)).to(device)
    shape = Resizing.of(spec).placed(*PICTURES[config.data.format]).shape
    costs = totals(layer_costs(network, [torch.zeros(3, *spec.input_size, device=device)]))
    keep_freed_memory()
    settings = train_settings(config.train)
    training = Training(
        nn.ModuleDict({"network": network}),
        lambda batch, *_: [dict(network(*batch).losses)],
        settings,
        steps_per_epoch=steps,
        seed=0,
        stage=preset,
    )
    network.train()
    at, seconds, busy = Position(), [], []
    for _ in range(steps):
        batch = random_batch(settings.batch_size, shape, classes)
        started, used = time.perf_counter(), time.process_time()
        training.step(batch, at)
        _ = at.figures()  # waits for the device
        seconds.append(time.perf_counter() - started)
        busy.append(time.process_time() - used)
    later = slice(1 if steps > 1 else 0, None)
    memory = torch.cuda.max_memory_allocated() if device.type == "cuda" else _peak()
    return {
        "preset": preset,
        "size": " x ".join(map(str, spec.input_size)),
        "shape": " x ".join(map(str, shape)),
        "classes": classes,
        "batch": settings.batch_size,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "bit_ops": costs.bit_ops,
        "gb": memory / 1e9,
        "per_second": settings.batch_size * len(seconds[later]) / sum(seconds[later]),
        "per_core_second": settings.batch_size * len(busy[later]) / sum(busy[later]),
        "loss": at.figures()["loss"],
    }


def _peak() -> int:
    """The largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Print a row of a Markdown table for each preset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="+")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        print(json.dumps(measured(asked.presets[0], asked.overrides, asked.steps)))
        return
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|{' --- |' * len(COLUMNS)}")
    overrides = [part for one in asked.overrides for part in ("--set", one)]
    for preset in asked.presets:
        command = [sys.executable, __file__, preset, "--part", "--steps", str(asked.steps), *overrides]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own file
        one = json.loads(text.splitlines()[-1])
        texts = [f"`{preset}`", *(str(one[name]) for name in ("classes", "size", "shape", "batch"))]
        texts += [f"{one['parameters'] / 1e6:.1f} M", f"{one['bit_ops']:.3g}", f"{one['gb']:.1f} GB"]
        texts += [f"{one[name]:.3g}" for name in ("per_second", "per_core_second")]
        print(f"| {' | '.join(texts)} |", flush=True)


if __name__ == "__main__":
    main()
