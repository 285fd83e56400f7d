"""Tables of comparisons: the agreement of a run's scores, and what the members of its front are worth."""

import math
from collections.abc import Hashable, Mapping
from pathlib import Path

import pandas as pd

from results import layout
from results.fidelity import Fidelity
from results.frame_files import frame_bytes
from results.rivals import Rivals
from search.cli.options import Format
from search.cli.streams import say
from search.cli.tables import emit, print_rows


def print_fidelity(found: Fidelity, run: Path, form: Format = Format.TABLE, output: Path | None = None) -> None:
    """Write the agreement of each measure; for people with its intervals in words, and the spread over seeds."""
    if not form.for_people:
        print_frame(found.agreement, form, output)
        return
    print_rows([_agreement_row(row) for _, row in found.agreement.iterrows()], form, output)
    if math.isfinite(found.score_sd):
        say(f"A score's standard deviation over adaptation seeds: {found.score_sd:.4f}\n")
    if math.isfinite(found.trained_sd):
        say(f"A trained figure's standard deviation over training seeds: {found.trained_sd:.4f}\n")
    say(f"All candidates are in {run / layout.FIDELITY}.parquet.\n")


def print_rivals(found: Rivals, run: Path, form: Format = Format.TABLE, output: Path | None = None) -> None:
    """Write the trained members and rivals; for people also what the members are worth."""
    x, trained = found.x, found.trained
    if not form.for_people:
        print_frame(trained, form, output)
        return
    columns = ["role", "name", x, "trained", "trained_sd"]
    print_rows([_plain(row) for row in trained[columns].to_dict("records")], form, output)
    if output is None:
        print_rows([_plain(row) for row in found.places().to_dict("records")], form)
        print_rows([_plain(row) for row in found.pairs().to_dict("records")], form)
    count = int(found.places()["place"].sum())
    say(f"{count} of {int(trained['role'].eq('member').sum())} members have a place of their own.\n")
    say(f"All is in {run / layout.RIVALS}.parquet, and drawn in {run / layout.FRONT}.png.\n")


def _agreement_row(row: pd.Series) -> dict[str, object]:
    return {
        "measure": row["measure"],
        "candidates": int(row["candidates"]),
        "tau-b": _interval(row, "tau"),
        "Spearman": _interval(row, "spearman"),
        "tau-b, equal cost": _interval(row, "tau_equal_cost", pairs=True),
        "tau-b, same layers": _interval(row, "tau_same_layers", pairs=True),
        "regret, best": _number(row["regret_best"]),
        "regret, front": _number(row["regret_front"]),
    }


def _interval(row: pd.Series, name: str, *, pairs: bool = False) -> str:
    if not math.isfinite(row[name]):
        return "-"
    counted = f", {int(row[f'{name}_pairs'])} pairs" if pairs else ""
    return f"{row[name]:.2f} ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f}{counted})"


def _number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "-"


def _plain(row: Mapping[Hashable, object]) -> dict[str, object]:
    """The row with costs as whole numbers and without NaN."""
    return {str(name): _cell(value) for name, value in row.items()}


def _cell(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return "-"
    if isinstance(value, float) and value.is_integer() and abs(value) >= 1000:
        return int(value)
    return "yes" if value is True else "no" if value is False else value


def print_frame(frame: pd.DataFrame, form: Format, output: Path | None) -> None:
    """Write a frame for programs."""
    json_text = f"{frame.to_json(orient='records', indent=2)}\n".encode()
    emit(json_text if form is Format.JSON else frame_bytes(frame, form), form, output)
