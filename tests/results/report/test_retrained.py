"""The table of retrained candidates: like is compared with like."""

import json
import shutil

import pytest

import results
from results import layout
from results.errors import RunError
from results.report.retrained import retrained_table


@pytest.fixture
def tabled(tmp_path, run_folder):
    """The table of a run with these results: a name, an accuracy, and what else its file of figures has."""

    def table(*kept, config="{}"):
        shutil.copytree(run_folder, tmp_path, dirs_exist_ok=True)
        (tmp_path / layout.CONFIG).write_text(config)
        for name, map50, settings, others in kept:
            place = tmp_path / layout.RETRAINED / name
            place.mkdir(parents=True)
            content = {"id": name[:10], "settings": {"epochs": 20, "start": "supernet", "seed": 0} | settings}
            content |= {"test": {"map50": map50}, "costs": {"bit_ops": 400.0}} | others
            (place / layout.RESULT_FIGURES).write_text(json.dumps(content))
        return retrained_table(results.open_run(tmp_path))

    return table


def test_seeds_of_one_training_are_one_row(tabled):
    """0.70 and 0.74: mean 0.72, deviation 0.02 * sqrt(2)."""
    table = tabled(("bb00000000", 0.70, {}, {}), ("bb00000000_supernet_seed1", 0.74, {"seed": 1}, {}))
    assert table.columns == ["candidate", "start", "epochs", "seeds", "score map50", "test map50", "bit_ops"]
    assert table.rows == [["bb00000000 (knee)", "supernet", "20", "2", "0.660", "0.720 ± 0.028", "400"]]


def test_trainings_that_differ_in_epochs_start_or_another_setting_stay_apart(tabled):
    table = tabled(
        ("bb00000000", 0.7, {"learning_rate": 0.1}, {}),
        ("bb00000000.2", 0.8, {"learning_rate": 0.1, "epochs": 60}, {}),
        ("bb00000000.3", 0.6, {"learning_rate": 0.2}, {}),
        ("bb00000000_scratch_seed0", 0.5, {"learning_rate": 0.1, "start": "scratch"}, {}),
    )
    assert table.columns[:5] == ["candidate", "start", "epochs", "learning_rate", "seeds"]
    assert [[*row[1:5], row[6]] for row in table.rows] == [
        ["supernet", "20", "0.1", "1", "0.700"],
        ["supernet", "60", "0.1", "1", "0.800"],
        ["supernet", "20", "0.2", "1", "0.600"],
        ["scratch", "20", "0.1", "1", "0.500"],
    ]


def test_the_knee_comes_first_then_the_all_real_one_then_the_front(tabled):
    """The front is ab, bb, aa; aa is real in both layers. zz is in no table of trials; its result says what it is."""
    binary, real = ({"candidate": {"layer/stem": "real", "layer/block.0": one}} for one in ("bireal", "real"))
    names = ("cc00000000", "aa00000000", "ab00000000", "bb00000000")
    others = (("zz00000000", 0.5, {}, real), ("yy00000000", 0.5, {}, binary))
    table = tabled(*((name, 0.5, {}, {}) for name in names), *others)
    assert [row[0] for row in table.rows] == [
        "bb00000000 (knee)",
        "aa00000000 (all real)",
        "zz00000000 (all real)",
        "ab00000000",
        "cc00000000",
        "yy00000000",
    ]


@pytest.mark.parametrize(
    ("weights", "trained", "epochs"), [("null", False, "45"), ("own", False, "-"), ("imagenet", True, "45")]
)
def test_the_twin_has_a_row_with_its_own_epochs(tabled, tmp_path, weights, trained, epochs):
    """Of a twin that the user gave, and that the run has not trained, nobody knows them."""
    if trained:
        (tmp_path / layout.TEACHERS).mkdir()
        (tmp_path / layout.TEACHERS / "twin.safetensors").touch()
    config = f"teachers: {{twin: {{epochs: 45, weights: {weights}}}}}"
    table = tabled(("bb00000000", 0.7, {}, {"twin_test": {"map50": 0.8}}), config=config)
    assert table.rows[-1] == ["the real-valued twin, a teacher", "-", epochs, "1", "-", "0.800", "-"]


def test_a_run_without_results_names_the_command(tabled, tmp_path):
    with pytest.raises(RunError, match=f"bitfront retrain {tmp_path} --pick knee"):
        tabled()
