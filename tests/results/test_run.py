import subprocess
import sys

import pandas as pd
import pytest

import results
from results import RunError, open_run, write_run_tables


def opened(run_dir, records):
    write_run_tables(run_dir, records, x="bit_ops", y="map50")
    return open_run(run_dir)


@pytest.fixture(scope="module")
def run(tmp_path_factory, hand_worked):
    return opened(tmp_path_factory.mktemp("run"), hand_worked)


def test_a_run_knows_its_folder_and_every_trial(run, records):
    assert (run.path / "trials.parquet").is_file()
    assert run.trials["id"].tolist() == [record["id"] for record in records]


def test_the_front_of_other_columns_is_worked_out_anew(tmp_path, records):
    for record in records:
        record["map50_11"] = 0.1 if record["id"] == "aa00000000" else record["map50"]
    front = opened(tmp_path, records).front(x="ops", y="map50_11")
    assert front["id"].tolist() == ["ab00000000", "bb00000000"]


@pytest.fixture
def run_over_memory(tmp_path, records, fronts_are_drawn):
    """A search over other axes: what is dearest in bit_ops is cheapest in memory, and the other way round."""
    for record in records:
        record["memory_mb"] = 100.0 / record["bit_ops"]
        record["map50_11"] = 1.0 - record["map50"] if record["map50"] is not None else None
    write_run_tables(tmp_path, records, x="memory_mb", y="map50_11")
    return open_run(tmp_path)


def test_every_question_is_about_the_axes_of_the_search(run_over_memory, tmp_path):
    run = run_over_memory
    assert (run.x, run.y) == ("memory_mb", "map50_11")
    flagged = run.trials[run.trials["front"]].drop_duplicates(["memory_mb", "map50_11"])
    assert run.front()["id"].tolist() == flagged.sort_values("memory_mb")["id"].tolist()
    assert run.front()["id"].tolist() == ["aa00000000", "dd00000000", "ab00000000"]
    assert run.front()["id"].tolist() == pd.read_csv(tmp_path / "front.csv")["id"].tolist()
    assert run.knee() == run.knee(x="memory_mb", y="map50_11") != run.knee(x="bit_ops", y="map50")
    run.plot(tmp_path / "own.png")
    assert (tmp_path / "own.png").read_bytes() == (tmp_path / "front.png").read_bytes()


def test_one_axis_can_be_another_than_that_of_the_search(run_over_memory, tmp_path):
    pd.testing.assert_frame_equal(run_over_memory.front(x="ops"), run_over_memory.front(x="ops", y="map50_11"))
    pd.testing.assert_frame_equal(run_over_memory.front(y="map50"), run_over_memory.front(x="memory_mb", y="map50"))


def test_a_table_from_before_axes_were_noted_has_the_usual_ones(tmp_path, records):
    before = opened(tmp_path, records)
    (tmp_path / "trials.parquet").unlink()
    before.trials.to_parquet(tmp_path / "trials.parquet")
    run = open_run(tmp_path)
    assert (run.x, run.y) == ("bit_ops", "map50")
    pd.testing.assert_frame_equal(run.front(), before.front())


def test_the_knee_leads_to_its_candidate(run):
    assert run.knee() == "bb00000000"
    assert run.candidate(run.knee()) == {
        "layer/stem": "real",
        "layer/block.0": "bireal",
        "teacher/hint": "twin",
        "weight/hint": 0.1 + 0.2,
    }


def test_a_candidate_has_plain_values_and_no_dropped_knobs(run):
    candidate = run.candidate("cc00000000")
    assert "weight/hint" not in candidate
    assert {type(value) for value in candidate.values()} == {str}
    assert type(run.candidate("bb00000000")["weight/hint"]) is float


def test_the_beginning_of_an_id_is_enough_when_only_one_has_it(run):
    assert run.candidate("b") == run.candidate("bb00000000")
    with pytest.raises(RunError, match=r"'a' begins 2 ids: aa00000000, ab00000000. Give more of it"):
        run.candidate("a")


def test_an_id_that_is_also_the_beginning_of_another_means_itself(tmp_path, records):
    records[3]["id"] = "bb"
    assert "weight/hint" not in opened(tmp_path, records).candidate("bb")


@pytest.mark.parametrize("name", ["bb00000001", ""])
def test_an_unknown_id_is_answered_with_the_nearest_and_those_of_the_front(run, name):
    with pytest.raises(RunError) as refused:
        run.candidate(name)
    nearest = " Did you mean 'bb00000000'?" if name else ""
    front = (
        f"{', '.join(run.front()['id'])} (bitfront front {run.path}); run.trials has all {run.trials['id'].nunique()}."
    )
    assert str(refused.value) == f"No candidate is called '{name}'.{nearest} On the front: {front}"


def test_the_nearest_id_is_suggested(run):
    with pytest.raises(RunError, match="Did you mean 'bb00000000'"):
        run.candidate("bb0000000x")


def test_hypervolume_is_the_area_of_the_staircase(run):
    # 100..400 at 0.30, 400..1000 at 0.66, 1000..2000 at 0.70.
    expected = 300 * 0.30 + 600 * 0.66 + 1000 * 0.70
    assert run.hypervolume({"bit_ops": 2000, "map50": 0.0}) == pytest.approx(expected)
    assert run.hypervolume({"map50": 0.0, "bit_ops": 2000}) == pytest.approx(expected)


