import json

import pandas as pd
import pytest

from results import RunError, export
from results.text_tables import latex, markdown


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "id": ["a_1", "b|2"],
            "map50": [0.1 + 0.2, float("nan")],
            "bit_ops": [1.5e9, 3.0],
            "weight/hint": pd.Series([1, None], dtype="Int64"),
            "feasible": [True, False],
            "completed": pd.to_datetime(["2026-11-28 09:00", None], utc=True),
        }
    )


def test_json_keeps_every_bit_and_has_null_for_what_is_missing(frame, tmp_path):
    export(frame, tmp_path / "rows.json")
    first, second = json.loads((tmp_path / "rows.json").read_text())
    assert first == {
        "id": "a_1",
        "map50": 0.30000000000000004,
        "bit_ops": 1.5e9,
        "weight/hint": 1,
        "feasible": True,
        "completed": "2026-11-28T09:00:00+00:00",
    }
    assert (second["map50"], second["weight/hint"], second["completed"]) == (None, None, None)


def test_csv_and_parquet_are_read_back_as_they_were(frame, tmp_path):
    export(frame, tmp_path / "rows.csv")
    export(frame, tmp_path / "rows.parquet")
    assert pd.read_csv(tmp_path / "rows.csv")["map50"].iloc[0] == 0.1 + 0.2
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "rows.parquet"), frame)


def test_markdown_escapes_what_ends_a_cell(frame, tmp_path):
    export(frame[["id", "map50", "bit_ops", "feasible"]], tmp_path / "rows.md")
    assert (tmp_path / "rows.md").read_text().splitlines() == [
        "| id | map50 | bit_ops | feasible |",
        "| --- | ---: | ---: | --- |",
        "| a_1 | 0.3000 | 1.5e+09 | yes |",
        r"| b\|2 |  | 3 | no |",
    ]


def test_latex_escapes_its_commands_and_has_booktabs_rules(frame, tmp_path):
    export(frame[["id", "map50"]], tmp_path / "rows.tex")
    assert (tmp_path / "rows.tex").read_text().splitlines() == [
        r"% \usepackage{booktabs}",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"id & map50 \\",
        r"\midrule",
        r"a\_1 & 0.3000 \\",
        r"b|2 &  \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_every_character_of_latex_is_escaped():
    text = latex([{"reason": "50 % of a_b & c#1 {x} ~ ^ $ \\"}])
    assert r"50 \% of a\_b \& c\#1 \{x\} \textasciitilde{} \textasciicircum{} \$ \textbackslash{} \\" in text


def test_a_line_break_stays_in_its_cell():
    assert markdown([{"reason": "first\n  second"}]).splitlines()[2] == "| first second |"


def test_no_rows_are_no_table():
    assert (markdown([]), latex([])) == ("", "")


def test_the_format_may_be_given(frame, tmp_path):
    export(frame, tmp_path / "rows.txt", "csv")
    assert (tmp_path / "rows.txt").read_text().startswith("id,map50,")


def test_another_format_is_refused(frame, tmp_path):
    with pytest.raises(RunError, match=r"ends in '.xlsx'; a table ends in one of .csv, .parquet, .json, .md, .tex"):
        export(frame, tmp_path / "rows.xlsx")
    with pytest.raises(RunError, match="The format is 'xlsx'; allowed are csv, parquet, json, markdown, latex"):
        export(frame, tmp_path / "rows", "xlsx")
    assert not list(tmp_path.iterdir())
