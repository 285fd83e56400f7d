import json

import pandas as pd
import pytest

from results import RunError, open_run, write_run_tables


@pytest.fixture
def opened(tmp_path, records):
    """Opens a run with these contents of figures.json, by the folder of the result."""

    def write(results, scores=records):
        write_run_tables(tmp_path, scores, x="bit_ops", y="map50", ended=False)
        for name, text in results.items():
            (tmp_path / "retrained" / name).mkdir(parents=True)
            (tmp_path / "retrained" / name / "figures.json").write_text(text)
        return open_run(tmp_path)

    return write


def test_each_finished_training_is_a_row_with_its_score_beside_its_test_figures(whole, whole_run):
    found = whole.retrained()
    assert found["path"].tolist() == [str(whole_run / "retrained" / name) for name in ("bb00000000", "bb00000000.2")]
    first = found.iloc[0]
    assert (first["id"], first["epochs"], first["setting_learning_rate"]) == ("bb00000000", 60, 0.002)
    assert first[["score_map50", "test_map50", "twin_map50", "bit_ops"]].tolist() == [0.66, 0.71, 0.75, 400.0]
    assert first["setting_rates"] == '{"head": 0.1}'
    assert "test_per_class" not in found


def test_what_a_result_does_not_say_is_missing(whole):
    found = whole.retrained()
    assert found["seed"].tolist() == [pd.NA, 3]
    assert found["start"].isna().tolist() == [True, False]


def test_the_score_is_that_of_the_highest_rung(opened, records):
    scores = [records[2] | {"rung": 1, "map50": 0.5}, records[2], records[2] | {"rung": 2, "state": "failed"}]
    found = opened({"bb00000000": '{"id": "bb00000000"}'}, scores).retrained()
    assert found["score_map50"].tolist() == [0.5]
    assert found["epochs"].tolist() == [pd.NA]


def test_results_stand_in_the_order_of_their_making(opened):
    names = ("bb.10", "bb", "bb.2", "aa")
    run = opened({name: json.dumps({"id": name.partition(".")[0]}) for name in names})
    assert [path.rpartition("/")[2] for path in run.retrained()["path"]] == ["aa", "bb", "bb.2", "bb.10"]


def test_without_results_there_are_no_rows(opened):
    assert opened({}).retrained().columns.tolist() == ["id", "path", "epochs", "seed", "start"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "can't be read"),
        ("[]", "holds a list, no figures"),
        ('{"settings": {"epochs": "many"}}', r"can't be read \(epochs is 'many', must be a whole number\)"),
        ('{"settings": {"start": 1}}', r"can't be read \(start is 1, must be text\)"),
        ('{"test": {"map50": {}}}', r"can't be read \(test_map50 is {}, must be a number\)"),
        ('{"costs": {"bit_ops": true}}', r"can't be read \(bit_ops is True, must be a number\)"),
    ],
)
def test_damaged_figures_are_named(opened, text, message):
    with pytest.raises(RunError, match=rf"figures.json {message}.*Delete it, then train"):
        opened({"bb": text}).retrained()
