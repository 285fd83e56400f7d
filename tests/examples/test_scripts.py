"""The scripts of examples/ in processes of their own, and the figures that they compare."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import score_agreement
from ablation import print_table as print_ablation
from compare import print_table as print_comparison
from experiments.plan import read_plan
from experiments.training import Figures, train_arms

from search.config import ConfigError, config_text, load_config
from search.errors import RunError
from search.plan.sources import settled
from trainers.data.errors import DataError

WIDE = '{wide: ["student.width=0.25", "train.layers=real", "train.start=scratch"]}'
LATE = "{config: tiny.yaml, comparisons: {c: {arms: {x: [], y: ['train.terms={angula: {}}']}}}}"


def test_a_late_mistake_ends_a_comparison_with_one_message_and_2(plan_file, run_example):
    """A real process, which loads torch: some five seconds."""
    done = run_example("compare.py", plan_file(LATE))
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
    assert capsys.readouterr().out.splitlines()[1] == "seed 2, c, x: map50 0.2500, twin 0.5000"


def test_a_comparison_is_a_table_of_differences_from_the_first_arm(capsys):
    seeds = [
        {("c", "x"): Figures(0.1, None), ("c", "y"): Figures(0.11, None), ("d", "x"): Figures(0.5, None)},
        {("c", "x"): Figures(0.2, None), ("c", "y"): Figures(0.23, None), ("d", "x"): Figures(0.5, None)},
    ]
    print_comparison([3, 4], seeds)
    assert capsys.readouterr().out.splitlines() == [
        "",
        "| comparison | arm | seed 3 | seed 4 | mean | points |",
        "| --- | --- | --- | --- | --- | --- |",
        "| c | x | 0.100 | 0.200 | 0.150 |  |",
        "| c | y | 0.110 | 0.230 | 0.170 | +2.0 ± 12.7 |",
        "| d | x | 0.500 | 0.500 | 0.500 |  |",
    ]


def test_an_ablation_is_a_table_of_methods_beside_the_twin(capsys):
    methods = {"sign": 0.25, "dbs": 0.5}
    print_ablation([0], list(methods), [{("methods", name): Figures(map50, 0.75) for name, map50 in methods.items()}])
    rows = [re.split(r" {2,}", line) for line in capsys.readouterr().out.splitlines()[1:]]
    assert rows == [
        ["method", "seed 0", "mean", "- sign"],
        ["twin", "0.7500", "0.7500", "+50.0"],
        ["sign", "0.2500", "0.2500", "+0.0"],
        ["dbs", "0.5000", "0.5000", "+25.0"],
    ]


def test_a_search_of_scores_fits_its_run_folder_for_every_seed(tiny, tmp_path):
    overrides = ["teachers={useless: {}, big: {width: 0.25}}"]
    useless = tmp_path / "runs" / "useless_seed1.safetensors"
    config = settled(load_config("tiny.yaml", ["seed=1", *overrides]), None)
    teacher = config.teachers["useless"].model_copy(update={"weights": str(useless)})
    teachers = {**config.teachers, "useless": teacher}
    run = tmp_path / "runs" / "tiny_seed1"
    (run / "teachers").mkdir(parents=True)
    (run / "teachers" / "twin.json").write_text("{}")
    (run / "config.yaml").write_text(config_text(config.model_copy(update={"teachers": teachers})))
    useless.touch()
    score_agreement.check("tiny.yaml", "big", [0, 1], overrides)
    with pytest.raises(
        RunError, match=r"tiny_seed1 holds a run of another config: supernet\.epochs is 20 there, 3 here"
    ):
        score_agreement.check("tiny.yaml", "big", [0, 1], [*overrides, "supernet.epochs=3"])
    with pytest.raises(ConfigError, match=r"--useful: 'bigg' is not known\. Did you mean 'big'\?"):
        score_agreement.check("tiny.yaml", "bigg", [0], overrides)


@pytest.mark.slow
def test_a_comparison_trains_its_arms_once_and_goes_on_from_what_it_has(plan_file, run_example):
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
    done = run_example("compare.py", "plan.yaml", "--seeds", 0, 1)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in done.stdout.splitlines() if "|" in line]
    assert rows[2:] == [["teacher wide", "trained"], ["hint", "alone"], ["hint", "taught"]]
    written = {file: file.stat().st_mtime_ns for file in Path("runs").glob("*/trained/*/*")}
    assert len(written) == 2 * 3 * 3
    assert run_example("compare.py", "plan.yaml", "--seeds", 0, 1).stdout == done.stdout
    assert {file: file.stat().st_mtime_ns for file in written} == written
    changed = run_example("compare.py", "plan.yaml", "--seeds", 0, 1, "--set", "teachers.twin.epochs=2")
    assert changed.returncode == 2
    assert "teacher_wide_seed0 is the folder of what was trained there, with another config" in changed.stderr
