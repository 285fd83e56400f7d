"""A plan of comparisons is checked whole before anything is trained."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from search.config import ConfigError, config_text, load_config
from search.errors import RunError
from search.plan.sources import settled
from search.plan.space import fixed_candidate
from search.stages.candidate_training import described
from spaces.candidate import Candidate
from trainers.checkpoint import digest_of
from trainers.data.errors import DataError

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
TINY = """
name: tiny
device: cpu
data: {format: shapes, image_size: 96, shapes: {train: 16, val: 8, test: 8, image_size: 96}}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {twin: {epochs: 1, batch_size: 8}}
train: {layers: sign, epochs: 1, batch_size: 8}
"""
WAY_OUT = "Make them agree, give this one a folder of its own, or move what was trained there away."
WIDE = '{wide: ["student.width=0.25", "train.layers=real", "train.start=scratch"]}'


@pytest.fixture
def plans(monkeypatch, tmp_path):
    """The module, with a config `tiny.yaml` and no runs in the working folder."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY)
    return importlib.import_module("plan")


@pytest.fixture
def read(plans):
    def plan_of(text):
        Path("plan.yaml").write_text(text)
        return plans.read_plan(Path("plan.yaml"))

    return plan_of


def check(plan, seeds, overrides, data):
    with TemporaryDirectory() as place:
        plan.check(seeds, overrides, data, Path(place))


def refusal(plan, seeds=(0,)):
    with pytest.raises(ConfigError) as told:
        check(plan, seeds, [], None)
    assert not list(Path("runs").glob("*/lock"))
    return str(told.value)


def begun(folder, config):
    """A run folder in which something was trained."""
    (folder / "teachers").mkdir(parents=True)
    (folder / "teachers" / "twin.json").write_text("{}")
    (folder / "config.yaml").write_text(config_text(config))


def test_all_mistakes_in_a_plans_form_are_told_at_once(read):
    with pytest.raises(ConfigError) as told:
        read(
            """
            confg: tiny.yaml
            set: train.epochs=1
            teachers: {a: ["weights={b}"], b: [3]}
            comparisons:
              c: {arms: {}, foldr: x}
              d: {arms: {x: ["weights={aa}", "train.terms={fgfi: {weight: 1}}"], y: null}}
              e: [1]
            """
        )
    a_list = "must be a list of overrides such as [train.epochs=12]."
    assert str(told.value).splitlines() == [
        "plan.yaml: 10 mistakes",
        "  confg: 'confg' is not known. Did you mean 'config'? Known: comparisons, config, set, teachers.",
        "  config: is missing and has no default.",
        f"  set: is 'train.epochs=1', {a_list}",
        "  teachers.a: weights={b} needs a teacher {b} that the plan trains before: there is none.",
        f"  teachers.b: is [3], {a_list}",
        "  comparisons.c.foldr: 'foldr' is not known. Did you mean 'folder'? Known: arms, folder, set.",
        "  comparisons.c.arms: is {}, must be a mapping of names to lists of overrides.",
        "  comparisons.d.arms.x: weights={aa} needs a teacher {aa} that the plan trains before: "
        "'aa' is not known. Did you mean 'a'? Known: a, b.",
        f"  comparisons.d.arms.y: is None, {a_list}",
        "  comparisons.e: is [1], must be a mapping with arms.",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "plan.yaml: holds [1]; a plan is a mapping with config and comparisons."),
        ("config: [", "plan.yaml, line 1, column 10: "),
        ("config: a\nconfig: b", "plan.yaml, line 2: the key 'config' stands here and in line 1."),
        ("config: 3\ncomparisons: {a: {arms: {b: []}}}", "config: is 3, must be a file or the name of a preset."),
        ("config: a\ncomparisons: []", "comparisons: is [], must be a mapping of names to comparisons."),
        ("config: a\nteachers: 3\ncomparisons: {a: {arms: {b: []}}}", "teachers: is 3, must be a mapping of names"),
        ("config: a\ncomparisons: {a: {folder: 1, arms: {b: []}}}", "comparisons.a.folder: is 1, must be a name."),
    ],
)
def test_what_is_no_plan_is_told(read, text, message):
    with pytest.raises(ConfigError) as told:
        read(text)
    assert message in str(told.value)


