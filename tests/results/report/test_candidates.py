import json

import pytest

import results
from results.report.candidates import candidate_columns
from results.report.fronts import fronts
from results.tables import write_run_tables


@pytest.fixture
def run(run_folder):
    return results.open_run(run_folder)


def test_a_candidates_knobs_come_back_exactly(run):
    columns = candidate_columns(run)
    for row, trial in run.trials.iterrows():
        given = {k["name"]: json.loads(k["values"][k["codes"][row]]) for k in columns["knobs"] if k["codes"][row] >= 0}
        assert given == run.candidate(trial["id"])


def test_values_that_differ_in_type_alone_stay_apart(tmp_path, records):
    for trial, value in zip(records, (1, 1.0, True, 1, 1, 1, 1), strict=True):
        trial["weight/hint"] = value
    write_run_tables(tmp_path, records, x="bit_ops", y="map50", ended=False)
    knob = next(k for k in candidate_columns(results.open_run(tmp_path))["knobs"] if k["name"] == "weight/hint")
    assert [knob["values"][code] for code in knob["codes"]][:3] == ["1", "1.0", "true"]


def test_figures_that_are_missing_are_none(run):
    assert candidate_columns(run)["figures"]["map50"] == [0.7, 0.3, 0.66, 0.66, 0.6, None, 0.9]


def test_layers_go_from_the_image_to_the_heads(tmp_path, records):
    for trial in records:
        trial |= {"layer/backbone.a": "real", "layer/heads.cls": "real", "layer/shortcuts": "real"}
    write_run_tables(tmp_path, records, x="bit_ops", y="map50", ended=False)
    layers = candidate_columns(results.open_run(tmp_path))["layers"]
    assert layers == ["layer/stem", "layer/backbone.a", "layer/shortcuts", "layer/block.0", "layer/heads.cls"]


def test_each_cost_and_accuracy_has_its_front(run):
    """By bit_ops and ops alike: rows 1 (100, 0.30), 2 (400, 0.66), 0 (1000, 0.70); all cost 8 bits of memory."""
    found = fronts(run)
    assert found["0|bit_ops|map50|score"] == {"rows": [1, 2, 0], "knee": 2}
    assert found["0|ops|map50_11|score"]["rows"] == [1, 2, 0]
    assert found["0|memory_bits|map50|score"]["rows"] == [0]


def test_a_cost_of_zero_has_a_front_without_a_knee(tmp_path, records):
    for trial in records:
        trial["bit_ops"] -= 100.0 if trial["number"] == 1 else 0.0
    write_run_tables(tmp_path, records, x="bit_ops", y="map50", ended=False)
    assert fronts(results.open_run(tmp_path))["0|bit_ops|map50|score"] == {"rows": [1, 2, 0], "knee": None}


def test_the_command_names_the_folder_safely(hostile_folder):
    command = candidate_columns(results.open_run(hostile_folder))["command"]
    assert command.startswith("bitfront retrain '/")
    assert command.endswith("' --candidate ")
    assert "'\"'\"'" in command  # the apostrophe of the folder's name
