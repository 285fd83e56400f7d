"""What each column of each frame is: its name, dtype, unit and meaning. `docs/reference/frames.md` has the same tables.

A frame carries the meaning of its columns in `attrs["columns"]`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import pandas as pd

from results.figures import ACCURACIES, COSTS, FIGURES

COLUMNS: Final = "columns"
"""The key in `attrs`."""
PATTERNS = {"accuracy": "|".join(ACCURACIES), "cost": "|".join(COSTS)}
"""What stands for a placeholder in a column's name; for all others any text."""


@dataclass(frozen=True)
class Column:
    """A column, or several alike: `<accuracy>`, `<cost>` and `<...>` in the name stand for what they say.

    dtype: of pandas; several where the values decide. unit: empty for texts and pure numbers; where it names a
    placeholder, that figure's unit.
    """

    name: str
    dtype: str
    what: str
    unit: str = ""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Fits the names of the columns that this one describes."""
        parts = re.split(r"<(\w+)>", self.name)
        names = [
            f"(?P<{part}>{PATTERNS.get(part, '.+')})" if i % 2 else re.escape(part) for i, part in enumerate(parts)
        ]
        return re.compile("".join(names))

    def meaning(self, name: str) -> str:
        """What the column of this name is, with the unit in brackets."""
        found = self.pattern.fullmatch(name)
        what, unit = self.what, self.unit
        for placeholder, value in (found.groupdict() if found else {}).items():
            figure = FIGURES.get(value)
            what = what.replace(f"<{placeholder}>", figure.label if figure else value)
            unit = unit.replace(f"<{placeholder}>", figure.unit if figure else value)
        return f"{what} [{unit}]" if unit else what


SHARE = "0 to 1"
UTC = "datetime64[us, UTC]"
CHOICE = "str or Int64 or float64 or boolean or object"

NUMBER = Column("number", "int64", "the trial's number, in the order of proposal")
ID = Column("id", "str", "the candidate's id")
RUNG = Column("rung", "int64", "the rung of the score, 0 where the search has one")
REASON = Column("reason", "str", "why the trial failed")
LAYER = Column("layer/<module>", CHOICE, "the method of <module>")
KNOBS = (
    LAYER,
    Column("teacher/<term>", CHOICE, "who teaches the term <term>"),
    Column("weight/<term>", CHOICE, "how strongly the term <term> counts; missing where it has no effect"),
)
ACCURACY = Column("<accuracy>", "float64", "<accuracy>, of the score", "<accuracy>")
COST = Column("<cost>", "float64", "<cost>", "<cost>")
MODELLED = (
    Column("<accuracy>_model", "float64", "<accuracy> that the model of all scores expects", "<accuracy>"),
    Column("<accuracy>_model_se", "float64", "standard error of that expectation", "<accuracy>"),
)
STARTED = Column("started", UTC, "when the trial was proposed", "UTC")
TRAININGS = (
    Column("trained", "float64", "the run's accuracy y of the trained network, mean over seeds", SHARE),
    Column("trained_sd", "float64", "standard deviation over seeds; missing with one", SHARE),
    Column("trained_seed_<seed>", "float64", "the same of the training with seed <seed>", SHARE),
)
COMPLETED = Column("completed", UTC, "when the trial's score came in, or it failed", "UTC")

FRAMES: dict[str, tuple[Column, ...]] = {
    "trials": (
        NUMBER,
        ID,
        Column("state", "str", "complete or failed"),
        REASON,
        RUNG,
        *KNOBS,
        ACCURACY,
        *MODELLED,
        Column(
            "<accuracy>_predicted", "float64", "<accuracy> that the sampler predicted before the score", "<accuracy>"
        ),
        Column("<accuracy>_predicted_sd", "float64", "standard deviation of that prediction's error", "<accuracy>"),
        COST,
        Column("seconds_<part>", "float64", "how long the part <part> of the score took", "s"),
        STARTED,
        COMPLETED,
        Column("feasible", "bool", "complete, and within search.constraints"),
        Column("front", "bool", "on the front of the run's own x and y, at its highest rung"),
    ),
    "front": (ID, ACCURACY, *MODELLED, COST, RUNG, *KNOBS),
    "layers": (
        ID,
        NUMBER,
        Column("layer", "str", "a module of the network; `between layers` in the row of what lies between them"),
        Column("choice", "str", "the column of the trials that decides its method; missing where none does"),
        Column(
            "kind",
            "str",
            "block; the group of an opened layer, such as stem; fixed where a search can't switch it; between",
        ),
        Column("method", "str", "its method; of a fixed layer the method or the type of the module"),
        Column("macs", "int64", "multiply-accumulates per image", "MACs"),
        Column("bit_ops", "int64", FIGURES["bit_ops"].label, FIGURES["bit_ops"].unit),
        Column("ops", "float64", FIGURES["ops"].label, FIGURES["ops"].unit),
        Column("memory_bits", "int64", FIGURES["memory_bits"].label, FIGURES["memory_bits"].unit),
        Column("latency_ms", "float64", "predicted time; in runs with a table of times", "ms"),
    ),
    "retrained": (
        ID,
        Column("path", "str", "the folder of the result"),
        Column("epochs", "Int64", "epochs of the training", "epochs"),
        Column("seed", "Int64", "its seed; missing in results that don't say"),
        Column("start", "str", "the weights it began from; missing in results that don't say"),
        Column(
            "score_<accuracy>", "float64", "<accuracy>, of the score at the highest rung that has one", "<accuracy>"
        ),
        Column("test_<accuracy>", "float64", "<accuracy>, on the test images", "<accuracy>"),
        Column("twin_<accuracy>", "float64", "<accuracy>, of the real-valued twin on the test images", "<accuracy>"),
        COST,
        Column("setting_<name>", "object", "the setting <name> of the training"),
    ),
    "training": (
        Column("stage", "str", "what was trained: teacher NAME, supernet, retrain ID, train ID"),
        Column("epoch", "int64", "the epoch that ended, from 1"),
        Column("of", "int64", "how many epochs the stage has"),
        Column("loss", "float64", "the sum of the weighted losses, mean over the epoch's steps"),
        Column("<figure>", "float64", "<figure>: a loss times its weight, or a share; mean over the epoch's steps"),
    ),
    "seconds": (
        Column("stage", "str", "what took the time"),
        Column("seconds", "float64", "how long, over all starts of the run", "s"),
    ),
    "environment": (
        Column("name", "str", "python, platform, cores, or a package"),
        Column("value", "str", "its version, name or number at the last start"),
    ),
    "failures": (NUMBER, ID, RUNG, REASON, COMPLETED, *KNOBS),
    "history": (
        Column("evaluation", "int64", "how many scores of all rungs the run had by then, this one included"),
        NUMBER,
        ID,
        COMPLETED,
        Column("seconds", "float64", "from the first proposal of the run to this score", "s"),
        ACCURACY,
        *MODELLED,
        COST,
        Column("hypervolume", "float64", "between the front so far and the reference", "product of the axes' units"),
        Column("front_size", "int64", "distinct points on the front so far"),
    ),
    "effects": (
        Column("accuracy", "str", "the accuracy that the choice changes"),
        Column("kind", "str", "layer, teacher, weight or neighbours"),
        Column("knob", "str", "the layer or the term; of neighbours two layers"),
        Column("choice", "str", "the choice"),
        Column("reference", "str", "the choice that it is compared with"),
        Column(
            "effect",
            "float64",
            "expected change of the accuracy, all else being the same; on the logarithm, all else being the reference",
            SHARE,
        ),
        Column("effect_se", "float64", "standard error of that change", SHARE),
        Column("trials", "int64", "how many complete trials made the choice"),
        Column("saved", "float64", "what the choice saves of the run's cost x", "that of the cost"),
        Column("saved_percent", "float64", "the same of the network of reference choices", "percent"),
        Column("lost_per_percent", "float64", "accuracy lost for each percent saved; missing where nothing is", SHARE),
    ),
    "compared": (
        Column("run", "str", "the run's name"),
        Column("path", "str", "its folder"),
        Column("state", "str", "running, unfinished or finished"),
        Column("evaluations", "int64", "scores at the rung that is compared, failed ones included"),
        RUNG,
        Column("front_size", "int64", "members of its front"),
        Column("hypervolume", "float64", "between its front and the common reference", "product of the axes' units"),
    ),
    "dominance": (
        Column("front", "str", "the run whose front is judged"),
        Column("by", "str", "the run whose front it is held against"),
        Column("dominated", "float64", "share of its members that a member of the other dominates", SHARE),
        Column("covered", "float64", "share that the other dominates or equals (the C-metric)", SHARE),
    ),
    "fronts": (Column("run", "str", "the run's name"), ID, ACCURACY, *MODELLED, COST, RUNG, *KNOBS),
    "fidelity": (
        ID,
        Column("role", "str", "front, behind, or variant: the layers of another one"),
        Column("layers", "int64", "a number for each choice of layers"),
        COST,
        Column("score_rung_<rung>", "float64", "the score at rung <rung>", SHARE),
        Column("model_rung_<rung>", "float64", "what the model of the scores of rung <rung> expects", SHARE),
        Column("score_seeds", "float64", "the score at the highest rung, mean over seeds of the adaptation", SHARE),
        Column("score_seeds_sd", "float64", "standard deviation over these seeds; missing with one", SHARE),
        *TRAININGS,
        *KNOBS,
    ),
    "agreement": (
        Column(
            "measure",
            "str",
            "what should order candidates as training does: a column, or another training",
        ),
        Column("candidates", "int64 or float64", "how many have both figures, variants left out"),
        Column("tau", "float64", "Kendall's tau-b with the trained figures"),
        Column("spearman", "float64", "Spearman's rank correlation with them"),
        Column("tau_equal_cost", "float64", "tau-b over the pairs whose costs differ by a tenth or less"),
        Column("tau_same_layers", "float64", "tau-b over the pairs of the same layers, variants among them"),
        Column("<coefficient>_low", "float64", "lower end of the 95 % interval of <coefficient>, over candidates"),
        Column("<coefficient>_high", "float64", "upper end of that interval"),
        Column("<coefficient>_pairs", "int64 or float64", "of how many pairs <coefficient> is"),
        Column("regret_best", "float64", "best trained figure less that of the candidate with the best measure", SHARE),
        Column("regret_front", "float64", "the same of the measure's front, against what costs no more; a mean", SHARE),
    ),
    "rivals": (
        Column("role", "str", "member of the front, or rival: made by hand"),
        Column("name", "str", "a member's id, or what the rival is"),
        ID,
        COST,
        *TRAININGS,
        *KNOBS,
    ),
    "pairs": (
        Column("member", "str", "a member's id"),
        Column("rival", "str", "a rival of equal or higher cost"),
        Column("cost_ratio", "float64", "the rival's cost over the member's"),
        Column("points", "float64", "the member's trained figure less the rival's, mean over shared seeds", "points"),
        Column("points_half", "float64", "half the width of its 95 % interval; missing with one shared seed", "points"),
    ),
    "places": (
        Column("member", "str", "a member's id"),
        COST,
        Column("trained", "float64", "its trained figure, mean over seeds", SHARE),
        Column("same_as", "str", "the rival that it is; empty where it is none"),
        Column(
            "lead",
            "float64",
            "lead over the best rival of equal or higher cost; missing without one, or while one is unmeasured",
            "points",
        ),
        Column("equal_at_half", "str", "the rivals of twice its cost or more that it equals"),
        Column("beaten_by", "str", "rivals that cost no more and are as accurate over shared seeds"),
        Column("place", "bool", "whether it has a place of its own; not while a rival is unmeasured"),
    ),
}


def described(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The frame itself, with the meaning of each column in `attrs["columns"]`. kind: a key of `FRAMES`."""
    frame.attrs[COLUMNS] = {str(name): meaning(kind, str(name)) for name in frame.columns}
    return frame


@lru_cache(maxsize=4096)
def meaning(kind: str, name: str) -> str:
    """What a column of a frame is; empty for one that the dictionary doesn't know, such as a user's own."""
    column = column_of(kind, name)
    return "" if column is None else column.meaning(name)


def column_of(kind: str, name: str) -> Column | None:
    """The entry of the dictionary that describes a column: one of that very name before a pattern."""
    entries = sorted(FRAMES[kind], key=lambda one: one.name != name)
    return next((one for one in entries if one.pattern.fullmatch(name)), None)