NAMES = st.sampled_from(["x", "y", 1, None])
OVERRIDES = st.lists(st.sampled_from(["seed=1", "teachers.t.weights={x}", "{y}", ""]), max_size=2)
ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | OVERRIDES,
    lambda one: st.lists(one, max_size=2) | st.dictionaries(NAMES, one, max_size=2),
    max_leaves=4,
)


def maybe(strategy):
    """Nearly always what it should be."""
    return st.integers(0, 9).flatmap(lambda n: strategy if n else ANYTHING)


ARMS = maybe(st.dictionaries(NAMES, maybe(OVERRIDES), min_size=1, max_size=2))
COMPARISON = st.fixed_dictionaries({"arms": ARMS}, optional={"set": OVERRIDES, "folder": maybe(st.just("f"))})
PLANS = st.fixed_dictionaries(
    {"config": st.just("tiny.yaml"), "comparisons": maybe(st.dictionaries(NAMES, maybe(COMPARISON), max_size=2))},
    optional={"teachers": maybe(st.dictionaries(NAMES, OVERRIDES, max_size=2)), "set": maybe(st.just([]))},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(maybe(PLANS))
def test_whatever_a_file_holds_is_a_plan_or_one_message(plans, read, content):
    try:
        plan = read(yaml.safe_dump(content))
    except ConfigError as told:
        event("a message")
        refused = str(told)
    else:
        event("a plan")
        refused = "plan.yaml"
        assert all(isinstance(one, str) for arm in plan.arms for one in (arm.comparison, arm.name, *arm.overrides))
        assert plan.of(plan.comparisons).arms == plan.arms
    assert refused.startswith(("plan.yaml", "The plan plan.yaml"))


def test_an_anchors_keys_stand_behind_a_comparisons_own(read):
    plan = read(
        """
        config: tiny.yaml
        comparisons:
          one: &one {set: [seed=1], arms: {alone: [], taught: [seed=2]}}
          two: {<<: *one, folder: one, arms: {other: [seed=3]}}
          three: {<<: *one, set: [seed=4]}
        """
    )
    assert [(arm.label, arm.folder, arm.overrides) for arm in plan.arms] == [
        ("one, alone", "one", ("seed=1",)),
        ("one, taught", "one", ("seed=1", "seed=2")),
        ("two, other", "one", ("seed=1", "seed=3")),
        ("three, alone", "three", ("seed=4",)),
        ("three, taught", "three", ("seed=4", "seed=2")),
    ]


def test_comparisons_alone_keep_the_teachers_that_they_need(read):
    plan = read(
        """
        config: tiny.yaml
        teachers: {a: [], b: ["teachers.t.weights={a}"], c: []}
        comparisons:
          one: {set: ["teachers={x: {weights: {b}}, y: {width: 1}}"], arms: {alone: []}}
          two: {set: ["teachers.x.weights={c}"], arms: {alone: []}}
        """
    )
    assert list(plan.of(["one"]).teachers) == ["a", "b"]
    assert list(plan.of(["two"]).teachers) == ["c"]
    assert plan.of(["one"]).arms[0].placed({"b": Path("b.file")}) == ["teachers={x: {weights: b.file}, y: {width: 1}}"]
    with pytest.raises(ConfigError, match=r"--only: 'on' is not known. Did you mean 'one'\? Known: one, two\."):
        plan.of(["on"])


@pytest.mark.parametrize("name", ["gains_shapes.yaml", "gains_voc.yaml"])
def test_the_plans_that_come_along_are_right(plans, monkeypatch, tmp_path, name):
    root = None if "shapes" in name else os.environ.get("BITFRONT_VOC_ROOT")
    if root is None and "shapes" not in name:
        pytest.skip("BITFRONT_VOC_ROOT is not set")
    plan = plans.read_plan(EXAMPLES / name)
    monkeypatch.setattr(importlib.import_module("plan_check"), "RUNS", tmp_path / "runs")
    monkeypatch.chdir(ROOT)
    check(plan, [0], [], root)  # the first to do so waits for torch


def test_the_first_mistake_of_each_comparison_is_told_and_nothing_is_written(read, tmp_path):
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


def test_a_wrong_teacher_is_told_alone(read):
    plan = read('{config: tiny.yaml, teachers: {a: ["student.width=-1"]}, comparisons: {c: {arms: {x: [sed=1]}}}}')
    (head, mistake) = refusal(plan).splitlines()
    assert head == "The plan has a mistake; nothing was trained."
    assert mistake.startswith(
        "  teacher a, trained: tiny.yaml with --set seed=0 --set student.width=-1: student.width:"
    )


def test_arms_of_one_folder_agree_in_all_but_what_is_trained(read, tmp_path):
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


def test_arms_fit_what_lies_in_runs_for_every_seed(read, tmp_path):
    plan = read("{config: tiny.yaml, comparisons: {c: {arms: {x: []}}}}")
    run = tmp_path / "runs" / "c_seed1"
    begun(run, settled(load_config("tiny.yaml", ["seed=1"]), None))
    check(plan, [0, 1], [], None)
    check(plan, [1], ["train.epochs=3"], None)
    with pytest.raises(ConfigError) as told:
        check(plan, [0, 1], ["teachers.twin.epochs=3"], None)
    assert str(told.value).splitlines()[1] == (
        f"  c, x: {run} is the folder of what was trained there, with another config: "
        f"teachers.twin.epochs is 1 there, 3 here. {WAY_OUT}"
    )
    (run / "config.yaml").unlink()
    assert "c_seed1 is not empty and holds no config.yaml" in refusal(plan, [1])


def test_a_teacher_that_would_be_trained_anew_does_not_fit_the_arms_of_before(read, tmp_path):
    plan = read(
        f"""
        config: tiny.yaml
        teachers: {WIDE}
        comparisons: {{c: {{set: ["teachers.big.weights={{wide}}"], arms: {{x: []}}}}}}
        """
    )
    teacher = settled(load_config("tiny.yaml", ["seed=0", *plan.teachers["wide"].overrides]), None)
    place = tmp_path / "runs" / "teacher_wide_seed0" / "trained" / fixed_candidate(teacher).id
    file = place / "detector.safetensors"
    importlib.import_module("plan_check").save_untrained(file, teacher, Candidate({}))
    (place / "figures.json").write_text(json.dumps({"settings": {"epochs": 9}}))
    arm = settled(load_config("tiny.yaml", ["seed=0", f"teachers.big.weights={file}"]), None)
    begun(tmp_path / "runs" / "teacher_wide_seed0", teacher)
    begun(tmp_path / "runs" / "c_seed0", arm)
    assert f"teachers.big.weights is '{file}' there, '{place}.2/{file.name}' here" in refusal(plan)


@pytest.mark.parametrize(
    ("folder", "damage"),
    [("teacher_wide_seed1", Path.unlink), ("c_seed1", lambda file: file.write_bytes(b"another"))],
)
def test_a_finished_result_without_the_file_that_was_trained_is_told(read, tmp_path, folder, damage):
    plan = read(f"{{config: tiny.yaml, teachers: {WIDE}, comparisons: {{c: {{arms: {{x: []}}}}}}}}")
    arm = plan.teachers["wide"] if folder.startswith("teacher") else plan.arms[0]
    config = settled(load_config("tiny.yaml", ["seed=1", *arm.overrides]), None)
    settings = {**described(config.train), "start": config.train.start}
    place = tmp_path / "runs" / folder / "trained" / fixed_candidate(config).id
    file = place / "detector.safetensors"
    begun(tmp_path / "runs" / folder, config)
    place.mkdir(parents=True)
    file.write_bytes(b"the detector")
    (place / "figures.json").write_text(json.dumps({"settings": settings, "sha256": digest_of(file)}))
    check(plan, [0, 1], [], None)
    damage(file)
    (mistake,) = refusal(plan, (0, 1)).splitlines()[1:]
    assert mistake.startswith(f"  {arm.label}: {file} is not the file that the run wrote")
    assert f"or delete {place}, and the run trains it again." in mistake


def run_example(script, *arguments):
    return subprocess.run(
        [sys.executable, EXAMPLES / script, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )


LATE = "{config: tiny.yaml, comparisons: {c: {arms: {x: [], y: ['train.terms={angula: {}}']}}}}"


def test_a_late_mistake_ends_a_comparison_with_one_message_and_2(plans):
    """A real process, which loads torch: some five seconds."""
    Path("plan.yaml").write_text(LATE)
    done = run_example("compare.py", "plan.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    head, mistake = done.stderr.splitlines()
    assert head == "Error: The plan has a mistake; nothing was trained."
    assert mistake.startswith("  c, y: tiny.yaml with --set seed=0")
    assert "train.terms.angula: 'angula' is not known." in mistake
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["plan.yaml", "tiny.yaml"]


def test_a_mistake_that_comes_late_says_whose_it_is(read, monkeypatch):
    compare = importlib.import_module("compare")

    def refused(config, overrides, folder, data):
        raise DataError("an image", "is truncated")

    monkeypatch.setattr(compare, "trained", refused)
    plan = read("{config: tiny.yaml, comparisons: {c: {arms: {x: []}}}}")
    with pytest.raises(RunError, match=r"^seed 3, c, x: an image: is truncated\."):
        compare.all_of_a_seed(plan, None, [], 3)


def test_a_batch_that_no_image_set_fills_is_told_for_a_late_arm(read):
    plan = read("{config: tiny.yaml, comparisons: {c: {arms: {x: [], y: [train.batch_size=17]}}}}")
    (mistake,) = refusal(plan).splitlines()[1:]
    assert mistake.startswith("  c, y: train.batch_size is 17, but train has 16 images.")


def test_an_ablations_methods_are_a_plan(plans):
    ablation = importlib.import_module("ablation")
    plan = ablation.planned("tiny.yaml", ["sign", "dbs/lws"], ["name=other"], ["backbone.layer1"])
    assert [(arm.name, arm.folder) for arm in plan.arms] == [("sign", "other"), ("dbs/lws", "other")]
    assert plan.arms[0].overrides == ("train.layers={backbone.layer1: sign}", "name=other")
    check(plan, [0], (), None)
    assert "  methods, sgn: " in refusal(ablation.planned("tiny.yaml", ["sign", "sgn"], [], []))
    assert "has no layer called backbone.layer9" in refusal(
        ablation.planned("tiny.yaml", ["sign"], [], ["backbone.layer9"])
    )


def test_a_search_of_scores_fits_its_run_folder_for_every_seed(plans, tmp_path):
    scores = importlib.import_module("score_agreement")
    overrides = ["teachers={useless: {}, big: {width: 0.25}}"]
    useless = tmp_path / "runs" / "useless_seed1.safetensors"
    config = settled(load_config("tiny.yaml", ["seed=1", *overrides]), None)
    teacher = config.teachers["useless"].model_copy(update={"weights": str(useless)})
    teachers = {**config.teachers, "useless": teacher}
    begun(tmp_path / "runs" / "tiny_seed1", config.model_copy(update={"teachers": teachers}))
    useless.touch()
    scores.check("tiny.yaml", "big", [0, 1], overrides)
    with pytest.raises(
        RunError, match=r"tiny_seed1 holds a run of another config: supernet\.epochs is 20 there, 3 here"
    ):
        scores.check("tiny.yaml", "big", [0, 1], [*overrides, "supernet.epochs=3"])
    with pytest.raises(ConfigError, match=r"--useful: 'bigg' is not known\. Did you mean 'big'\?"):
        scores.check("tiny.yaml", "bigg", [0], overrides)


@pytest.mark.slow
def test_a_comparison_trains_its_arms_once_and_goes_on_from_what_it_has(plans):
    Path("plan.yaml").write_text(
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
