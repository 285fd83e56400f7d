"""Rows as people and as programs want them."""

import io
import json
import os
from pathlib import Path

import pandas as pd
import pytest

import results
from search.cli.tables import Format, front_row, print_front, print_rows, table_text
from search.errors import RunError


@pytest.fixture
def front(tmp_path):
    common = {
        "state": "complete",
        "reason": None,
        "layer/b0": "real",
        "ops": 16e6,
        "memory_bits": 8e6,
        "memory_mb": 1.0,
    }
    hinted = {"layer/b1": "real", "teacher/hint": "twin", "weight/hint": 0.46}
    records = [
        {"number": 0, "id": "a1", **common, "layer/b1": "sign", "teacher/hint": "none", "map50": 0.25, "bit_ops": 1e9},
        {"number": 1, "id": "b2", **common, **hinted, "map50": 0.51236, "bit_ops": 1024000000.0},
    ]
    results.write_run_tables(tmp_path, records, x="bit_ops", y="map50")
    return results.open_run(tmp_path).front()


def test_a_person_sees_figures_methods_and_teachers(front):
    assert front_row(front.iloc[1], "bit_ops", "map50") == {
        "id": "b2",
        "bit_ops": 1024000000.0,
        "map50": 0.51236,
        "ops": 16e6,
        "memory_mb": 1.0,
        "layers": "2 real",
        "teachers": "hint: twin x 0.46",
    }
    assert front_row(front.iloc[0], "bit_ops", "map50")["teachers"] == ""


def test_a_table_is_aligned_and_rounded():
    text = table_text([{"id": "b2", "bit_ops": 1024000000.0, "map50": 0.51236, "macs": 1234567}])
    assert text.splitlines()[3].split() == ["│", "b2", "│", "1.024e+09", "│", "0.5124", "│", "1,234,567", "│"]


def test_a_table_is_not_squeezed_where_there_is_no_terminal():
    row = {f"column {number}": "x" * 30 for number in range(10)}
    assert len(table_text([row]).splitlines()) == 5


def test_a_front_comes_as_csv_json_and_parquet(front, tmp_path):
    for form in (Format.CSV, Format.JSON, Format.PARQUET):
        print_front(front, "bit_ops", "map50", form, tmp_path / form)
    assert list(pd.read_csv(tmp_path / "csv")["id"]) == ["a1", "b2"]
    assert json.loads((tmp_path / "json").read_text())[1]["candidate"]["weight/hint"] == 0.46
    assert list(pd.read_parquet(tmp_path / "parquet")["map50"]) == [0.25, 0.51236]


def test_rows_come_as_csv_and_json(tmp_path, capfdbinary):
    rows = [{"layer": "a", "ops": 3}, {"layer": "b", "ops": 4}]
    print_rows(rows, Format.CSV)
    assert capfdbinary.readouterr().out == b"layer,ops\na,3\nb,4\n"
    print_rows(rows, Format.JSON, tmp_path / "rows.json")
    assert json.loads((tmp_path / "rows.json").read_text()) == rows


def test_a_pipe_is_an_output_and_a_link_stays_one(tmp_path):
    """As a shell's `-o >(...)` is; and as `-o latest.csv` may be."""
    read, written = os.pipe()
    print_rows([{"layer": "a"}], Format.CSV, Path(f"/dev/fd/{written}"))
    os.close(written)
    assert os.read(read, 99) == b"layer\na\n"
    os.close(read)
    (tmp_path / "latest.csv").symlink_to("monday.csv")
    print_rows([{"layer": "a"}], Format.CSV, tmp_path / "latest.csv")
    assert (tmp_path / "latest.csv").is_symlink()
    assert (tmp_path / "monday.csv").read_text() == "layer\na\n"


def test_an_output_that_can_be_no_file_is_refused(tmp_path):
    (tmp_path / "link").symlink_to("none/rows.csv")
    for name, what in (
        ("", "is a folder"),
        ("none/rows.csv", "can't be written: there is no folder"),
        ("link", "can't"),
    ):
        with pytest.raises(RunError, match=rf"--output {tmp_path / name} {what}.*Give the name of a file"):
            print_rows([{"layer": "a"}], Format.CSV, tmp_path / name)


def test_parquet_is_kept_from_a_terminal(front, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdout", Terminal())
    with pytest.raises(RunError, match=r"Parquet is binary and would garble the terminal\. Give --output FILE"):
        print_front(front, "bit_ops", "map50", Format.PARQUET)


def test_names_are_no_markup():
    text = table_text([{"class": name, "a[b]": 1} for name in ("person[crowd]", "car [/small]", "[red]cat[/red]")])
    for name in ("person[crowd]", "car [/small]", "[red]cat[/red]", "a[b]"):
        assert name in text


def test_a_front_comes_as_latex_with_its_names_escaped(front, tmp_path):
    print_front(front, "bit_ops", "map50", Format.LATEX, tmp_path / "front.tex")
    lines = (tmp_path / "front.tex").read_text().splitlines()
    assert lines[1:4] == [
        r"\begin{tabular}{lrrrrll}",
        r"\toprule",
        r"id & bit\_ops & map50 & ops & memory\_mb & layers & teachers \\",
    ]
    assert lines[6] == r"b2 & 1.024e+09 & 0.5124 & 1.6e+07 & 1 & 2 real & hint: twin x 0.46 \\"
