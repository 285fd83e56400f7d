import csv
import json
import struct

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from results import RunError, open_run, write_run_tables
from results.frame import trials_frame
from results.front import front_rows
from results.tables import front_json

FILES = {"trials.parquet", "front.csv", "front.json", "front.parquet", "front.png", "effects.csv", "effects.parquet"}


def write(run_dir, records, **rest):
    write_run_tables(run_dir, records, x="bit_ops", y="map50", **rest)


def bits(value):
    return struct.pack("<d", value)


@pytest.mark.usefixtures("fronts_are_drawn")
def test_all_files_appear_and_nothing_else(tmp_path, records):
    write(tmp_path, records)
    write(tmp_path, records)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")


def test_the_trials_carry_the_front_flag_last(tmp_path, records):
    write(tmp_path, records)
    trials = pd.read_parquet(tmp_path / "trials.parquet")
    assert list(trials.columns[-2:]) == ["feasible", "front"]
    assert trials["front"].tolist() == [True, True, True, True, False, False, False]


def test_json_has_metrics_costs_and_the_candidate_of_each_point(tmp_path, records):
    write(tmp_path, records)
    assert json.loads((tmp_path / "front.json").read_text())[1] == {
        "id": "bb00000000",
        "metrics": {"map50": 0.66, "map50_11": 0.66},
        "costs": {"bit_ops": 400.0, "ops": 6.25, "memory_bits": 8.0},
        "candidate": {
            "layer/stem": "real",
            "layer/block.0": "bireal",
            "teacher/hint": "twin",
            "weight/hint": 0.30000000000000004,
        },
    }


def test_csv_has_the_front_sorted_by_cost_and_nothing_where_a_knob_was_dropped(tmp_path, records):
    write(tmp_path, records)
    with (tmp_path / "front.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["bit_ops"] for row in rows] == ["100.0", "400.0", "1000.0"]
    assert [row["weight/hint"] for row in rows] == ["", "0.30000000000000004", ""]


def test_pandas_reads_the_csv_back_as_it_was(tmp_path, records):
    records[2]["id"] = "12345678e9"
    write(tmp_path, records)
    front = pd.read_csv(tmp_path / "front.csv", dtype={"id": str})
    pd.testing.assert_frame_equal(front, open_run(tmp_path).front(), check_dtype=False)


def test_parquet_has_the_same_front(tmp_path, records):
    write(tmp_path, records)
    front = pd.read_parquet(tmp_path / "front.parquet")
    pd.testing.assert_frame_equal(front, open_run(tmp_path).front())


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(1e-300, 1e300), st.floats(0, 1), st.floats(1e-300, 1e300))
def test_floats_survive_csv_and_json_bit_for_bit(cost, accuracy, weight):
    record = {"number": 0, "id": "aa", "state": "complete", "bit_ops": cost, "map50": accuracy, "weight/hint": weight}
    front = front_rows(trials_frame([record], x="bit_ops", y="map50"), "bit_ops", "map50")
    expected = [bits(cost), bits(accuracy), bits(weight)]
    row = next(csv.DictReader(front.to_csv(index=False).splitlines()))
    assert [bits(float(row[name])) for name in ("bit_ops", "map50", "weight/hint")] == expected
    point = json.loads(front_json(front, "bit_ops", "map50"))[0]
    values = [point["costs"]["bit_ops"], point["metrics"]["map50"], point["candidate"]["weight/hint"]]
    assert [bits(value) for value in values] == expected


def test_what_the_model_says_is_among_the_metrics(tmp_path, records):
    modelled = [record | {"map50_model": 0.65, "map50_model_se": None} for record in records]
    write(tmp_path, modelled)
    front = json.loads((tmp_path / "front.json").read_text())
    assert front[1]["metrics"] == {"map50": 0.66, "map50_model": 0.65, "map50_model_se": None, "map50_11": 0.66}
    columns = pd.read_csv(tmp_path / "front.csv").columns.tolist()
    assert columns[:6] == ["bit_ops", "map50", "id", "map50_model", "map50_model_se", "map50_11"]


def test_a_missing_figure_is_null_in_json(tmp_path, records):
    write(tmp_path, [record | {"memory_bits": None} for record in records])
    assert json.loads((tmp_path / "front.json").read_text())[0]["costs"]["memory_bits"] is None


@pytest.mark.usefixtures("fronts_are_drawn")
@pytest.mark.parametrize("kept", [[], [5]], ids=["no trial", "only a failed one"])
def test_without_a_complete_trial_the_front_is_empty_and_every_file_valid(tmp_path, records, kept):
    write(tmp_path, [records[i] for i in kept])
    assert {path.name for path in tmp_path.iterdir()} == FILES
    assert json.loads((tmp_path / "front.json").read_text()) == []
    assert pd.read_csv(tmp_path / "front.csv").empty
    assert pd.read_parquet(tmp_path / "front.parquet").empty
    assert len(pd.read_parquet(tmp_path / "trials.parquet")) == len(kept)
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")


def test_an_axis_that_complete_trials_lack_is_refused_and_nothing_is_written(tmp_path, records):
    with pytest.raises(RunError, match=r"No measured column is called 'memory_mb'. Did you mean 'memory_bits'"):
        write_run_tables(tmp_path, records, x="memory_mb", y="map50")
    assert list(tmp_path.iterdir()) == []


def test_a_bad_record_leaves_the_files_of_before(tmp_path, records):
    write(tmp_path, records)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(RunError):
        write(tmp_path, [*records, {"number": 7}])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
