"""A run's folder, opened in pandas."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from results import layout
from results.columns import FLAGS, LEADING, check_axes, is_maximised, measured
from results.effects import read_effects
from results.errors import RunError, unknown_name
from results.fidelity import Fidelity, read_fidelity
from results.figures import USUAL_X, USUAL_Y
from results.frame import Value, knobs_of
from results.front import at_rung, eligible, front_rows, knee_id, top_rung
from results.parquet import read_parquet
from results.ranking import Ranking, ranked_by
from results.rivals import Rivals, drawn_rivals, read_rivals
from results.state import PLANNED, State, is_locked, state_of
from results.volume import hypervolume


@dataclass(frozen=True, eq=False)
class Run:
    """What a search left in its folder. x is always a cost (minimised), y an accuracy (maximised).

    Its own x and y are the first cost and the first accuracy that the search optimised; every method uses them unless
    it is given others.

    trials: one row per score in order of completion, with its rung; a column per knob ("layer/...", "teacher/...",
    "weight/...", no value where it has no effect), accuracy, cost and timing, and the flags `feasible` and `front`,
    which is that of the run's own x and y.
    state: "running" while the search is at work, "unfinished" if it was stopped, "finished". Of a search that is at
    work the trials are those of its last seconds; open it again for more.
    planned: how many candidates the search will score in all; None where the table doesn't say.
    """

    path: Path
    trials: pd.DataFrame
    x: str = USUAL_X
    y: str = USUAL_Y
    state: State = "finished"
    planned: int | None = None

    @property
    def finished(self) -> int:
        """How many candidates were scored, failed ones included."""
        return int(self.trials["number"].nunique())

    @property
    def rungs(self) -> list[int]:
        """The rungs that have scores, complete or failed."""
        return sorted(int(rung) for rung in self.trials["rung"].unique())

    @property
    def rung(self) -> int:
        """The rung of the run's own front: the highest with a complete, feasible trial."""
        return top_rung(self.trials)

    def front(
        self, x: str | None = None, y: str | None = None, by: Ranking = "score", rung: int | None = None
    ) -> pd.DataFrame:
        """The Pareto set of a rung's complete, feasible trials, by cost: id, x, y, other figures, knobs.

        x, y and the rung are the run's own unless given; where it has several rungs, the front's stands before the
        knobs. by: "score" compares trials by x and y; "model" by x and `<y>_model`, the accuracy that a linear model of
        all scores of the rung expects, so that a score that was lucky counts less. The column y holds the scores either
        way, `<y>_model` and `<y>_model_se` stand beside it.
        One row for each distinct point, the earliest trial's. RunError for a column that is no axis, when no trial can
        be on a front, and where the trials have no model of y.
        """
        x, y = self._axes(x, y)
        check_axes(self.trials, x, y)
        self._check_some_eligible(rung)
        rows = front_rows(self.trials, x, y, self._ranked(y, by, rung), rung)
        if rows.empty:
            raise RunError(f"No trial in {self.path} has both {x} and {y}. Choose columns that the trials have.")
        return rows

    def knee(self, x: str | None = None, y: str | None = None, by: Ranking = "score", rung: int | None = None) -> str:
        """The id of the front's knee: the point farthest above the chord between the ends, cost on a log scale.

        x, y, by and rung: as for front(). The cheaper end where no inner point lies above the chord. RunError as for
        front(), and for costs of zero.
        """
        x, y = self._axes(x, y)
        front = self.front(x, y, by, rung)
        try:
            return knee_id(front, x, self._ranked(y, by, rung))
        except ValueError as error:
            raise RunError(f"The front over {x} has no knee: {error} Choose another cost.") from error

    def candidate(self, candidate_id: str) -> dict[str, Value]:
        """The knobs of one trial, failed or not, as plain Python values; knobs without effect are left out.

        candidate_id: an id or an unambiguous beginning of one. RunError when it fits none or several.
        """
        ids = self.trials["id"].drop_duplicates()
        fitting = [name for name in ids if name == candidate_id] or [
            name for name in ids if candidate_id and name.startswith(candidate_id)
        ]
        if len(fitting) > 1:
            raise RunError(f"{candidate_id!r} begins {len(fitting)} ids: {', '.join(fitting)}. Give more of it.")
        if not fitting:
            raise unknown_name("candidate", candidate_id, ids)
        return knobs_of(self.trials[self.trials["id"] == fitting[0]].iloc[0])

    def effects(self, y: str | None = None) -> pd.DataFrame:
        """What each choice costs or gains in the accuracy y, by a linear model of all scores; the most harmful first.

        A row for each choice but a knob's reference choice. Columns (str unless said otherwise): accuracy; kind (layer,
        teacher, weight, neighbours), knob, choice, reference; effect and effect_se (float64), the expected change of y
        and its standard error; trials (int64), how many complete ones made the choice; saved and saved_percent
        (float64), what the choice saves of the search's cost, in its unit and in percent of the network of reference
        choices; lost_per_percent (float64), the accuracy lost for each percent saved, NaN where nothing is.
        `attrs` has the model's own figures: accuracy, cost, scores, noise_sd, r2_left_out
        (`results.effects.AccuracyEffects`).
        y is the run's own unless given. RunError when the run has no such effects.
        """
        return read_effects(self.path, self.y if y is None else y, int(self.trials["state"].eq("complete").sum()))

    def fidelity(self) -> Fidelity:
        """The scores against trained networks, as `bitfront fidelity` compared them. RunError when it did not."""
        return read_fidelity(self.path)

    def rivals(self) -> Rivals:
        """Members of the front against hand-made networks, as `bitfront compare RUN --rivals` trained them.

        RunError when it did not.
        """
        return read_rivals(self.path)

    def hypervolume(self, reference: Mapping[str, float], by: Ranking = "score", rung: int | None = None) -> float:
        """The volume between the reference point and the front, in the product of the columns' own units.

        reference: two or three columns with the worst value that still counts, such as {"bit_ops": 2e9, "map50": 0.0}.
        Accuracies are maximised, costs minimised. Only complete, feasible trials of the rung with all these figures
        count; the rung is the run's own unless given. by: as for front(), of every accuracy in the reference.
        """
        for column in reference:
            if column not in measured(self.trials):
                raise unknown_name("measured column", column, measured(self.trials))
        self._check_some_eligible(rung)
        columns = [self._ranked(one, by, rung) if is_maximised(one) else one for one in reference]
        signs = np.array([-1.0 if is_maximised(column) else 1.0 for column in columns])
        compared = at_rung(self.trials, rung)
        points = compared.loc[eligible(compared), columns].to_numpy(dtype=np.float64) * signs
        worst = np.array(list(reference.values()), dtype=np.float64) * signs
        try:
            return hypervolume(points[np.isfinite(points).all(axis=1)], worst)
        except ValueError as error:
            raise RunError(f"No hypervolume for the reference {dict(reference)}: {error}") from error

    def plot(
        self,
        path: str | os.PathLike[str],
        x: str | None = None,
        y: str | None = None,
        references: Mapping[str, str] | None = None,
        rung: int | None = None,
    ) -> None:
        """Write a picture of the front with the rung's candidates behind it; `path` ends in .png, .svg or .pdf.

        x, y and the rung are the run's own unless given. references: id -> label of candidates to be named in the
        picture, such as the all-real one. Where the run's rivals were trained over this x and y, they and the front's
        members are drawn too, as trained.
        """
        from results.plots import plot_front  # here, since matplotlib is slow to import

        x, y = self._axes(x, y)
        trained = drawn_rivals(self.path, y)
        plot_front(self.trials, path, x, y, references=references, rung=rung, trained=trained)

    def _axes(self, x: str | None, y: str | None) -> tuple[str, str]:
        return self.x if x is None else x, self.y if y is None else y

    def _ranked(self, y: str, by: Ranking, rung: int | None) -> str:
        return ranked_by(at_rung(self.trials, rung), self.path, y, by)

    def _check_some_eligible(self, rung: int | None = None) -> None:
        if rung is not None and rung not in self.rungs:
            raise unknown_name("rung", str(rung), [str(one) for one in self.rungs])
        trials = at_rung(self.trials, rung)
        complete = int(trials["state"].eq("complete").sum())
        if not complete:
            why = f"all {len(trials)} so far failed" if len(trials) else "nothing has been scored yet"
            raise RunError(
                f"{self.path} has no complete trial: {why}. The column 'reason' of failed trials says why they did; "
                "run `bitfront search` with more trials once that is mended."
            )
        if not eligible(trials).any():
            raise RunError(
                f"None of the {complete} complete trials in {self.path} is within the budgets of the search. "
                "Loosen search.constraints, or let it run for more trials."
            )


