"""How a search stands, from the rows of its finished trials: what its progress and TensorBoard show."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping

from results.growing_front import GrowingFront
from search.controller.objectives import OBJECTIVES
from search.controller.problem import SearchProblem
from search.controller.structured.known_costs import KnownCosts
from search.controller.structured.predictions import MEAN, RECENT, prediction_error
from search.controller.structured.sites import Sites
from search.workers.reasons import ended_its_worker

ALL_REASONS = "The reasons of all stand in the column 'reason' of the run's trials.parquet."
Row = Mapping[str, object]


class Standing:
    """The accuracies, fronts, failures and predictions so far. Notes the reason of the first failure.

    A front's hypervolume lies between the reference, which has accuracy 0 and the cost of the dearest candidate, and
    the ideal point, accuracy 1 at no cost; it is a share of the volume between the two. Both are known before the first
    trial, so that it never falls, and compares searches of one space. A search with one objective, or with more than
    three, has none. Only complete trials within `search.constraints` count, and each rung has a front of its own.
    """

    def __init__(self, problem: SearchProblem, note: Callable[[str], None], rungs: int = 1) -> None:
        self._rungs = rungs
        self._scales = _scales(problem)
        self._accuracies = [name for name in problem.objectives if OBJECTIVES[name] == "maximize"]
        self._note = note
        self._latest: float | None = None
        self._best: dict[int, float] = {}
        self._fronts: dict[int, GrowingFront] = {}
        self._predicted: deque[Row] = deque(maxlen=RECENT)
        self.failed = 0
        self.worker_deaths = 0
        """How many of the failed candidates ended their worker."""
        self.scores: Counter[int] = Counter()
        """How many scores each rung has, failed ones included."""

    @property
    def candidates(self) -> int:
        """How many candidates were scored, once or at several rungs: what `search.trials` counts."""
        return self.scores[0]

    def add(self, rows: Iterable[Row]) -> None:
        """Take in finished trials, in the order in which they finished."""
        for row in rows:
            rung = _rung(row)
            self.scores[rung] += 1
            if row["state"] == "failed":
                self._add_failed(row)
            else:
                self._add_complete(row, rung)

    def figures(self) -> dict[str, float | str]:
        """A short text's worth: of the highest rung with a score, but for the counts and the model's error.

        `model error` is in percent of the standard deviation of the scores (`prediction_error`).
        """
        rung = max(self._best, default=0)
        shown: dict[str, float | str] = {}
        if self._rungs == 1 and self._latest is not None:  # with several it need not be of this rung
            shown[self._accuracies[0]] = self._latest
        if rung in self._best:
            shown["best"] = self._best[rung]
        if rung in self._fronts and (volume := round(self._fronts[rung].volume, 3)):
            shown["hv"] = volume
        if (error := self.model_error()) is not None:
            shown["model error"] = f"{error:.0%}" if error < 10 else "over 1000%"
        if self.failed:
            shown["failed"] = self.failed
        if self.worker_deaths:
            shown["deaths"] = self.worker_deaths
        if self._rungs > 1:
            shown["promoted"] = "/".join(str(self.scores[one]) for one in range(1, self._rungs))
        return shown

    def scalars(self) -> dict[str, float]:
        """The same as numbers, by tag; with several rungs each front's under a tag of its own."""
        error = self.model_error()
        found: dict[str, float] = {"failed": self.failed} | ({} if error is None else {"model_error": error})
        for rung in self._best.keys() | self._fronts.keys():
            if rung in self._best:
                found[self._tag("best", rung)] = self._best[rung]
            if rung in self._fronts:
                front = self._fronts[rung]
                found |= {self._tag("hypervolume", rung): front.volume, self._tag("front_size", rung): front.size}
        return found

    def latest(self, row: Row) -> dict[str, float]:
        """A trial's accuracies as numbers, by tag; none of a failed one."""
        names = self._accuracies if row["state"] == "complete" else []
        return {self._tag(name, _rung(row)): float(str(row[name])) for name in names}

    def _tag(self, name: str, rung: int) -> str:
        return f"{name}/rung_{rung}" if self._rungs > 1 else name

    def model_error(self) -> float | None:
        """How far off the sampler's latest predictions were; None without predictions (`prediction_error`)."""
        return prediction_error(self._predicted)

    def _add_failed(self, row: Row) -> None:
        if not self.failed:
            why = str(row["reason"]).rstrip(".")
            self._note(f"search: candidate {row['id']} failed with: {why}. {ALL_REASONS}")
        self.failed += 1
        self.worker_deaths += ended_its_worker(str(row["reason"]))

    def _add_complete(self, row: Row, rung: int) -> None:
        accuracies = {name: float(str(row[name])) for name in self._accuracies}
        if accuracies:
            self._latest = round(accuracies[self._accuracies[0]], 4)
            if row["feasible"]:
                self._best[rung] = max(self._latest, self._best.get(rung, self._latest))
        if predicted := {name + MEAN: row[name + MEAN] for name in accuracies if row.get(name + MEAN) is not None}:
            self._predicted.append({"state": "complete", **accuracies, **predicted})
        if self._scales and row["feasible"]:
            point = [_distance(name, float(str(row[name])), scale) for name, scale in self._scales.items()]
            self._fronts.setdefault(rung, GrowingFront(len(point))).add(point)


def _rung(row: Row) -> int:
    return int(str(row.get("rung", 0)))


def _scales(problem: SearchProblem) -> dict[str, float]:
    """What each objective's distance from the ideal is divided by: the reference; none where there is no volume."""
    if len(problem.objectives) not in (2, 3):
        return {}
    costs = KnownCosts(Sites(problem.space), problem.costs, {})
    dearest = {name: costs.dearest(costs.names.index(name)) for name in problem.objectives if name in costs.names}
    return {name: dearest.get(name) or 1.0 for name in problem.objectives}


def _distance(name: str, value: float, scale: float) -> float:
    """How far a figure is from the ideal, from 0 there to 1 at the reference."""
    return 1.0 - value if OBJECTIVES[name] == "maximize" else value / scale
