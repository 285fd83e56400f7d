"""A plan of comparisons is checked whole before anything is trained."""

import json
import os
from functools import cache
from pathlib import Path

import pytest

from search.comparison import arms_check
from search.comparison.arms import read_plan
from search.comparison.arms_check import check_plan, save_untrained
from search.config import ConfigError, config_text, load_config
from search.plan import sources
from search.plan.plan import plan_training
from search.plan.sources import settled
from search.stages.candidate_training import described
from spaces.candidate import Candidate
from trainers.detector_file import load_detector
from trainers.whole_files import digest_of

ROOT = Path(__file__).parents[3]
WAY_OUT = "Make them agree, give this one a folder of its own, or move what was trained there away."
WIDE = '{wide: ["student.width=0.25", "train.layers=real", "train.start=scratch"]}'


@pytest.fixture
def read(plan_file):
    return lambda text: read_plan(plan_file(text))


@pytest.fixture
def check(tmp_path_factory):
    def run(plan, seeds=(0,), overrides=(), data=None):
        check_plan(plan, seeds, overrides, data, tmp_path_factory.mktemp("stand_ins"))

    return run


@pytest.fixture
def refusal(check):
    """Checks a plan that is wrong; returns the message."""

    def run(plan, seeds=(0,)):
        with pytest.raises(ConfigError) as caught:
            check(plan, seeds)
        assert not list(Path("runs").glob("*/lock"))
        return str(caught.value)

    return run


def begun(folder, config):
    """A run folder in which something was trained."""
    (folder / "teachers").mkdir(parents=True)
    (folder / "teachers" / "twin.json").write_text("{}")
    (folder / "config.yaml").write_text(config_text(config))


@pytest.fixture
def _read_once(monkeypatch):
    """The arms of a plan share their images and teachers, of which no file changes while the plan is checked."""
    listed = {}

    def check_image_sets(data):
        key = data.model_dump_json()
        if key not in listed:
            listed[key] = sources.check_image_sets(data)
        return listed[key]

    monkeypatch.setattr("search.plan.plan.check_image_sets", check_image_sets)
    monkeypatch.setattr("search.plan.teachers.load_detector", cache(load_detector))


@pytest.mark.usefixtures("_read_once")
@pytest.mark.parametrize(
    "name",
    [
        "gains_shapes.yaml",
        "gains_voc.yaml",
        "methods_shapes.yaml",
        "methods_voc.yaml",
        "gap_shapes.yaml",
        "lws_conditions_shapes.yaml",
        "gap_voc.yaml",
    ],
)
def test_the_plans_that_come_along_are_right(check, monkeypatch, tmp_path, name):
    root = None if "shapes" in name else os.environ.get("BITFRONT_VOC_ROOT")
    if root is None and "shapes" not in name:
        pytest.skip("BITFRONT_VOC_ROOT is not set")
    monkeypatch.setattr(arms_check, "RUNS", tmp_path / "runs")
    monkeypatch.chdir(ROOT)
    check(read_plan(Path("examples", name)), [0], [], root)


def test_the_first_mistake_of_each_comparison_is_told_and_nothing_is_written(read, refusal, tmp_path):
    plan = read(
        f"""
        config: tiny.yaml
        teachers: {WIDE}
        comparisons:
          late:
            set: ["teachers.big.weights={{wide}}"]
            arms: {{alone: [], taught: ["train.terms={{angula: {{weight: 1}}}}"], again: [sed=1]}}
          right: {{arms: {{alone: []}}}}
          layers: {{arms: {{alone: ["train.layers={{backbone.layer9: sign}}"]}}}}
          images: {{set: ["teachers.big.weights={{wide}}"], arms: {{alone: ["data.image_size=128"]}}}}
        """
    )
    head, late, layers, images = refusal(plan).splitlines()
    assert head == "The plan has 3 mistakes; nothing was trained."
    assert late.startswith("  late, taught: tiny.yaml with --set seed=0")
    assert "train.terms.angula: 'angula' is not known. Did you mean 'angular'?" in late
    assert layers.startswith("  layers, alone: train.layers: ")
    file = rf"{tmp_path}/runs/teacher_wide_seed0/trained/"
    assert images.startswith(f"  images, alone: teachers.big.weights: {file}")
    assert "it was trained at 96 pixels, but data.image_size is 128" in images
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan.yaml", "tiny.yaml"]


def test_an_arm_may_start_from_a_network_of_few_bits_that_the_plan_trains_first(read, check, refusal, tmp_path):
    text = """
        config: tiny.yaml
        teachers: {int2: ["train.layers=int2"], wide: ["train.layers=int2", "student.width=0.25"]}
        comparisons: {c: {arms: {x: ["train.layers=react", "train.start={NAME}"]}}}
        """
    check(read(text.replace("NAME", "int2")))
    file = rf"{tmp_path}/runs/teacher_wide_seed0/trained/"
    (mistake,) = refusal(read(text.replace("NAME", "wide"))).splitlines()[1:]
    assert mistake.startswith(f"  c, x: train.start: {file}")
    assert mistake.endswith(
        "can't be the start: its width is 0.25, but the student's is 0.125. Give another file, or twin or scratch."
    )


