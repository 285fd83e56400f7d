"""How good a front a sampler finds within a number of evaluations, on boxes whose scores take no time.

Hypervolumes are those of the true values, without noise, of the front that was found by the noisy ones; they are
divided by the volume between the reference and the ideal point (every cost 0, every accuracy 1). With --log-costs they
are over the logarithm of the costs, from the cheapest candidate on that every search tries.

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
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from results.pareto import pareto_mask
from results.volume import hypervolume
from search.controller.controller import Controller
from search.controller.journal import Journal
from search.controller.objectives import OBJECTIVES
from search.controller.problem import SearchProblem
from search.controller.proposal import Done
from search.controller.samplers import SAMPLERS, sampler_from_seed
from search.plan.initial_candidates import uniform_candidates
from spaces.candidate import Candidate
from spaces.space import SearchSpace

BOXES = Path(__file__).parent / "boxes"

DEFAULT = ",".join(name for name in SAMPLERS if name not in ("gp", "cmaes"))  # one is slow, one takes one objective

Table = dict[str, dict[str, dict[str, float]]]
"""By sampler and number of evaluations: median, mean and standard deviation of the hypervolumes."""


@dataclass(frozen=True)
class Box:
    """A search whose scores can be computed at once."""

    space: SearchSpace
    costs: Callable[[Candidate], dict[str, float]]
    score: Callable[[Candidate], dict[str, float]]
    reference: dict[str, float]
    log_costs: bool = False

    @classmethod
    def of(cls, module: ModuleType) -> "Box":
        return cls(SearchSpace(module.knobs()), module.costs, module.score, module.reference())

    def problem(self, trials: int) -> SearchProblem:
        return SearchProblem(self.space, self.costs, tuple(self.reference), trials=trials)

    def ends(self) -> list[Candidate]:
        """The candidates of one method each, which every search tries first."""
        layers = [knob.choices for knob in self.space.knobs if knob.kind == "layer"]
        methods = dict.fromkeys(str(method) for offered in layers for method in offered)
        return list(uniform_candidates(methods, self.space).values())

    def values(self, candidate: Candidate) -> list[float]:
        """The objectives, in the order of the reference, each so that less is better."""
        figures = {**self.score(candidate), **self.costs(candidate)}
        return [figures[name] * sign for name, sign in zip(self.reference, self.signs(), strict=True)]

    def signs(self) -> list[float]:
        return [1.0 if OBJECTIVES[name] == "minimize" else -1.0 for name in self.reference]

    @cached_property
    def cheapest(self) -> NDArray[np.float64]:
        """The least value (objectives,) of each objective among the ends."""
        return np.asarray(np.min([self.values(one) for one in self.ends()], axis=0))

    def volume(self, points: ArrayLike) -> float:
        """The hypervolume of points (N, objectives), as `values` gives them, as a share of what could be."""
        corner = np.array(list(self.reference.values())) * self.signs()
        priced = np.array(self.signs()) > 0
        ideal, scaled = np.where(priced, 0.0, -1.0), np.array(points, dtype=np.float64)
        if self.log_costs:
            cheapest = self.cheapest[priced]
            ideal[priced], corner[priced] = np.log(cheapest), np.log(corner[priced])
            scaled[:, priced] = np.log(np.maximum(scaled[:, priced], cheapest))
        return hypervolume(scaled, corner) / float(np.prod(corner - ideal))


def read_module(name: str) -> ModuleType:
    """The box of that name in benchmarks/boxes/, or of a Python file, as a module. Raises ValueError."""
    path = Path(name) if name.endswith(".py") else BOXES / f"{name}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        known = ", ".join(sorted(file.stem for file in BOXES.glob("*.py")))
        raise ValueError(f"{name!r} is no Python file and no box of {BOXES}. There are: {known}.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_box(name: str) -> Box:
    """The box of that name or file, tried with one candidate. Raises ValueError, for a mistake in its file too."""
    try:
        box = Box.of(read_module(name))
        box.values(box.ends()[0])
    except ValueError:
        raise
    except Exception as error:  # a box may be anybody's, and fail in any way
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = "" if isinstance(error, SyntaxError) else f" ({Path(last.filename).name}, line {last.lineno})"
        raise ValueError(
            f"The box {name} raised {type(error).__name__}: {error}{where}. It needs knobs() -> list[Knob], "
            "costs(candidate) -> dict, score(candidate) -> dict with map50, and reference() -> dict."
        ) from error
    return box


def volumes(box: Box, sampler: str, evaluations: Sequence[int], seed: int, noise: float) -> list[float]:
    """The share of the hypervolume after each number of evaluations of one search."""
    found: list[float] = []
    noisy, true = [], []
    accuracy = np.array(box.signs()) < 0
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder), name="quality", space=box.space, objectives=tuple(box.reference))
        problem = box.problem(max(evaluations))
        controller = Controller(problem, journal, sampler=sampler, seed=seed, initial=box.ends())
        while not isinstance(proposal := controller.ask(), Done):
            error = random.Random(f"{seed} {proposal.candidate.id}").gauss(0.0, noise)
            metrics = {name: max(value + error, 0.0) for name, value in box.score(proposal.candidate).items()}
            controller.tell(proposal.number, SimpleNamespace(metrics=metrics, seconds={}))
            true.append(box.values(proposal.candidate))
            noisy.append(np.where(accuracy, np.minimum(np.array(true[-1]) - error, 0.0), true[-1]))
            if len(true) in evaluations:
                front = pareto_mask(np.array(noisy))
                found.append(box.volume(np.array(true)[front]))
    # A space that is exhausted has nothing more to find.
    return found + [box.volume(np.array(true)[pareto_mask(np.array(noisy))])] * (len(evaluations) - len(found))


def summary(shares: Sequence[float]) -> dict[str, float]:
    sd = statistics.stdev(shares) if len(shares) > 1 else 0.0
    return {"median": statistics.median(shares), "mean": statistics.fmean(shares), "sd": sd}


def plot(table: Table, title: str, path: Path) -> None:
    """The medians over the evaluations, a curve for each sampler, as a .png, .svg or .pdf file."""
    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    axes = figure.subplots()
    for sampler, rows in table.items():
        axes.plot([int(number) for number in rows], [row["median"] for row in rows.values()], "o-", label=sampler)
    numbers = sorted({int(number) for rows in table.values() for number in rows})
    axes.set(title=title, xscale="log", xlabel="evaluations", ylabel="hypervolume, median")
    axes.set_xticks(numbers, labels=map(str, numbers), minor=False)
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blackbox", default="additive", help="a box of benchmarks/boxes/, or a Python file")
    parser.add_argument("--samplers", default=DEFAULT, help="names or import paths, with commas between them")
    parser.add_argument("--evaluations", default="100,200", help="after how many the front is measured")
    parser.add_argument("--seeds", type=int, default=10, help="how many searches of each sampler")
    parser.add_argument("--noise", type=float, default=0.0, help="standard deviation of the noise in a score")
    parser.add_argument("--log-costs", action="store_true", help="measure hypervolumes over the costs' logarithms")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the medians over the evaluations, too")
    parser.add_argument("--make-replay", type=Path, metavar="RUN", help="score candidates of a run for the box replay")
    parser.add_argument("--minutes", type=float, default=20.0, help="how long to score; the next call goes on")
    chosen = parser.parse_args()
    evaluations = sorted({int(number) for number in chosen.evaluations.split(",")})
    if chosen.make_replay:
        print(read_module("replay").make(chosen.make_replay, chosen.minutes))
        return
    try:
        box = replace(read_box(chosen.blackbox), log_costs=chosen.log_costs)
        if chosen.log_costs and (box.cheapest[np.array(box.signs()) > 0] <= 0).any():
            raise ValueError(f"--log-costs needs costs above 0. A candidate of {chosen.blackbox} has 0. Leave it out.")
        for sampler in chosen.samplers.split(","):
            sampler_from_seed(sampler, box.problem(max(evaluations)))(0)
    except ValueError as error:
        parser.error(str(error))
    table: Table = {}
    print(f"{chosen.blackbox}, noise {chosen.noise:g}, {chosen.seeds} seeds")
    print(f"{'sampler':12} {'evaluations':>11} {'median':>8} {'mean':>8} {'sd':>8}")
    for sampler in chosen.samplers.split(","):
        runs = [volumes(box, sampler, evaluations, seed, chosen.noise) for seed in range(chosen.seeds)]
        table[sampler] = {}
        for number, shares in zip(evaluations, zip(*runs, strict=True), strict=True):
            row = table[sampler][str(number)] = summary(shares)
            print(f"{sampler:12} {number:11} {row['median']:8.4f} {row['mean']:8.4f} {row['sd']:8.4f}", flush=True)
    if chosen.plot:
        plot(table, f"{chosen.blackbox}, noise {chosen.noise:g}", chosen.plot)
    print(json.dumps(table))


if __name__ == "__main__":
    main()
