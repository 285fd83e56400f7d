"""Scores of several rungs: a front is of one rung, the highest unless another is asked for, and says which."""

import json

import pandas as pd
import pytest
from matplotlib.text import Text

from results import RunError, open_run, write_run_tables
from results.plots import front_figure


@pytest.fixture
def climbed(records):
    """The seven trials of rung 0, and two at rung 1: real (1000, 0.80) and mixed (400, 0.85), which is above it."""
    higher = [{**records[0], "map50": 0.80}, {**records[2], "map50": 0.85}]
    return [{**record, "rung": 0} for record in records] + [{**record, "rung": 1} for record in higher]


def opened(path, records):
    write_run_tables(path, records, x="bit_ops", y="map50")
    return open_run(path)


def test_the_front_is_that_of_the_highest_rung_and_never_of_two(tmp_path, climbed):
    run = opened(tmp_path, climbed)
    assert (run.rungs, run.rung) == ([0, 1], 1)
    assert run.front()[["id", "map50", "rung"]].to_numpy().tolist() == [["bb00000000", 0.85, 1]]
    assert run.front(rung=0)["id"].tolist() == ["ab00000000", "bb00000000", "aa00000000"]
    assert run.knee() == "bb00000000"
    assert run.hypervolume({"bit_ops": 2000.0, "map50": 0.0}) == pytest.approx(1600 * 0.85)
    at_0 = 300 * 0.30 + 600 * 0.66 + 1000 * 0.70
    assert run.hypervolume({"bit_ops": 2000.0, "map50": 0.0}, rung=0) == pytest.approx(at_0)


def test_the_files_have_the_rung_and_the_front_of_the_highest(tmp_path, climbed):
    run = opened(tmp_path, climbed)
    assert run.trials["rung"].tolist() == [0] * 7 + [1] * 2
    assert list(run.trials.columns[:5]) == ["number", "id", "state", "reason", "rung"]
    assert run.trials["front"].tolist() == [False] * 8 + [True]
    assert pd.read_csv(tmp_path / "front.csv")["rung"].tolist() == [1]
    assert [row["rung"] for row in json.loads((tmp_path / "front.json").read_text())] == [1]


def test_the_highest_rung_is_one_with_a_trial_that_may_be_on_a_front(tmp_path, climbed):
    climbed[-2:] = [{**record, "state": "failed", "reason": "x", "map50": None} for record in climbed[-2:]]
    run = opened(tmp_path, climbed)
    assert (run.rungs, run.rung, len(run.front())) == ([0, 1], 0, 3)
    with pytest.raises(RunError, match="has no complete trial: all 2 so far failed"):
        run.front(rung=1)


def test_a_rung_that_the_run_has_not_is_refused(tmp_path, climbed):
    with pytest.raises(RunError, match=r"No rung is called '3'\. .*Known: 0, 1\."):
        opened(tmp_path, climbed).front(rung=3)


def test_the_picture_has_one_rung_and_says_which(climbed, tmp_path):
    trials = opened(tmp_path, climbed).trials
    drawn = {
        rung: [text.get_text() for text in front_figure(trials, "bit_ops", "map50", None, rung).findobj(Text)]
        for rung in (None, 0)
    }
    assert "Front of 1 out of 2 candidates at rung 1" in drawn[None]
    assert "Front of 3 out of 6 candidates at rung 0 (1 failed, not shown)" in drawn[0]


def test_a_table_of_before_opens_as_rung_0(tmp_path, records):
    write_run_tables(tmp_path, records, x="bit_ops", y="map50")
    pd.read_parquet(tmp_path / "trials.parquet").drop(columns="rung").to_parquet(tmp_path / "trials.parquet")
    run = open_run(tmp_path)
    assert (run.rungs, run.rung) == ([0], 0)
    assert list(run.trials.columns[:5]) == ["number", "id", "state", "reason", "rung"]
    assert "rung" not in run.front()
