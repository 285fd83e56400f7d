"""Training the arms of a plan, in processes of their own, and the table of their figures."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from search.comparison.arms import read_plan
from search.comparison.arms_training import Figures, comparison_rows, train_arms
from search.errors import RunError
from trainers.data.errors import DataError

WIDE = '{wide: ["student.width=0.25", "train.layers=real", "train.start=scratch"]}'
LATE = "{config: tiny.yaml, comparisons: {c: {arms: {x: [], y: ['train.terms={angula: {}}']}}}}"


def test_a_late_mistake_ends_a_comparison_with_one_message_and_2(plan_file, run_compare):
    """A real process, which loads torch: some five seconds."""
    done = run_compare(plan_file(LATE))
    assert (done.returncode, done.stdout) == (2, "")
    head, mistake = done.stderr.splitlines()
    assert head == "Error: The plan has a mistake; nothing was trained."
    assert mistake.startswith("  c, y: tiny.yaml with --set seed=0")
    assert "train.terms.angula: 'angula' is not known." in mistake
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["plan.yaml", "tiny.yaml"]


def test_a_mistake_that_comes_late_names_its_seed_and_arm(plan_file, monkeypatch):
    def refused(*arguments):
        raise DataError("an image", "is truncated")

    monkeypatch.setattr("search.stages.train.run_train", refused)
    plan = read_plan(plan_file("{config: tiny.yaml, comparisons: {c: {arms: {x: []}}}}"))
    with pytest.raises(RunError, match=r"^seed 3, c, x: an image: is truncated\."):
        train_arms(plan, None, [], 3)


def test_arms_take_the_teachers_files_and_the_overrides_in_their_order(plan_file, monkeypatch, tmp_path, capsys):
    trained = []

    def run_train(config, folder, data):
        trained.append((config.name, folder.name, config.seed, config.train.epochs, config.teachers.get("big")))
        (tmp_path / "wide.safetensors").touch()
        return SimpleNamespace(test={"map50": 0.25}, twin_test={"map50": 0.5}, checkpoint=tmp_path / "wide.safetensors")

    monkeypatch.setattr("search.stages.train.run_train", run_train)
    arms = '{c: {set: ["teachers.big.weights={wide}"], arms: {x: [], y: [train.epochs=7]}}}'
    plan = read_plan(plan_file(f"{{config: tiny.yaml, set: [train.epochs=3], teachers: {WIDE}, comparisons: {arms}}}"))
    figures = train_arms(plan, None, ["train.epochs=5"], 2)
    assert figures == dict.fromkeys([("teacher wide", "trained"), ("c", "x"), ("c", "y")], Figures(0.25, 0.5))
    assert [one[:4] for one in trained] == [
        ("tiny", "teacher_wide_seed2", 2, 5),
        ("tiny", "c_seed2", 2, 5),
        ("tiny", "c_seed2", 2, 7),
    ]
    assert [one[4] and one[4].weights for one in trained] == [None, *[str(tmp_path / "wide.safetensors")] * 2]
    assert capsys.readouterr().err.splitlines()[1] == "seed 2, c, x: map50 0.2500, twin 0.5000"


def test_a_comparison_is_a_table_of_points_over_the_arms_that_it_is_against(plan_file):
    plan = read_plan(plan_file("{config: tiny.yaml, comparisons: {c: {arms: {x: [], y: []}}, d: {arms: {x: []}}}}"))
    seeds = [
        {("c", "x"): Figures(0.1, 0.5), ("c", "y"): Figures(0.11, 0.5), ("d", "x"): Figures(0.5, None)},
        {("c", "x"): Figures(0.2, 0.75), ("c", "y"): Figures(0.23, 0.75), ("d", "x"): Figures(0.5, None)},
    ]
    assert [list(row.values()) for row in comparison_rows(plan, [3, 4], seeds)] == [
        ["c", "(twin)", "0.5000", "0.7500", "0.6250", "+47.5 ± 95.3"],
        ["c", "x", "0.1000", "0.2000", "0.1500", ""],
        ["c", "y", "0.1100", "0.2300", "0.1700", "+2.0 ± 12.7"],
        ["d", "x", "0.5000", "0.5000", "0.5000", ""],
    ]
    assert list(comparison_rows(plan, [3, 4], seeds)[0]) == ["comparison", "arm", "seed 3", "seed 4", "mean", "- x"]


@pytest.mark.slow
def test_a_comparison_trains_its_arms_once_and_goes_on_from_what_it_has(plan_file, run_compare):
    plan_file(
        f"""
        config: tiny.yaml
        teachers: {WIDE}
        comparisons:
          hint:
            set: ["teachers.big.weights={{wide}}"]
            arms: {{alone: [], taught: ["train.terms={{feature_hint: {{teacher: big}}}}"]}}
        """
    )
    done = run_compare("plan.yaml", "--seeds", 0, 1, "--format", "csv")
    assert done.returncode == 0, done.stderr
    rows = [line.split(",")[:2] for line in done.stdout.splitlines()[1:]]
    assert rows == [["teacher wide", "trained"], ["hint", "(twin)"], ["hint", "alone"], ["hint", "taught"]]
    written = {file: file.stat().st_mtime_ns for file in Path("runs").glob("*/trained/*/*")}
    names = {"candidate.json", "curves.json", "detector.safetensors", "figures.json"}
    assert {file.name for file in written} == names
    assert len(written) == 2 * 3 * len(names)
    assert run_compare("plan.yaml", "--seeds", 0, 1, "--format", "csv").stdout == done.stdout
    assert {file: file.stat().st_mtime_ns for file in written} == written
    changed = run_compare("plan.yaml", "--seeds", 0, 1, "--set", "teachers.twin.epochs=2")
    assert changed.returncode == 2
    assert "teacher_wide_seed0 is the folder of what was trained there, with another config" in changed.stderr
