"""A run's folder, opened in pandas."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from results.effects import read_effects
from results.errors import RunError, unknown_name
from results.fidelity import Fidelity, read_fidelity
from results.figures import USUAL_X, USUAL_Y
from results.frame import Value, knobs_of
from results.front import knee_id, top_rung
from results.layers import layers_frame
from results.questions import Axes, front_of, history_of, hypervolume_of, nearest_of, ranked, ranks_of
from results.ranking import Ranking
from results.records import environment_frame, failures_frame, seconds_frame, training_frame
from results.retrained import retrained_frame
from results.rivals import Rivals, drawn_rivals, read_rivals
from results.selection import Where
from results.state import State


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
    shares: what each layer costs by method, see `results.layers`, in place of what the search kept.
    """

    path: Path
    trials: pd.DataFrame
    x: str = USUAL_X
    y: str = USUAL_Y
    state: State = "finished"
    planned: int | None = None
    shares: pd.DataFrame | None = None

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
        self,
        x: str | None = None,
        y: str | None = None,
        by: Ranking = "score",
        rung: int | None = None,
        *,
        z: str | None = None,
        where: Where | None = None,
    ) -> pd.DataFrame:
        """The Pareto set of a rung's complete, feasible trials, by cost: x, y, z, id, other figures, knobs.

        x, y and the rung are the run's own unless given; where it has several rungs, the front's stands before the
        knobs. z: a third axis, any known accuracy or cost. where: which trials may be on the front: a query of pandas,
        such as "memory_mb < 2", or a mask with a value for each row of `trials`. by: "score" compares trials by x and
        y; "model" by x and `<y>_model`, the accuracy that a linear model of all scores of the rung expects, so that a
        score that was lucky counts less. The column y holds the scores either way, `<y>_model` and `<y>_model_se` stand
        beside it.
        One row for each distinct point, the earliest trial's. RunError for a column that is no axis, when no trial can
        be on a front, and where the trials have no model of y.
        """
        return front_of(self, self._axes(x, y, z), by, rung, where)

    def ranks(
        self,
        x: str | None = None,
        y: str | None = None,
        z: str | None = None,
        *,
        rung: int | None = None,
        where: Where | None = None,
    ) -> pd.Series:
        """The non-dominated rank of each row of `trials`: 0 for the front, 1 for that of the rest, and so on; Int64.

        Arguments as for front(). Missing for trials that can't be on it: failed, over a budget, of another rung,
        outside `where`, without a figure. RunError as for front().
        """
        return ranks_of(self, self._axes(x, y, z), rung, where)

    def pareto(
        self,
        x: str | None = None,
        y: str | None = None,
        z: str | None = None,
        *,
        rung: int | None = None,
        where: Where | None = None,
    ) -> pd.Series:
        """Whether each row of `trials` is on the front of these axes, bool; equal points all are. As for ranks()."""
        return self.ranks(x, y, z, rung=rung, where=where).eq(0).fillna(False).astype(bool).rename("pareto")

    def knee(self, x: str | None = None, y: str | None = None, by: Ranking = "score", rung: int | None = None) -> str:
        """The id of the front's knee: the point farthest above the chord between the ends, cost on a log scale.

        x, y, by and rung: as for front(). The cheaper end where no inner point lies above the chord. RunError as for
        front(), and for costs of zero.
        """
        axes = self._axes(x, y)
        front = self.front(axes.x, axes.y, by, rung)
        try:
            return knee_id(front, axes.x, ranked(self, axes.y, by, rung))
        except ValueError as error:
            raise RunError(f"The front over {axes.x} has no knee: {error} Choose another cost.") from error

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
            raise self._unknown_candidate(candidate_id, list(ids))
        return knobs_of(self.trials[self.trials["id"] == fitting[0]].iloc[0])

    def nearest(
        self, *, among: Literal["front", "trials"] = "front", rung: int | None = None, **costs: float
    ) -> pd.Series:
        """The member of the run's own front nearest to given costs on a log scale, as `run.nearest(bit_ops=2e9)`.

        among: "trials" for any complete, feasible trial of the rung. The row of front() or of `trials`; of equally near
        ones the first. RunError for what is no cost, and for costs that aren't above 0.
        """
        return nearest_of(self, among, rung, costs)

    def layers(self) -> pd.DataFrame:
        """A row for each candidate and layer: id, number, layer, choice, kind, method, macs, bit_ops, ops, memory_bits.

        In the order of the trials, then of the network. A candidate's costs are the sums over its rows. Of a run that
        knows the times of layers also latency_ms, and a last row for each candidate of what lies between its layers.
        RunError for a run that an earlier version made, with the way out.
        """
        return layers_frame(self.path, self.trials, self.shares)

    def retrained(self) -> pd.DataFrame:
        """A row for each finished training of a candidate: id, path, settings, scores beside test figures, costs."""
        return retrained_frame(self.path, self.trials)

    def training(self) -> pd.DataFrame:
        """A row for each epoch of each training: stage, epoch, of, loss and the losses that it is the sum of."""
        return training_frame(self.path)

    def seconds(self) -> pd.DataFrame:
        """A row for each stage: stage, seconds over all starts."""
        return seconds_frame(self.path)

    def environment(self) -> pd.DataFrame:
        """What the run was last started on: name and value, a row for each version and for processor and cores."""
        return environment_frame(self.path)

    def failures(self) -> pd.DataFrame:
        """The failed trials: number, id, rung, reason, completed, knobs."""
        return failures_frame(self.trials)

    def effects(self, y: str | None = None) -> pd.DataFrame:
        """What each choice costs or gains in the accuracy y, by a linear model of all scores; the most harmful first.

        A row for each choice but a knob's reference choice. Columns (str unless said otherwise): accuracy; kind (layer,
        teacher, weight, neighbours), knob, choice, reference; effect and effect_se (float64), the expected change of y
        and its standard error; trials (int64), how many complete ones made the choice; saved and saved_percent
        (float64), what the choice saves of the search's cost, in its unit and in percent of the network of reference
        choices; lost_per_percent (float64), the accuracy lost for each percent saved, NaN where nothing is.
        `attrs` has the model's own figures: accuracy, cost, scores, noise_sd, r2_left_out, scale
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

    def history(
        self, reference: Mapping[str, float] | None = None, by: Ranking = "score", rung: int | None = None
    ) -> pd.DataFrame:
        """How the hypervolume grew, a row for each score of the rung: evaluation, number, id, completed, seconds, ...

        reference: as for hypervolume(), which the last row equals. By default the highest cost x of the rung's
        complete, feasible trials, and an accuracy y of 0; `attrs["reference"]` has it. seconds: since the run's first
        proposal, pauses between starts included; tables of earlier versions have no times.
        """
        return history_of(self, reference, by, rung)

    def hypervolume(self, reference: Mapping[str, float], by: Ranking = "score", rung: int | None = None) -> float:
        """The volume between the reference point and the front, in the product of the columns' own units.

        reference: two or three columns with the worst value that still counts, such as {"bit_ops": 2e9, "map50": 0.0}.
        Accuracies are maximised, costs minimised. Only complete, feasible trials of the rung with all these figures
        count; the rung is the run's own unless given. by: as for front(), of every accuracy in the reference.
        """
        return hypervolume_of(self, reference, by, rung)

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

        axes = self._axes(x, y)
        trained = drawn_rivals(self.path, axes.y)
        plot_front(self.trials, path, axes.x, axes.y, references=references, rung=rung, trained=trained)

    def _unknown_candidate(self, candidate_id: str, ids: list[str]) -> RunError:
        """With the ids of the front: all of a search would fill a screen."""
        try:
            known = list(self.front()["id"])
        except RunError:  # there is none yet
            return unknown_name("candidate", candidate_id, ids)
        nearest = difflib.get_close_matches(candidate_id, ids, n=1)
        suggestion = f" Did you mean {nearest[0]!r}?" if nearest else ""
        return RunError(
            f"No candidate is called {candidate_id!r}.{suggestion} On the front: {', '.join(known)} "
            f"(bitfront front {shlex.quote(str(self.path))}); run.trials has all {len(ids)}."
        )

    def _axes(self, x: str | None, y: str | None, z: str | None = None) -> Axes:
        return Axes(self.x if x is None else x, self.y if y is None else y, z)