def test_hypervolume_of_three_columns(run):
    # memory_bits is 8 everywhere, so the volume is the area times the 2 bits below the reference.
    area = run.hypervolume({"bit_ops": 2000, "map50": 0.0})
    assert run.hypervolume({"bit_ops": 2000, "map50": 0.0, "memory_bits": 10}) == pytest.approx(2 * area)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"bit_opps": 1, "map50": 0}, "No measured column is called 'bit_opps'. Did you mean 'bit_ops'"),
        ({"seconds_adapt": 1, "map50": 0}, "No accuracy or cost is called 'seconds_adapt'"),
        ({"bit_ops": float("nan"), "map50": 0}, "every number in it must be finite"),
        ({"map50": 0}, r"must be \(2,\) or \(3,\)"),
    ],
)
def test_a_reference_that_measures_nothing_is_refused(run, reference, message):
    with pytest.raises(RunError, match=message):
        run.hypervolume(reference)


@pytest.mark.parametrize("question", [lambda run: run.front(x="bitops"), lambda run: run.knee(x="bitops")])
def test_an_unknown_column_is_answered_with_the_known_ones(run, question):
    with pytest.raises(RunError, match=r"No measured column is called 'bitops'. Did you mean 'bit_ops'.*Known: map50"):
        question(run)


def test_a_front_with_a_cost_of_zero_has_no_knee(tmp_path, records):
    run = opened(tmp_path, [record | {"macs_8bit": 0.0} for record in records])
    with pytest.raises(
        RunError, match=r"front over macs_8bit has no knee: The lowest cost .* is 0.*Choose another cost"
    ):
        run.knee(x="macs_8bit")


def test_without_a_complete_trial_every_question_says_why(tmp_path, records):
    run = opened(tmp_path, [records[5]])
    for question in (run.front, run.knee, lambda: run.hypervolume({"bit_ops": 1, "map50": 0})):
        with pytest.raises(RunError, match=r"has no complete trial: all 1 so far failed.*'reason'"):
            question()


def test_without_any_trial_the_message_says_so(tmp_path):
    with pytest.raises(RunError, match="has no complete trial: nothing has been scored yet"):
        opened(tmp_path, []).front()


def test_without_a_feasible_trial_the_budgets_are_named(tmp_path, records):
    run = opened(tmp_path, [records[6]])
    with pytest.raises(
        RunError, match=r"None of the 1 complete trials .* within the budgets.*Loosen search.constraints"
    ):
        run.front()


def test_columns_without_a_value_have_no_front(tmp_path, records):
    run = opened(tmp_path, [record | {"ap": None} for record in records])
    with pytest.raises(RunError, match=r"No trial in .* has both bit_ops and ap"):
        run.front(y="ap")


def test_a_missing_folder_says_how_to_start_a_run(tmp_path):
    with pytest.raises(RunError, match=r"nowhere does not exist. Start a run with `bitfront search CONFIG --run-dir"):
        open_run(tmp_path / "nowhere")


def test_a_file_is_no_run(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is a file, not a run folder"):
        open_run(tmp_path / "file")


def test_a_folder_without_a_config_is_no_run(tmp_path):
    with pytest.raises(RunError, match=r"holds no run: there is no config.yaml in it. Start one with: bitfront search"):
        open_run(tmp_path)


def test_a_run_without_trials_says_how_to_go_on(tmp_path):
    (tmp_path / "config.yaml").touch()
    message = (
        r"has no trials.parquet yet: its search has scored nothing. Go on .*: bitfront search \S+/config.yaml --run-"
    )
    with pytest.raises(RunError, match=message):
        open_run(tmp_path)


def test_a_run_that_was_trained_alone_has_no_search_to_go_on_with(tmp_path):
    (tmp_path / "trained").mkdir()
    with pytest.raises(RunError, match=r"has no trials.parquet: `bitfront train` made it, without a search"):
        open_run(tmp_path)


def test_another_table_is_not_taken_for_trials(tmp_path):
    pd.DataFrame({"id": ["aa"], "map50": [0.5]}).to_parquet(tmp_path / "trials.parquet")
    with pytest.raises(RunError, match="is no trials table: it lacks number, state, reason, feasible, front"):
        open_run(tmp_path)


def test_a_run_plots_itself(run, tmp_path):
    run.plot(tmp_path / "again.png", references={"aa00000000": "all real"})
    assert (tmp_path / "again.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("imported", "heavy"),
    [
        ("results.run", ("matplotlib", "torch", "optuna", "ray")),
        ("results.figures", ("pandas", "numpy", "matplotlib")),  # a refused config must not wait for pandas
        ("results.errors", ("pandas", "numpy", "matplotlib")),
    ],
)
def test_an_import_brings_in_no_library_that_it_does_not_need(imported, heavy):
    code = f"import sys, {imported}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_each_exported_name_is_loaded_from_its_module():
    assert [name for name in results.__all__ if getattr(results, name).__name__ != name] == []
    with pytest.raises(AttributeError, match="module 'results' has no attribute 'front'"):
        _ = results.__getattr__("front")


def test_the_package_exports_what_its_users_need():
    assert set(results.__all__) == {
        *["open_run", "Run", "RunError", "write_run_tables", "pareto_mask", "hypervolume", "knee"],
        *["compare", "Comparison", "export"],
    }
