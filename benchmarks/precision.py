"""A training step in bf16 against float32: SSDLite on EfficientNet-Lite0 at 192 pixels, batch 16, one thread.

Steps of networks that are all real, all int8, 1-bit (`react` blocks, int8 elsewhere), and of a supernet by the sandwich
rule; forward, backward and update. Four ways: float32 with oneDNN limited to AVX2 and with all that the processor has,
bf16, and bf16 with feature maps that aren't channels-last. Each is a process of its own, since oneDNN reads its limit
once; they take turns, step by step, so that what else runs meets all alike. Medians of processor time.

There is no budget: what bf16 gains depends on the processor. Run it with: python benchmarks/precision.py [ROUNDS]
"""

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

ROUNDS = 7
SIZE, BATCH = 192, 16
ISA = "ONEDNN_MAX_CPU_ISA"
WAYS = {
    "float32, AVX2": ("float32", "channels_last", "AVX2"),
    "float32": ("float32", "channels_last", None),
    "bf16": ("bf16", "channels_last", None),
    "bf16, contiguous": ("bf16", "contiguous", None),
}
"""By name the precision, the layout, and the limit of oneDNN."""
METHODS = {"all real": ("real", "real"), "all int8": ("int8", "int8"), "react, int8 elsewhere": ("react", "int8")}
"""By name the method of the blocks, and of all else."""
SUPERNET = "supernet, sandwich"
OFFERED = {
    "blocks": ("real", "int8", "int4", "sign", "react", "lcb_dynamic", "dbs"),
    "others": ("real", "int8", "int4"),
}
"""As in the preset voc_lite0_search."""


def stepper(what: str, precision: str, layout: str) -> Callable[[], float]:
    """A function that trains a step and returns its processor time in seconds."""
    import torch

    from trainers.training.memory import keep_freed_memory
    from trainers.training.resuming import Position
    from trainers.training.settings import TrainSettings
    from trainers.training.step import Training

    torch.set_num_threads(1)
    keep_freed_memory()
    torch.manual_seed(0)
    modules, losses = supernet() if what == SUPERNET else fixed(*METHODS[what])
    if layout == "contiguous":
        modules.to(memory_format=torch.contiguous_format)
    settings = TrainSettings(epochs=1, batch_size=BATCH, precision=precision)
    training = Training(modules.train(), losses, settings, steps_per_epoch=100, seed=0, stage=what)
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(3, SIZE, SIZE, generator=generator) for _ in range(BATCH)]
    boxes = torch.tensor([[20.0, 20, 90, 100], [60, 50, 150, 160]])
    batch, at = (images, [{"boxes": boxes, "labels": torch.tensor([1, 5])}] * BATCH), Position()

    def step() -> float:
        started = time.process_time()
        training.step(batch, at)
        return time.process_time() - started

    return step


def spec():
    from spaces.detectors import DetectorSpec

    return DetectorSpec(detector="ssdlite_efficientnet_lite0", num_classes=20, image_size=SIZE)


def groups() -> list[str]:
    from spaces.detectors import build_detector, openable
    from spaces.without_values import without_values

    with without_values():
        return list(openable(build_detector(spec(), lambda _: ("real",))))


def fixed(blocks: str, others: str):
    from torch import nn

    from spaces.candidate import Candidate
    from spaces.supernet import build_fixed

    layers = {"layer/backbone": blocks} | {f"layer/{group}": others for group in groups() if others != "real"}
    network = build_fixed(spec(), Candidate(layers))
    return nn.ModuleDict({"network": network}), lambda batch, *_: [dict(network(*batch).losses)]


def supernet():
    from torch import nn

    from spaces.cost_table import CostTable
    from spaces.space import Knob, SearchSpace
    from spaces.supernet import build_supernet
    from trainers.distill import Distiller
    from trainers.training.draws import Draws
    from trainers.training.paths import Paths
    from trainers.training.rules.table import RULES

    choices = {"backbone": OFFERED["blocks"]} | dict.fromkeys(groups(), OFFERED["others"])
    space = SearchSpace([Knob(f"layer/{name}", methods) for name, methods in choices.items()])
    network = build_supernet(spec(), choices)
    distiller = Distiller(network, {}, {})
    paths = Paths(network, distiller, Draws(space, CostTable.of(spec(), choices).costs))
    modules = nn.ModuleDict({"supernet": network, "distiller": distiller})
    return modules, lambda batch, _, step: RULES["sandwich"].step(paths, batch, random.Random(step))


def worker(what: str, precision: str, layout: str) -> None:
    """Train a step for each line on stdin, and print its time."""
    step = stepper(what, precision, layout)
    for _ in sys.stdin:
        print(step(), flush=True)


def measured(what: str, rounds: int) -> dict[str, float]:
    """The median time of a step by way; the first two steps don't count."""
    processes = {}
    for name, (precision, layout, limit) in WAYS.items():
        environment = {key: value for key, value in os.environ.items() if key != ISA}
        environment |= {"OMP_NUM_THREADS": "1"} | ({ISA: limit} if limit else {})
        command = [sys.executable, __file__, "--worker", what, precision, layout]
        processes[name] = subprocess.Popen(  # noqa: S603 - this file itself
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
    times: dict[str, list[float]] = {name: [] for name in processes}
    for _ in range(rounds + 2):
        for name, process in processes.items():
            process.stdin.write("step\n")
            process.stdin.flush()
            times[name].append(float(process.stdout.readline()))
    for process in processes.values():
        process.stdin.close()
        process.wait()
    return {name: statistics.median(each[2:]) for name, each in times.items()}


def main(rounds: int) -> None:
    print(f"{'step of':24}" + "".join(f"{name:>20}" for name in WAYS) + f"{'of AVX2':>10}{'of float32':>12}")
    for what in (*METHODS, SUPERNET):
        found = measured(what, rounds)
        first, second, half, _ = found.values()
        seconds = "".join(f"{value:18.3f} s" for value in found.values())
        print(f"{what:24}{seconds}{half / first:9.2f}x{half / second:11.2f}x", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else ROUNDS)
