"""Trainings in two processes (gloo) against one process with the same batches: how far apart their losses get.

20 steps of detectors of an eighth of their width at 96 pixels, 4 images a batch, on generated squares, with BatchNorm
synchronised or frozen. Columns: the first step's loss and gradient, before any update has spread them; the loss over
all 20 steps; the weights at the end. Gaps are the largest of all terms or tensors, as shares of the loss (of 1 where it
is smaller), or of the largest value of all tensors. Classifiers, as a pre-training has them, are also compared with
one process whose weights at the start are moved by 1e-6 of themselves. Below stands how far BatchNorm's statistics are
from float64.

python benchmarks/processes.py [--only NAME]

Exits with 1 where losses in float64 differ by more than 1e-7, or those of detectors without 8-bit layers in float32
with frozen BatchNorm by more than 1e-5.
"""

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.candidate import Candidate
from spaces.classifier import build_classifier
from spaces.detectors import DetectorSpec
from spaces.space import Knob, SearchSpace
from spaces.supernet import build_fixed, build_supernet
from trainers.data.batches import Batch
from trainers.data.decoded import Decoded
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.distill.ensemble import Ensemble
from trainers.training.classifier import train_classifier
from trainers.training.detector import Distillation, train_detector
from trainers.training.draws import Draws
from trainers.training.loop import Task
from trainers.training.paths import Paths
from trainers.training.processes import Processes
from trainers.training.resuming import Position
from trainers.training.rules.table import RULES
from trainers.training.settings import TrainSettings
from trainers.training.supernet import train_supernet

STEPS, IMAGES = 20, 4
METHODS = ("real", "int8", "bireal", "dbs")
TERMS = ("fgfi", "angular", "adversarial")
SETTINGS = TrainSettings(epochs=STEPS, batch_size=IMAGES)


@dataclass(frozen=True)
class Case:
    """A training and what it is called. frozen: every BatchNorm computes as in evaluation.

    moved: the standard deviation of what is added to each weight before the training, as a share of it.
    """

    name: str
    train: Callable[["Case", Any], nn.Module]
    settings: TrainSettings = SETTINGS
    frozen: bool = False
    moved: float = 0.0

    @property
    def task(self) -> Task:
        return Task(stage="t", seed=1, batch_norm="per_process" if self.frozen else "synchronised")

    def prepare(self, *modules: nn.Module) -> None:
        """Move the weights, and let every BatchNorm compute with statistics that stay as they are, if asked for."""
        with torch.no_grad():
            for weight in (one for module in modules for one in module.parameters() if self.moved):
                weight.mul_(1 + self.moved * torch.randn_like(weight))
        for norm in (one for module in modules for one in module.modules()):
            if self.frozen and isinstance(norm, nn.BatchNorm2d):
                norm.forward = partial(_frozen, norm)  # type: ignore[method-assign]


def _frozen(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)


def detector(name: str, method: str, terms: dict[str, str], case: Case, data: Any) -> nn.Module:
    """A detector with one method in its backbone; terms: each with its teacher, a, b or both as an ensemble."""
    taught = {f"teacher/{term}": teacher for term, teacher in terms.items()}
    candidate = Candidate({"layer/backbone": method, **taught, **{f"weight/{term}": 1.0 for term in terms}})
    network, teachers = build_fixed(spec(name), candidate), {one: real(name) for one in ("a", "b")}
    asked = {term: [teacher] for term, teacher in terms.items()}
    distiller = Distiller(network, teachers, asked, Ensemble(("a", "b"), "random_teacher"))
    case.prepare(network, distiller)
    train_detector(network, data, case.settings, case.task, Distillation(candidate, distiller))
    return nn.ModuleList([network, distiller])


def classifier(method: str, case: Case, data: Any) -> nn.Module:
    """The backbone with one method as a classifier, by its labels."""
    network = build_classifier(spec("ssd_resnet18"), Candidate({"layer/backbone": method}), 4)
    case.prepare(network)
    train_classifier(network, data, case.settings, case.task)
    return network