def open_run(path: str | os.PathLike[str]) -> Run:
    """Open a run's folder. RunError when there is none, when it has no trials yet, or when its table is not one.

    The run's own axes are bit_ops and map50 when its table was written before tables noted them.
    """
    folder = Path(path)
    if not folder.is_dir():
        what = "is a file, not a run folder" if folder.exists() else "does not exist"
        raise RunError(
            f"{folder} {what}. Start a run with `bitfront search CONFIG --run-dir {folder}`, or name another."
        )
    table = folder / layout.TRIALS
    if not table.is_file():
        raise RunError(_why_no_table(folder))
    locked = is_locked(folder)  # first: a search that ends now is then not taken for one that was stopped
    try:
        trials, notes = read_parquet(table)
    except RunError as error:
        raise RunError(f"{error}. {_write_again(folder)}") from error
    missing = [name for name in (*LEADING, *FLAGS) if name not in trials.columns and name != "rung"]
    if missing:
        raise RunError(f"{table} is no trials table: it lacks {', '.join(missing)}. Run `bitfront search` again.")
    if "rung" not in trials.columns:  # a table of before, when there was one rung
        trials.insert(LEADING.index("rung"), "rung", 0)
    return Run(
        folder,
        trials,
        x=notes.get("x", USUAL_X),
        y=notes.get("y", USUAL_Y),
        state=state_of(notes, locked),
        planned=int(notes[PLANNED]) if PLANNED in notes else None,
    )


def _why_no_table(folder: Path) -> str:
    trained = folder / layout.TRAINED
    if trained.is_dir():
        return (
            f"{folder} has no {layout.TRIALS}: `bitfront train` made it, without a search. What was trained lies in "
            f"{trained}, each with its figures.json. For a search give another --run-dir."
        )
    if not (folder / layout.CONFIG).is_file():
        return f"{folder} holds no run: there is no {layout.CONFIG} in it. Start one with: bitfront search CONFIG."
    if is_locked(folder):
        return f"{folder} has no {layout.TRIALS} yet: its search is running. It appears with the first trials."
    journal = folder / layout.JOURNAL
    if journal.is_file() and journal.stat().st_size:
        return f"{folder} has a record of trials, but no {layout.TRIALS}. {_write_again(folder)}"
    return f"{folder} has no {layout.TRIALS} yet: its search has scored nothing. {_go_on(folder)}"


def _write_again(folder: Path) -> str:
    return f"The search makes its tables from its record again when it goes on. {_go_on(folder)}"


def _go_on(folder: Path) -> str:
    return f"Go on with it by: bitfront search {folder / layout.CONFIG} --run-dir {folder}"
