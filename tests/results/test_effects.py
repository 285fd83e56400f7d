"""The table of effects, as it is written and as it is read."""

import json

import pandas as pd
import pytest

from results import RunError, open_run, write_run_tables
from results.effects import COLUMNS, AccuracyEffects, Effect, effects_frame
from results.parquet import read_parquet, to_parquet

SIGN = Effect("layer", "layer/block.0", "sign", "real", -0.03, 0.004, 12, 600.0, 60.0)
TWIN = Effect("teacher", "teacher/hint", "twin", "none", 0.01, 0.002, 9, 0.0, 0.0)
INT8 = Effect("layer", "layer/block.0", "int8", "real", 0.006, 0.003, 7, 300.0, 30.0)
MODEL = AccuracyEffects("map50", "bit_ops", 40, 0.008, 0.75, (TWIN, INT8, SIGN))


def opened(run_dir, records, effects):
    write_run_tables(run_dir, records, x="bit_ops", y="map50", effects=effects)
    return open_run(run_dir)


@pytest.fixture
def run(tmp_path, records):
    other = AccuracyEffects("map50_11", "bit_ops", 40, 0.02, 0.5, (SIGN,))
    return opened(tmp_path, records, [MODEL, other])


def test_the_most_harmful_choice_comes_first(run):
    effects = run.effects()
    assert effects["choice"].tolist() == ["sign", "int8", "twin"]
    assert effects["effect"].tolist() == [-0.03, 0.006, 0.01]
    assert effects["trials"].tolist() == [12, 7, 9]


def test_what_is_lost_for_each_percent_that_is_saved(run):
    lost = run.effects()["lost_per_percent"]
    assert lost[:2].tolist() == pytest.approx([0.03 / 60, -0.006 / 30])
    assert pd.isna(lost[2])


def test_columns_have_their_types_also_without_rows(run):
    texts, counts = {"accuracy", "kind", "knob", "choice", "reference"}, {"trials"}
    for frame in (run.effects(), effects_frame([])):
        assert tuple(frame.columns) == COLUMNS
        for name in COLUMNS:
            expected = "str" if name in texts else "int64" if name in counts else "float64"
            assert frame[name].dtype == expected, name


def test_the_models_own_figures_come_with_the_table(run):
    figures = {"accuracy": "map50", "cost": "bit_ops", "scores": 40, "noise_sd": 0.008, "r2_left_out": 0.75}
    figures |= {"scale": "accuracy"}
    assert {name: value for name, value in run.effects().attrs.items() if name != "columns"} == figures
    assert run.effects(y="map50_11").attrs["noise_sd"] == 0.02
    assert run.effects(y="map50_11")["accuracy"].tolist() == ["map50_11"]


def test_both_files_have_all_accuracies(run):
    table = pd.read_csv(run.path / "effects.csv")
    assert table["accuracy"].tolist() == ["map50"] * 3 + ["map50_11"]
    pd.testing.assert_frame_equal(table, pd.read_parquet(run.path / "effects.parquet"), check_dtype=False)
    pd.testing.assert_frame_equal(table[:3], run.effects(), check_dtype=False)


def test_an_accuracy_without_effects_is_refused(run):
    with pytest.raises(RunError, match="no effects on 'ap'; the search optimised map50, map50_11"):
        run.effects(y="ap")


def test_a_run_without_effects_says_how_to_get_them(tmp_path, records):
    run = opened(tmp_path, records, [])
    with pytest.raises(RunError, match="6 complete trials, too few for a model of the accuracy"):
        run.effects()
    (tmp_path / "effects.parquet").unlink()
    with pytest.raises(
        RunError,
        match=r"has no effects.parquet. It comes with the end of the search.*`bitfront search .*config.yaml --run-dir",
    ):
        run.effects()


def test_older_effects_are_on_the_accuracys_own_scale(tmp_path, records):
    run = opened(tmp_path, records, [MODEL])
    file = tmp_path / "effects.parquet"
    frame, notes = read_parquet(file)
    old = {
        name: json.dumps({k: v for k, v in json.loads(text).items() if k != "scale"}) for name, text in notes.items()
    }
    file.write_bytes(to_parquet(frame, notes=old))
    assert run.effects().attrs["scale"] == "accuracy"
