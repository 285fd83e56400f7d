import math

import numpy as np
import pytest

from results import RunError
from results.frame import knobs_of, trials_frame


def frame(records):
    return trials_frame(records, x="bit_ops", y="map50")


def row(**values):
    return {"number": 0, "id": "aa", "state": "complete", "bit_ops": 1.0, "map50": 0.5} | values


def test_rows_keep_their_order_and_columns_come_in_groups(records):
    table = frame(records)
    assert table["number"].tolist() == [0, 1, 3, 2, 4, 5, 6]
    assert list(table.columns) == [
        *["number", "id", "state", "reason", "rung"],
        *["layer/stem", "layer/block.0", "teacher/hint", "weight/hint"],
        *["map50", "map50_11", "bit_ops", "ops", "memory_bits", "seconds_adapt"],
        "feasible",
    ]


def test_a_failed_trial_has_no_accuracy_and_is_not_feasible(records):
    failed = frame(records).iloc[5]
    assert math.isnan(failed["map50"])
    assert failed["reason"] == "diverged: loss is nan"
    assert not failed["feasible"]


def test_a_complete_trial_is_feasible_unless_it_says_otherwise():
    table = frame([row(), row(feasible=False), row(state="failed", feasible=True)])
    assert table["feasible"].tolist() == [True, False, False]


@pytest.mark.parametrize(
    "values",
    [["real", "sign"], [0.1 + 0.2, 1e-320], [3, -4], [True, False], [1, 1.0, True, "1"], [2**70, 1], ["", "None"]],
    ids=["str", "float", "int", "bool", "mixed", "large int", "odd str"],
)
def test_a_knob_keeps_its_type_and_value_beside_rows_without_it(values):
    table = frame([row(**{"weight/hint": value}) for value in [*values, None, math.nan]])
    back = [knobs_of(line) for _, line in table.iterrows()]
    assert [repr(knobs) for knobs in back] == [repr({"weight/hint": value}) for value in values] + ["{}", "{}"]


def test_numpy_values_become_plain_ones():
    table = frame([row(**{"weight/hint": np.float64(0.1), "layer/a": np.int64(8), "layer/b": np.bool_(True)})])
    assert repr(knobs_of(table.iloc[0])) == "{'weight/hint': 0.1, 'layer/a': 8, 'layer/b': True}"


def test_without_a_complete_trial_the_axes_exist_and_are_empty():
    assert frame([])[["bit_ops", "map50"]].empty
    table = frame([{"number": 0, "id": "aa", "state": "failed", "reason": "out of memory"}])
    assert table[["bit_ops", "map50"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"state": "complete"}, "Record 0 has no number and no id; every record needs them"),
        (row(state="running"), "Record 0 has the state 'running', must be one of complete, failed"),
        (row(map50="high"), "column 'map50' has a value that is no number: .*'high'"),
        (row(map50=[0.1]), "column 'map50' has a value that is no number"),
    ],
)
def test_a_bad_record_is_refused(record, message):
    with pytest.raises(RunError, match=message):
        frame([record])
