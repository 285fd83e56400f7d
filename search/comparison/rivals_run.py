"""A front against hand-made rivals: some of its members and the rivals, trained alike, and what each is worth."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from results import layout
from results.agreement import ROLE, TRAINED
from results.figures import TRAINED_SEED
from results.frame import knobs_of
from results.rivals import MEMBER, RIVAL, Rivals, write_rivals
from search.comparison.choice import spread, useful
from search.comparison.fidelity import mean_and_sd
from search.comparison.jobs import Job, settled, trainings
from search.comparison.opened import OpenedRun, open_for_comparison
from search.comparison.record import figure
from search.comparison.rivals import Rival, hand_made
from search.comparison.running import Workers, run_missing
from search.config.values import Precision
from search.errors import RunError
from spaces.candidate import Candidate
from trainers.progress import Progress


@dataclass(frozen=True, kw_only=True)
class RivalSettings:
    """How members and rivals are trained.

    members: of the front, spread over log cost, without those that find next to nothing. epochs: None is
    `retrain.epochs`. start: the weights that trainings start from, supernet, twin or scratch. seeds: none is the run's
    own. precision: None is `retrain.precision`.
    """

    members: int = 5
    epochs: int | None = None
    start: str = "supernet"
    seeds: tuple[int, ...] = ()
    precision: Precision | None = None

    def settled(self, opened: OpenedRun) -> "RivalSettings":
        """With the run's own epochs and seed where none are given. Raises RunError for what can't be."""
        if self.members < 1:
            raise RunError(f"--members is {self.members}, must be at least 1.")
        return settled(self, opened.plan.base.config)


def rival_jobs(run_dir: Path | str, settings: RivalSettings, data_root: Path | str | None = None) -> list[Job]:
    """The trainings of members and rivals, those that the run has already among them.

    Nothing is read but the run's tables. Raises RunError for a run without a front, and for settings that can't be.
    """
    with open_for_comparison(run_dir, data_root, precision=settings.precision) as opened:
        return _Contest(opened, settings.settled(opened)).jobs


def run_rivals(
    run_dir: Path | str,
    settings: RivalSettings,
    *,
    workers: int | None = None,
    address: str | None = None,
    data_root: Path | str | None = None,
    progress: Progress | None = None,
) -> Rivals:
    """Train what is missing, and write `rivals.json`, `rivals.parquet` and the front's picture with both in it.

    workers, address: as for `run_fidelity`. The same call goes on where an earlier one stopped.
    """
    with open_for_comparison(run_dir, data_root, progress, precision=settings.precision) as opened:
        contest = _Contest(opened, settings.settled(opened))
        run_missing(opened, contest.jobs, Workers.of(opened, workers, address), "rivals")
        found = contest.rivals()
        write_rivals(opened.folder.path, found)
        plan = opened.plan
        named = {plan.space.canonical(candidate).id: label for label, candidate in plan.uniform.items()}
        opened.results.plot(opened.folder.path / f"{layout.FRONT}.png", references=named)
        return found


class _Contest:
    """The members and rivals of one comparison, its jobs, and its table once these are done."""

    def __init__(self, opened: OpenedRun, settings: RivalSettings) -> None:
        self._opened, self._settings = opened, settings
        front = useful(opened.results.front(), opened.results.y)
        members = front.iloc[spread(front[opened.results.x].tolist(), settings.members)]
        self._members = [Candidate(knobs_of(row)) for _, row in members.iterrows()]
        self._rivals = hand_made(opened.plan, opened.results, self._members)

    @property
    def jobs(self) -> list[Job]:
        """The trainings of each candidate and seed."""
        candidates = [*self._members, *(rival.candidate for rival in self._rivals)]
        return [job for candidate in candidates for job in trainings(self._settings, candidate).values()]

    def rivals(self) -> Rivals:
        run, settings = self._opened.results, self._settings
        rows = [self._row(MEMBER, Rival(one.id, one)) for one in self._members]
        rows += [self._row(RIVAL, rival) for rival in self._rivals]
        frame = pd.DataFrame(rows).sort_values([run.x, ROLE], ignore_index=True)
        return Rivals(frame, {"x": run.x, "y": run.y, **asdict(settings), "seeds": list(settings.seeds)})

    def _row(self, role: str, one: Rival) -> dict[str, object]:
        y = self._opened.results.y
        jobs = trainings(self._settings, one.candidate)
        found = {seed: figure(self._opened.record.outcome(job), y) for seed, job in jobs.items()}
        if all(map(math.isnan, found.values())):
            self._opened.progress.note(f"{one.name}: no training of it came to its end.")
        return {
            ROLE: role,
            "name": one.name,
            "id": one.candidate.id,
            **self._opened.plan.cost_table.costs(one.candidate),
            **mean_and_sd(TRAINED, list(found.values())),
            **{f"{TRAINED_SEED}{seed}": value for seed, value in found.items()},
            **one.candidate,
        }