def supernet(rule: str, case: Case, data: Any) -> nn.Module:
    """A supernet of four methods with a term of maps, one of layers and a discriminator."""
    network = build_supernet(spec("ssd_resnet18"), {"backbone": METHODS})
    distiller = Distiller(network, {"twin": real("ssd_resnet18")}, {term: ["none", "twin"] for term in TERMS})
    knobs = [Knob(f"layer/backbone.layer{stage}", METHODS) for stage in (1, 2, 3, 4)]
    for term in TERMS:
        knobs += [Knob(f"teacher/{term}", ("none", "twin")), Knob(f"weight/{term}", (0.1, 1.0))]
    case.prepare(network, distiller)
    draws = Draws(SearchSpace(knobs), lambda candidate: {"bit_ops": float(len(set(candidate.layers().values())))})
    train_supernet(Paths(network, distiller, draws), RULES[rule], data, case.settings, case.task)
    return nn.ModuleList([network, distiller])


TWIN = partial(detector, "ssd_resnet18", "real", {})
CASES = (
    Case("twin", TWIN),
    Case(
        "parallel distillation, int8",
        partial(detector, "gfl_resnet18", "int8", {"response_cls": "a", "response_loc": "a", "feature_hint_ida": "b"}),
    ),
    Case(
        "joint distillation, bireal",
        partial(detector, "ssd_resnet18", "bireal", {"fgfi": "a", "joint_cls": "a", "joint_box": "b", "angular": "a"}),
    ),
    Case(
        "adversarial distillation, lcb",
        partial(detector, "ssd_resnet18", "lcb", {"adversarial": "ensemble", "feature_hint": "ensemble"}),
    ),
    *(Case(f"supernet, {rule}", partial(supernet, rule)) for rule in ("single_path", "sandwich", "nas_bnn")),
    Case("twin, SGD", TWIN, replace(SETTINGS, optimizer="sgd")),
    *(Case(f"classifier, {method}", partial(classifier, method)) for method in ("real", "react")),
)
HELD = ("twin", "joint distillation, bireal", "adversarial distillation, lcb", "twin, SGD")
"""The detectors without 8-bit layers: their losses are held to 1e-5 in float32 with frozen BatchNorm."""


def spec(name: str) -> DetectorSpec:
    return DetectorSpec(detector=name, num_classes=3, image_size=96, width=0.125)


def real(name: str) -> nn.Module:
    return freeze(build_fixed(spec(name), Candidate({"layer/backbone": "real"})))


class Squares:
    """Images of noise with a bright square each, whose colour is its class, in torch's default type."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        images = rng.integers(0, 90, (IMAGES, 3, 96, 96), dtype=np.uint8)
        sides, labels = rng.integers(24, 48, IMAGES), rng.integers(1, 4, IMAGES)
        corners = rng.integers(0, 48, (IMAGES, 2))
        for image, (x, y), side, label in zip(images, corners, sides, labels, strict=True):
            image[label - 1, y : y + side, x : x + side] = 230
        arrays = {
            "images": images,
            "boxes": np.hstack([corners, corners + sides[:, None]]).astype(np.float32),
            "labels": labels.astype(np.int64),
            "difficult": np.zeros(IMAGES, dtype=np.bool_),
            "offsets": np.arange(IMAGES + 1),
        }
        self._data = Decoded.from_arrays(arrays, [str(one) for one in range(IMAGES)], ("red", "green", "blue"))

    def __len__(self) -> int:
        return len(self._data)

    def fingerprint(self) -> str:
        return self._data.fingerprint()

    def batches(self, *args: Any, **options: Any) -> Iterator[Batch]:
        kind = torch.get_default_dtype()
        for images, targets in self._data.batches(*args, **options):
            yield [one.to(kind) for one in images], [{**one, "boxes": one["boxes"].to(kind)} for one in targets]


@dataclass
class Trained:
    """Of the first process: the losses of each step, the first step's gradients, the weights at the end."""

    losses: list[dict[str, float]]
    gradients: list[np.ndarray[Any, Any]]
    weights: list[np.ndarray[Any, Any]]


