"""How good a front a sampler finds within a number of evaluations, on boxes whose scores take no time.

Hypervolumes are those of the true values, without noise, of the front that was found by the noisy ones; they are
divided by the volume between the reference and the ideal point (every cost 0, every accuracy 1).

A box is a Python file with four functions: `knobs() -> list[Knob]`, `costs(candidate) -> dict`, `score(candidate) ->
dict`, and `reference() -> dict`, whose keys are the objectives. Those of benchmarks/boxes/ go by their names.

Run it with: python benchmarks/search_quality.py --blackbox additive --evaluations 100,200 --seeds 10 --noise 0.01
The last line is JSON: {"structured": {"100": {"median": ..., "mean": ..., "sd": ...}}}.
"""

import argparse
import importlib.util
import json
import random
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np

from results.pareto import pareto_mask
from results.volume import hypervolume
from search.controller.controller import Controller, Done
from search.controller.journal import Journal
from search.controller.objectives import OBJECTIVES
from search.controller.samplers import SAMPLERS
from spaces.candidate import Candidate
from spaces.space import SearchSpace

BOXES = Path(__file__).parent / "boxes"


@dataclass(frozen=True)
class Box:
    """A search whose scores can be computed at once."""

    space: SearchSpace
    costs: Callable[[Candidate], dict[str, float]]
    score: Callable[[Candidate], dict[str, float]]
    reference: dict[str, float]

    @classmethod
    def of(cls, module: ModuleType) -> "Box":
        return cls(SearchSpace(module.knobs()), module.costs, module.score, module.reference())

    def ends(self) -> list[Candidate]:
        """The candidates of one method each, which every search tries first."""
        layers = [knob.choices for knob in self.space.knobs if knob.kind == "layer"]
        return [self.space.uniform(str(method)) for method in dict.fromkeys(m for offered in layers for m in offered)]

    def values(self, candidate: Candidate) -> list[float]:
        """The objectives, in the order of the reference, each so that less is better."""
        figures = {**self.score(candidate), **self.costs(candidate)}
        return [figures[name] * sign for name, sign in zip(self.reference, self.signs(), strict=True)]

    def signs(self) -> list[float]:
        return [1.0 if OBJECTIVES[name] == "minimize" else -1.0 for name in self.reference]

    def volume(self, points: Sequence[Sequence[float]]) -> float:
        """The hypervolume of points (N, objectives), as `values` gives them, as a share of what could be."""
        corner = np.array(list(self.reference.values())) * self.signs()
        ideal = np.array([0.0 if sign > 0 else -1.0 for sign in self.signs()])
        return hypervolume(points, corner) / float(np.prod(corner - ideal))


def read_box(name: str) -> Box:
    """The box of that name in benchmarks/boxes/, or of a Python file."""
    path = Path(name) if name.endswith(".py") else BOXES / f"{name}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Box.of(module)


def volumes(box: Box, sampler: str, evaluations: Sequence[int], seed: int, noise: float) -> list[float]:
    """The share of the hypervolume after each number of evaluations of one search."""
    found: list[float] = []
    noisy, true = [], []
    accuracy = np.array(box.signs()) < 0
    with tempfile.TemporaryDirectory() as folder:
        objectives = tuple(box.reference)
        journal = Journal(Path(folder), name="quality", space=box.space, objectives=objectives)
        controller = Controller(
            box.space,
            journal,
            objectives=objectives,
            costs=box.costs,
            trials=max(evaluations),
            sampler=sampler,
            seed=seed,
            initial=box.ends(),
        )
        while not isinstance(proposal := controller.ask(), Done):
            metrics = box.score(proposal.candidate)
            error = random.Random(f"{seed} {proposal.candidate.id}").gauss(0.0, noise)
            score = SimpleNamespace(metrics={name: value + error for name, value in metrics.items()}, seconds={})
            controller.tell(proposal.number, score)
            true.append(box.values(proposal.candidate))
            noisy.append(np.array(true[-1]) - accuracy * error)
            if len(true) in evaluations:
                front = pareto_mask(np.array(noisy))
                found.append(box.volume(np.array(true)[front]))
    # A space that is exhausted has nothing more to find.
    return found + [box.volume(np.array(true)[pareto_mask(np.array(noisy))])] * (len(evaluations) - len(found))


def summary(shares: Sequence[float]) -> dict[str, float]:
    sd = statistics.stdev(shares) if len(shares) > 1 else 0.0
    return {"median": statistics.median(shares), "mean": statistics.fmean(shares), "sd": sd}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blackbox", default="additive", help="a box of benchmarks/boxes/, or a Python file")
    parser.add_argument("--samplers", default=",".join(SAMPLERS), help="names, with commas between them")
    parser.add_argument("--evaluations", default="100,200", help="after how many the front is measured")
    parser.add_argument("--seeds", type=int, default=10, help="how many searches of each sampler")
    parser.add_argument("--noise", type=float, default=0.0, help="standard deviation of the noise in a score")
    chosen = parser.parse_args()
    evaluations = sorted({int(number) for number in chosen.evaluations.split(",")})
    box = read_box(chosen.blackbox)
    table: dict[str, dict[str, dict[str, float]]] = {}
    print(f"{chosen.blackbox}, noise {chosen.noise:g}, {chosen.seeds} seeds")
    print(f"{'sampler':12} {'evaluations':>11} {'median':>8} {'mean':>8} {'sd':>8}")
    for sampler in chosen.samplers.split(","):
        runs = [volumes(box, sampler, evaluations, seed, chosen.noise) for seed in range(chosen.seeds)]
        table[sampler] = {}
        for number, shares in zip(evaluations, zip(*runs, strict=True), strict=True):
            row = table[sampler][str(number)] = summary(shares)
            print(f"{sampler:12} {number:11} {row['median']:8.4f} {row['mean']:8.4f} {row['sd']:8.4f}", flush=True)
    print(json.dumps(table))


if __name__ == "__main__":
    main()
