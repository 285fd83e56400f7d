"""The fidelity of a run's scores: some of its candidates are trained alone, and the orders compared.

`fidelity_jobs` lists the work as plain data, `running.execute_jobs` does it in this process, `run_fidelity` does both
and writes the outcome, on Ray workers where there are several.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from results.agreement import LAYERS, ROLE, TRAINED, agreement
from results.columns import model_column
from results.fidelity import Fidelity, write_fidelity
from results.figures import TRAINED_SEED
from search.comparison.choice import Chosen, choose, variants
from search.comparison.jobs import Job, Scoring, settled, trainings
from search.comparison.opened import OpenedRun, open_for_comparison
from search.comparison.record import figure
from search.comparison.running import Workers, run_missing
from search.config.values import Precision
from search.errors import RunError
from spaces.candidate import Candidate
from trainers.progress import Progress


@dataclass(frozen=True, kw_only=True)
class FidelitySettings:
    """What is trained, and how often a candidate is scored.

    candidates: those that are spread over cost. epochs: None is `retrain.epochs`. start: the weights that trainings
    start from, supernet, twin or scratch. seeds: of the trainings; none is the run's own. variants: more candidates,
    which differ from one of them in teachers and weights alone. adaptations: how often each is scored again at the
    highest rung, each time on other images. precision: of the trainings; None is `retrain.precision`.
    """

    candidates: int = 20
    epochs: int | None = None
    start: str = "supernet"
    seeds: tuple[int, ...] = ()
    variants: int = 6
    adaptations: int = 2
    precision: Precision | None = None

    def settled(self, opened: OpenedRun) -> "FidelitySettings":
        """With the run's own epochs and seed where none are given. Raises RunError for what can't be."""
        for name in ("variants", "adaptations"):
            if getattr(self, name) < 0:
                raise RunError(f"--{name} is {getattr(self, name)}, must be 0 or more.")
        return settled(self, opened.plan.base.config)


def fidelity_jobs(run_dir: Path | str, settings: FidelitySettings, data_root: Path | str | None = None) -> list[Job]:
    """The trainings and scores that the fidelity of a run takes, those that it has already among them.

    Nothing is read but the run's tables. Raises RunError for a run without a front, and for settings that can't be.
    """
    with open_for_comparison(run_dir, data_root, precision=settings.precision) as opened:
        return _Study(opened, settings.settled(opened)).jobs


def run_fidelity(
    run_dir: Path | str,
    settings: FidelitySettings,
    *,
    workers: int | None = None,
    address: str | None = None,
    data_root: Path | str | None = None,
    progress: Progress | None = None,
) -> Fidelity:
    """Train and score what is missing, compare the orders, and write `fidelity.json` and `fidelity.parquet`.

    workers, address: the run's own unless given. One worker on this machine is this process, without Ray. The same call
    goes on where an earlier one stopped.
    """
    with open_for_comparison(run_dir, data_root, progress, precision=settings.precision) as opened:
        study = _Study(opened, settings.settled(opened))
        run_missing(opened, study.jobs, Workers.of(opened, workers, address), "fidelity")
        found = study.fidelity()
        write_fidelity(opened.folder.path, found)
        return found


class _Study:
    """The candidates of one fidelity study, its jobs, and its tables once these are done."""

    def __init__(self, opened: OpenedRun, settings: FidelitySettings) -> None:
        self._opened, self._settings = opened, settings
        run, plan = opened.results, opened.plan
        seed = plan.base.config.seed
        main = choose(run, settings.candidates, seed)
        self._chosen = [*main, *variants(main, run, plan.space, settings.variants, seed)]
        self._rungs = range(len(plan.base.config.scoring.steps))
        complete = run.trials[run.trials["state"].eq("complete")]
        self._rows = {(row["id"], int(row["rung"])): row for _, row in complete.iterrows()}

    @property
    def jobs(self) -> list[Job]:
        """Scores that the search didn't make, at every rung and of every adaptation seed, then the trainings."""
        found: list[Job] = []
        for one in self._chosen:
            found += [Scoring(one.candidate, rung) for rung in self._rungs if not self._scored(one.candidate, rung)]
            found += self._again(one.candidate)
        trained = (trainings(self._settings, one.candidate).values() for one in self._chosen)
        return [*found, *(job for jobs in trained for job in jobs)]

    def fidelity(self) -> Fidelity:
        run, settings = self._opened.results, self._settings
        layers = {one: number for number, one in enumerate(dict.fromkeys(map(_layers, self._chosen)))}
        rows = [self._row(one, layers[_layers(one)]) for one in self._chosen]
        frame = pd.DataFrame(rows).sort_values([run.x, "id"], ignore_index=True)
        if frame[TRAINED].isna().all():
            raise RunError(f"All trainings failed: {self._opened.folder.path / 'compared'} has the reasons.")
        measures = [run.x, *(name for name in frame if str(name).startswith(("score_rung", "model_rung")))]
        measures += ["score_seeds"] if settings.adaptations else []
        compared = agreement(frame, list(dict.fromkeys(map(str, measures))), run.x)
        return Fidelity(frame, compared, {"x": run.x, "y": run.y, **asdict(settings), "seeds": list(settings.seeds)})

    def _row(self, one: Chosen, layers: int) -> dict[str, object]:
        run, candidate = self._opened.results, one.candidate
        scores = [self._score(candidate, rung) for rung in self._rungs]
        models = [self._of_search(candidate, rung, model_column(run.y)) for rung in self._rungs]
        again = [scores[-1], *(self._kept(job) for job in self._again(candidate))]
        trained = {seed: self._kept(job) for seed, job in trainings(self._settings, candidate).items()}
        return {
            "id": candidate.id,
            ROLE: one.role,
            LAYERS: layers,
            **self._opened.plan.cost_table.costs(candidate),
            **{f"score_rung_{rung}": score for rung, score in zip(self._rungs, scores, strict=True)},
            **{f"model_rung_{rung}": model for rung, model in zip(self._rungs, models, strict=True)},
            **mean_and_sd("score_seeds", again),
            **mean_and_sd(TRAINED, list(trained.values())),
            **{f"{TRAINED_SEED}{seed}": value for seed, value in trained.items()},
            **candidate,
        }

    def _again(self, candidate: Candidate) -> Sequence[Scoring]:
        top = self._rungs[-1]
        return [Scoring(candidate, top, seed) for seed in range(1, self._settings.adaptations + 1)]

    def _scored(self, candidate: Candidate, rung: int) -> bool:
        return not math.isnan(self._of_search(candidate, rung, self._opened.results.y))

    def _score(self, candidate: Candidate, rung: int) -> float:
        """The search's own score, or else the one that was made since."""
        own = self._of_search(candidate, rung, self._opened.results.y)
        return self._kept(Scoring(candidate, rung)) if math.isnan(own) else own

    def _of_search(self, candidate: Candidate, rung: int, column: str) -> float:
        row = self._rows.get((candidate.id, rung))
        return math.nan if row is None else float(row.get(column, math.nan))

    def _kept(self, job: Job) -> float:
        return figure(self._opened.record.outcome(job), self._opened.results.y)


def mean_and_sd(name: str, values: Sequence[float]) -> dict[str, float]:
    """The mean of the values that are there, and their standard deviation; NaN without any, and without a second."""
    there = [value for value in values if not math.isnan(value)]
    mean = statistics.mean(there) if there else math.nan
    return {name: mean, f"{name}_sd": statistics.stdev(there) if len(there) > 1 else math.nan}


def _layers(one: Chosen) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(one.candidate.layers().items()))
