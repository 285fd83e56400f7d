import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from results import Run, RunError, open_run, write_run_tables


def test_each_score_adds_its_share_of_the_hypervolume(whole):
    history = whole.history({"bit_ops": 2000, "map50": 0.0})
    # aa: 1000 x 0.70. ab: 900 x 0.30 beside it. bb: 600 x 0.36 between them. A repeated, a worse, a failed and an
    # infeasible one add nothing.
    assert history["hypervolume"].tolist() == pytest.approx([700, 970, 1186, 1186, 1186, 1186, 1186])
    assert history["front_size"].tolist() == [1, 2, 3, 3, 3, 3, 3]
    assert history["evaluation"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert history["hypervolume"].iloc[-1] == pytest.approx(whole.hypervolume({"bit_ops": 2000, "map50": 0.0}))


def test_seconds_count_from_the_first_proposal(whole):
    history = whole.history()
    assert history["seconds"].tolist() == [10, 20, 30, 40, 50, 60, 70]
    assert history["completed"].iloc[0] == pd.Timestamp("2026-11-28 09:00:10", tz="UTC")


def test_the_usual_reference_is_the_dearest_trial_and_no_accuracy(whole):
    history = whole.history()
    assert history.attrs["reference"] == {"bit_ops": 1000.0, "map50": 0.0}
    assert history["hypervolume"].tolist() == pytest.approx([0, 270, 486, 486, 486, 486, 486])


def test_three_columns_make_a_volume(whole):
    # memory_bits is 8 everywhere: 2 below the reference.
    history = whole.history({"bit_ops": 2000, "map50": 0.0, "memory_bits": 10})
    assert history["hypervolume"].tolist() == pytest.approx([1400, 1940, 2372, 2372, 2372, 2372, 2372])


def test_the_history_of_a_rung_counts_the_scores_of_all(tmp_path, records):
    upper = [records[1] | {"rung": 1}, records[0] | {"rung": 1}]
    in_order = [records[0], records[1], upper[0], records[2], upper[1]]
    write_run_tables(tmp_path, in_order, x="bit_ops", y="map50", ended=False)
    history = open_run(tmp_path).history({"bit_ops": 2000, "map50": 0.0})
    assert history["evaluation"].tolist() == [3, 5]
    assert history["hypervolume"].tolist() == pytest.approx([1900 * 0.30, 970])
    assert "seconds" not in history  # a table without times, as earlier versions wrote it


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"bit_ops": float("nan"), "map50": 0}, "must have two or three columns, with finite numbers"),
        ({"map50": 0}, "must have two or three columns"),
        ({"bit_opps": 1, "map50": 0}, "No measured column is called 'bit_opps'"),
    ],
)
def test_a_reference_that_measures_nothing_is_refused(whole, reference, message):
    with pytest.raises(RunError, match=message):
        whole.history(reference)


def test_five_thousand_trials_take_no_time():
    rng = np.random.default_rng(0)
    trials = pd.DataFrame({"number": np.arange(5000), "id": "a", "state": "complete", "rung": 0, "feasible": True})
    trials["bit_ops"] = rng.random(5000)
    trials["map50"] = trials["bit_ops"] + 0.01 * rng.random(5000)  # a front of hundreds
    started = time.process_time()
    assert Run(Path("run"), trials).history()["front_size"].iloc[-1] > 100
    assert time.process_time() - started < 0.5
