"""The table of effects: what each choice costs or gains in accuracy, by a linear model of all scores of a run."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from results import layout
from results.dictionary import described
from results.errors import RunError
from results.parquet import read_parquet, to_parquet

ACCURACY = "accuracy"
ACCURACY_SCALE, LOGARITHM_SCALE = "accuracy", "logarithm"
MULTIPLIED = "Effects multiply here: each is the change where all other knobs have their reference choices."
"""What is said beside effects on the logarithm."""


@dataclass(frozen=True)
class Effect:
    """A choice of a knob against the knob's reference choice, all else being the same.

    effect, effect_se: the expected change of the accuracy, and its standard error. Where effects add up on the
    accuracy's logarithm, it is the change where all other knobs have their reference choices. trials: how many complete
    ones made the choice. saved, saved_percent: what the choice saves of the cost, in the cost's unit and in percent of
    the network of reference choices.
    """

    kind: str
    knob: str
    choice: str
    reference: str
    effect: float
    effect_se: float
    trials: int
    saved: float
    saved_percent: float

    @property
    def lost_per_percent(self) -> float:
        """The accuracy that is lost for each percent of the cost that is saved; NaN where nothing is saved."""
        return -self.effect / self.saved_percent if self.saved_percent > 0 else math.nan


@dataclass(frozen=True)
class AccuracyEffects:
    """The effects on one accuracy, and how far the model that they come from can be trusted.

    scores: how many the model was fitted to. noise_sd: the standard deviation of what it leaves unexplained in a score.
    r2_left_out: the share of the scores' variance that it explains, each score predicted without itself. scale: on what
    the effects add up, `ACCURACY_SCALE` or `LOGARITHM_SCALE`, where they multiply.
    """

    accuracy: str
    cost: str
    scores: int
    noise_sd: float
    r2_left_out: float
    effects: tuple[Effect, ...]
    scale: str = ACCURACY_SCALE

    def figures(self) -> dict[str, object]:
        """All but the effects."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "effects"}


DTYPES = {"str": "str", "float": "float64", "int": "int64"}
COLUMNS = (ACCURACY, *(field.name for field in fields(Effect)), "lost_per_percent")


def effects_files(models: Sequence[AccuracyEffects]) -> dict[str, bytes]:
    """The contents of the files of effects, by name. The Parquet file has each model's own figures in its notes."""
    frame = effects_frame(models)
    notes = {model.accuracy: json.dumps(model.figures()) for model in models}
    return {
        f"{layout.EFFECTS}.csv": frame.to_csv(index=False, lineterminator="\n").encode(),
        f"{layout.EFFECTS}.parquet": to_parquet(frame, notes=notes),
    }


def effects_frame(models: Sequence[AccuracyEffects]) -> pd.DataFrame:
    """A row for each accuracy and effect; the most harmful first, equal ones in the order of the knobs."""
    rows = [
        {ACCURACY: model.accuracy, **asdict(effect), "lost_per_percent": effect.lost_per_percent}
        for model in models
        for effect in sorted(model.effects, key=lambda one: one.effect)
    ]
    kinds = {field.name: DTYPES[str(field.type)] for field in fields(Effect)}
    kinds |= {ACCURACY: DTYPES["str"], "lost_per_percent": DTYPES["float"]}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(kinds)


def read_effects(run_dir: Path, accuracy: str, complete: int) -> pd.DataFrame:
    """The effects on one accuracy, with the model's own figures in `attrs`. complete: the run's complete trials.

    RunError when the run has none.
    """
    file = run_dir / f"{layout.EFFECTS}.parquet"
    if not file.is_file():
        raise RunError(f"{run_dir} has no {file.name}. {layout.made_from_journal(run_dir)}")
    frame, texts = read_parquet(file)
    notes = {name: json.loads(text) for name, text in texts.items()}
    if not notes:
        raise RunError(
            f"{run_dir} has {complete} complete trials, too few for a model of the accuracy. "
            "Let the search run for more (search.trials)."
        )
    if accuracy not in notes:
        raise RunError(f"{run_dir} has no effects on {accuracy!r}; the search optimised {', '.join(notes)}.")
    chosen = frame[frame[ACCURACY].eq(accuracy)].reset_index(drop=True)
    chosen.attrs = {"scale": ACCURACY_SCALE} | notes[accuracy]  # notes of older runs have no scale
    return described(chosen, "effects")
