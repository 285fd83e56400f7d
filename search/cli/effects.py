"""The effects of a run's choices on its accuracy: a table for people, with the model's own figures under it."""

import json
import math
from pathlib import Path

import pandas as pd

from results.dictionary import COLUMNS
from results.effects import LOGARITHM_SCALE, MULTIPLIED
from results.frame_files import frame_bytes
from search.cli.options import Format
from search.cli.tables import emit, noted, text_of
from search.errors import RunError

TRUSTED = 0.5
"""The explained share of the scores' variance from which the effects are worth reading."""


def check_effects(x: str | None, by: str, rung: int | None) -> None:
    """Raise RunError for options that go with the front alone."""
    options = {"--x": x, "--by": None if by == "score" else by, "--rung": rung}
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise RunError(
            f"--effects was given together with {' and '.join(given)}, of the front. With --effects give --y."
        )


def print_effects(effects: pd.DataFrame, form: Format = Format.TABLE, output: Path | None = None) -> None:
    """Write `Run.effects()` to `output`, or to stdout. Raises RunError for Parquet on a terminal."""
    if form is Format.JSON:
        missing = effects.astype(object).where(effects.notna(), None)  # JSON has no NaN
        model = {name: value for name, value in effects.attrs.items() if name != COLUMNS}
        listed = {"model": model, "effects": missing.to_dict("records")}
        content = (json.dumps(listed, indent=2) + "\n").encode()
    elif form.for_people:
        rows = [effect_row(row, effects.attrs["accuracy"], effects.attrs["cost"]) for _, row in effects.iterrows()]
        content = f"{text_of(rows, form, output)}\n{noted(model_summary(effects), form)}\n".encode()
    else:
        content = frame_bytes(effects, form)
    emit(content, form, output)


def effect_row(row: pd.Series, accuracy: str, cost: str) -> dict[str, object]:
    """An effect for people, with nothing where nothing is saved."""
    saves = row["saved"] != 0
    return {
        "knob": row["knob"],
        "choice": row["choice"],
        "against": row["reference"],
        accuracy: f"{row['effect']:+.4f}",
        "se": f"{row['effect_se']:.4f}",
        "trials": int(row["trials"]),
        f"{cost} saved": f"{row['saved_percent']:5.1f} %" if saves else "",
        f"{accuracy} lost per %": "" if math.isnan(row["lost_per_percent"]) else f"{row['lost_per_percent']:.5f}",
    }


def model_summary(effects: pd.DataFrame) -> str:
    """Where the effects come from, and how far to trust them."""
    figures = effects.attrs
    explained = figures["r2_left_out"]
    text = (
        f"By a linear model of {figures['scores']} scores. It explains {100 * explained:.0f} % of their variance, each "
        f"score predicted without itself; a score deviates by {figures['noise_sd']:.4f} (standard deviation). "
        "se is the standard error of an effect."
    )
    if figures["scale"] == LOGARITHM_SCALE:
        text += f" {MULTIPLIED}"
    if not explained >= TRUSTED:
        text += " The model predicts these scores badly: do not rely on the effects."
    return text