def test_a_wrong_teacher_is_told_alone(read, refusal):
    plan = read('{config: tiny.yaml, teachers: {a: ["student.width=-1"]}, comparisons: {c: {arms: {x: [sed=1]}}}}')
    (head, mistake) = refusal(plan).splitlines()
    assert head == "The plan has a mistake; nothing was trained."
    assert mistake.startswith(
        "  teacher a, trained: tiny.yaml with --set seed=0 --set student.width=-1: student.width:"
    )


def test_arms_of_one_folder_agree_in_all_but_what_is_trained(read, refusal, tmp_path):
    plan = read(
        """
        config: tiny.yaml
        comparisons:
          a: {folder: one, arms: {x: [], y: [train.epochs=2, train.layers=bireal]}}
          b: {folder: one, arms: {x: [data.shapes.train=32]}}
        """
    )
    assert refusal(plan).splitlines()[1] == (
        f"  b, x: {tmp_path}/runs/one_seed0 is the folder of a, x, with another config: "
        f"data.shapes.train is 16 there, 32 here. {WAY_OUT}"
    )


def test_arms_fit_what_lies_in_runs_for_every_seed(read, check, refusal, tmp_path):
    plan = read("{config: tiny.yaml, comparisons: {c: {arms: {x: []}}}}")
    run = tmp_path / "runs" / "c_seed1"
    begun(run, settled(load_config("tiny.yaml", ["seed=1"]), None))
    check(plan, [0, 1])
    check(plan, [1], ["train.epochs=3"], None)
    with pytest.raises(ConfigError) as caught:
        check(plan, [0, 1], ["teachers.twin.epochs=3"], None)
    assert str(caught.value).splitlines()[1] == (
        f"  c, x: {run} is the folder of what was trained there, with another config: "
        f"teachers.twin.epochs is 1 there, 3 here. {WAY_OUT}"
    )
    (run / "config.yaml").unlink()
    assert "c_seed1 is not empty and holds no config.yaml" in refusal(plan, [1])


def test_a_teacher_that_would_be_trained_anew_does_not_fit_the_arms_of_before(read, refusal, tmp_path):
    plan = read(
        f"""
        config: tiny.yaml
        teachers: {WIDE}
        comparisons: {{c: {{set: ["teachers.big.weights={{wide}}"], arms: {{x: []}}}}}}
        """
    )
    planned = plan_training(load_config("tiny.yaml", ["seed=0", *plan.teachers["wide"].overrides]), None)
    teacher = planned.base.config
    place = tmp_path / "runs" / "teacher_wide_seed0" / "trained" / planned.candidate.id
    file = place / "detector.safetensors"
    save_untrained(file, teacher, Candidate({}))
    (place / "figures.json").write_text(json.dumps({"settings": {"epochs": 9}}))
    arm = settled(load_config("tiny.yaml", ["seed=0", f"teachers.big.weights={file}"]), None)
    begun(tmp_path / "runs" / "teacher_wide_seed0", teacher)
    begun(tmp_path / "runs" / "c_seed0", arm)
    assert f"teachers.big.weights is '{file}' there, '{place}.2/{file.name}' here" in refusal(plan)


@pytest.mark.parametrize(
    ("folder", "damage"),
    [("teacher_wide_seed1", Path.unlink), ("c_seed1", lambda file: file.write_bytes(b"another"))],
)
def test_a_finished_result_without_the_file_that_was_trained_is_refused(read, check, refusal, tmp_path, folder, damage):
    plan = read(f"{{config: tiny.yaml, teachers: {WIDE}, comparisons: {{c: {{arms: {{x: []}}}}}}}}")
    arm = plan.teachers["wide"] if folder.startswith("teacher") else plan.arms[0]
    planned = plan_training(load_config("tiny.yaml", ["seed=1", *arm.overrides]), None)
    config = planned.base.config
    place = tmp_path / "runs" / folder / "trained" / planned.candidate.id
    file = place / "detector.safetensors"
    begun(tmp_path / "runs" / folder, config)
    place.mkdir(parents=True)
    file.write_bytes(b"the detector")
    (place / "figures.json").write_text(json.dumps({"settings": described(config.train), "sha256": digest_of(file)}))
    check(plan, [0, 1])
    damage(file)
    (mistake,) = refusal(plan, (0, 1)).splitlines()[1:]
    assert mistake.startswith(f"  {arm.label}: {file} is not the file that the run wrote")
    assert f"or delete {place}, and the run trains it again." in mistake


def test_a_batch_that_no_image_set_fills_is_told_for_a_late_arm(read, refusal):
    plan = read("{config: tiny.yaml, comparisons: {c: {arms: {x: [], y: [train.batch_size=17]}}}}")
    (mistake,) = refusal(plan).splitlines()[1:]
    assert mistake.startswith("  c, y: train.batch_size is 17, but train has 16 images.")
