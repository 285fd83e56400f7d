"""What the run was: its times, its failures, its versions and its config."""

from __future__ import annotations

import pandas as pd

from results import layout
from results.report.section import Section, Table
from results.report.text import duration, shortened, without_passwords
from results.run import Run

ID, TITLE = "facts", "Times, failures, versions, config"
MOST_REASONS, LONGEST_CONFIG = 30, 40_000


def facts_section(run: Run) -> Section:
    """Tables of what is there, and a line for what isn't."""
    tables, lines = [], []
    for table, absent in ((_times(run), "No times are recorded."), (_failures(run), "No candidate failed.")):
        if table is None:
            lines.append(absent)
        else:
            tables.append(table)
    versions = run.environment()
    if len(versions):
        rows = [[shortened(row["name"]), shortened(row["value"], 120)] for _, row in versions.iterrows()]
        tables.append(Table("What it was last started on", ("what", "value"), rows, folded=True))
    config = run.path / layout.CONFIG
    text = without_passwords(config.read_text("utf-8", "replace"))[:LONGEST_CONFIG] if config.is_file() else ""
    return Section(ID, TITLE, tables=tables, lines=lines, template="facts", facts={"config": text})


def _times(run: Run) -> Table | None:
    spent = run.seconds()
    if spent.empty:
        return None
    whole = float(spent["seconds"].sum())
    stages = spent["stage"].replace({"retrain": "all of bitfront retrain"})
    rows = [
        [shortened(stage), duration(float(row["seconds"]))]
        for stage, row in zip(stages, spent.to_dict("records"), strict=True)
    ]
    return Table(f"Time by stage, {duration(whole)} in all", ("stage", "time"), rows, frozenset({1}))


def _failures(run: Run) -> Table | None:
    """Reasons with numbers in them count as the same: a loss that is nan at step 12 and one at step 40."""
    failed = run.failures()
    if failed.empty:
        return None
    reasons = failed["reason"].astype("object").where(failed["reason"].notna(), "no reason is recorded").astype(str)
    counted = pd.DataFrame({"kind": reasons.str.replace(r"\d+", "#", regex=True), "reason": reasons})
    kinds = counted.groupby("kind", sort=False)["reason"].agg(["size", "first"]).sort_values("size", ascending=False)
    rows = [[str(row["size"]), shortened(row["first"], 300)] for _, row in kinds.head(MOST_REASONS).iterrows()]
    return Table(f"{len(failed)} candidates failed", ("times", "reason, of the first"), rows, frozenset({0}))
