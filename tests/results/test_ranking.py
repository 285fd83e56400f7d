"""Fronts by the model of all scores in place of the scores."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results import Run, RunError, open_run, write_run_tables
from results.frame import trials_frame

MODELLED = {"aa00000000": 0.68, "ab00000000": 0.35, "bb00000000": 0.62, "cc00000000": 0.64, "dd00000000": 0.66}
"""By the model dd (500, 0.60) is better than bb and cc (400, 0.66), of which cc is the better one."""


def modelled(records):
    return [
        record
        | {"map50_model": MODELLED.get(record["id"]), "map50_model_se": 0.01 if record["id"] in MODELLED else None}
        for record in records
    ]


def opened(run_dir, records):
    write_run_tables(run_dir, records, x="bit_ops", y="map50")
    return open_run(run_dir)


@pytest.fixture
def run(tmp_path, records):
    return opened(tmp_path, modelled(records))


def test_by_the_model_trials_are_compared_by_its_expectation_and_the_scores_stay(run):
    front = run.front(by="model")
    assert front["id"].tolist() == ["ab00000000", "cc00000000", "dd00000000", "aa00000000"]
    assert front["map50"].tolist() == [0.30, 0.66, 0.60, 0.70]
    assert front["map50_model"].tolist() == [0.35, 0.64, 0.66, 0.68]
    assert front.columns.tolist() == run.front().columns.tolist()
    assert run.front(by="score")["id"].tolist() == ["ab00000000", "bb00000000", "aa00000000"]


def test_the_knee_by_the_model(run):
    # From 100 to 1000, 400 is 0.60 and 500 is 0.70 of the way on a log scale; 0.64 and 0.66 are 0.88 and 0.94 of it.
    assert run.knee(by="model") == "cc00000000"
    assert run.knee() == "bb00000000"


def test_the_hypervolume_by_the_model(run):
    reference = {"bit_ops": 1000.0, "map50": 0.0}
    assert run.hypervolume(reference, by="model") == pytest.approx(300 * 0.35 + 100 * 0.64 + 500 * 0.66)
    assert run.hypervolume(reference) == pytest.approx(300 * 0.30 + 600 * 0.66)


def test_another_way_to_compare_is_refused(run):
    for ask in (run.front, run.knee):
        with pytest.raises(RunError, match="by is 'modell'; allowed are score and model"):
            ask(by="modell")


def test_an_accuracy_that_the_search_did_not_optimise_has_no_model(run):
    with pytest.raises(RunError, match=r"have no column map50_11_model. The search optimised map50\."):
        run.front(y="map50_11", by="model")


def test_a_run_of_before_opens_and_says_how_to_get_the_model(tmp_path, records):
    run = opened(tmp_path, records)
    assert len(run.front()) == 3
    with pytest.raises(
        RunError,
        match=r"have no column map50_model. It comes with the end of the search.*`bitfront search .*config.yaml",
    ):
        run.front(by="model")


def test_with_too_few_scores_there_is_no_model(tmp_path, records):
    run = opened(tmp_path, [record | {"map50_model": None, "map50_model_se": None} for record in records])
    with pytest.raises(RunError, match="6 complete trials, too few for a model of map50"):
        run.knee(by="model")


def test_a_rung_with_too_few_scores_has_no_model_though_a_lower_one_has(tmp_path, records):
    no_model = {"map50_model": None, "map50_model_se": None}
    feasible = [record for record in records if record["state"] == "complete" and record.get("feasible", True)]
    above = [record | {"rung": 1} | no_model for record in feasible]
    run = opened(tmp_path, [*modelled(records), *above])
    text = rf"{len(above)} complete trials at rung 1, too few for a model of map50\. .*, take a lower rung, or compare"
    for ask in (run.front, run.knee, partial(run.hypervolume, {"bit_ops": 1000.0, "map50": 0.0})):
        with pytest.raises(RunError, match=text):
            ask(by="model")
    assert run.front(by="model", rung=0)["id"].tolist()[-1] == "aa00000000"


FIGURE = st.integers(0, 4).map(float) | st.just(float("nan"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 5), FIGURE, FIGURE, st.booleans()), min_size=1, max_size=8))
def test_the_front_by_the_model_is_what_nobody_dominates(drawn):
    records = [
        {"number": i, "id": str(i), "state": "complete", "bit_ops": x, "map50": y, "map50_model": mean, "feasible": ok}
        for i, (x, y, mean, ok) in enumerate(drawn)
    ]
    points = [(x, mean) if ok and mean == mean else None for x, _, mean, ok in drawn]
    kept = {
        one for one in points if one and not any(o and o != one and o[0] <= one[0] and o[1] >= one[1] for o in points)
    }
    run = Run(None, trials_frame(records, x="bit_ops", y="map50"))
    if not kept:
        with pytest.raises(RunError):
            run.front(by="model")
        return
    front = run.front(by="model")
    assert list(zip(front["bit_ops"], front["map50_model"], strict=True)) == sorted(kept)
    assert front["id"].tolist() == [str(points.index(one)) for one in sorted(kept)]
    assert np.isfinite(front["map50_model"]).all()