def recorded(case: Case) -> Trained:
    """Train in this process, noting what the loop sees; it is a process for this alone."""
    found = Trained([], [], [])
    add, average = Position.add, Processes.average_gradients

    def adding(at: Position, losses: dict[str, Tensor], figures: Any) -> None:
        found.losses.append({name: float(loss) for name, loss in losses.items()})
        add(at, losses, figures)

    def averaging(processes: Processes, parameters: Any) -> None:
        trained = list(parameters)
        average(processes, trained)
        if not found.gradients:
            found.gradients += [one.grad.numpy().copy() for one in trained if one.grad is not None]

    Position.add, Processes.average_gradients = adding, averaging  # type: ignore[method-assign,assignment]
    torch.manual_seed(0)
    modules = case.train(case, Squares())
    found.weights = [one.detach().numpy() for one in modules.parameters()]
    return found


def in_processes(count: int, case: Case, kind: torch.dtype) -> Trained:
    """What the first of `count` processes of one group saw."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        started = [
            context.Process(target=_work, args=(rank, count, case, kind, meeting, there)) for rank in range(count)
        ]
        for process in started:
            process.start()
        there.close()
        found: Trained = here.recv()
        for process in started:
            process.join()
    return found


def _work(rank: int, count: int, case: Case, kind: torch.dtype, meeting: Path, answer: Any) -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(kind)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=count)
    found = recorded(case)
    if rank == 0:
        answer.send(found)
    dist.destroy_process_group()


def gaps(one: Trained, two: Trained) -> tuple[float, float, float, float]:
    """The columns of the table."""
    losses = [
        max(abs(ours[name] - theirs[name]) / max(1.0, abs(ours[name])) for name in ours)
        for ours, theirs in zip(one.losses, two.losses, strict=True)
    ]
    return losses[0], _tensors(one.gradients, two.gradients), max(losses), _tensors(one.weights, two.weights)


def _tensors(one: list[np.ndarray[Any, Any]], two: list[np.ndarray[Any, Any]]) -> float:
    largest = max(float(np.abs(ours).max()) for ours in one)
    return max(float(np.abs(ours - theirs).max()) for ours, theirs in zip(one, two, strict=True)) / largest


def statistics() -> None:
    """Print how far mean and variance of a map as large as a stem's are from those in float64, in shares of sigma."""
    torch.manual_seed(0)
    x = (torch.randn(4, 8, 48, 48) + 1).contiguous(memory_format=torch.channels_last)
    exact = torch.stack(torch.var_mean(x.double(), dim=(0, 2, 3), correction=0))
    norm = nn.BatchNorm2d(8, momentum=1.0)
    norm(x)
    values = x.numel() / 8
    alone = torch.stack([norm.running_var * ((values - 1) / values), norm.running_mean])
    shared = torch.stack(torch.var_mean(x, dim=(0, 2, 3), correction=0))
    for name, found in (("torch's BatchNorm", alone), ("the synchronised one", shared)):
        print(f"mean and variance in float32, {name}: off by {float((found - exact).abs().max()):.1e}")


def _print(case: Case, how: str, found: tuple[float, ...]) -> None:
    print(f"{case.name:<30}{how:<22}" + "".join(f"{gap:>12.1e}" for gap in found), flush=True)


def main() -> int:
    """Print the table; 0 if losses are within their limits, 1 if not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose name begins so")
    wanted = [case for case in CASES if case.name.startswith(parser.parse_args().only)]
    torch.set_num_threads(1)
    print(f"{'':<30}{'':<22}{'first loss':>12}{'gradient':>12}{'20 losses':>12}{'weights':>12}")
    fine = True
    for kind, frozen in ((torch.float64, False), (torch.float32, False), (torch.float32, True)):
        for case in (replace(one, frozen=frozen) for one in wanted):
            found = gaps(*(in_processes(count, case, kind) for count in (1, 2)))
            _print(case, f"{str(kind)[6:]}, {'frozen' if frozen else 'synchronised'}", found)
            held = 1e-7 if kind == torch.float64 else 1e-5 if frozen and case.name in HELD else float("inf")
            fine = fine and found[2] <= held
    for case in (one for one in wanted if one.name.startswith("classifier")):
        _print(
            case,
            "float32, moved",
            gaps(*(in_processes(1, replace(case, moved=by), torch.float32) for by in (0.0, 1e-6))),
        )
    statistics()
    print("within the budget" if fine else "MISSED the budget")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
