"""What follows from a whole config: built once, frozen, and without a file."""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
import torch

from search.config import ConfigError
from search.plan.plan import plan_search, plan_training
from search.plan.published import Start
from spaces.candidate import Candidate
from spaces.cost import layer_costs, totals
from spaces.cost_table import CostTable
from spaces.detectors import DetectorSpec
from spaces.space import Knob
from spaces.supernet import build_fixed
from trainers.data.shapes.writer import SHAPE_CLASSES
from trainers.distill.ensemble import Ensemble

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=len(SHAPE_CLASSES), image_size=96, width=0.125)
STAGES = [f"backbone.layer{stage}" for stage in (1, 2, 3, 4)]
TAUGHT = {
    "teachers": {"big": {"width": 0.25}, "idle": {}},
    "space": {
        "granularity": "stage",
        "layers": {"methods": ["real", "sign"]},
        "terms": {"feature_hint": {"teachers": ["none", "big"]}, "angular": {}},
    },
}
ONCE = ("class_names", "student_spec", "layer_choices", "build_space", "uniform_candidates", "plan_teachers")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the functions of `ONCE` are called, from whichever module of search/."""
    counted: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **keywords: object) -> object:
            counted[name] += 1
            return function(*arguments, **keywords)

        return call

    for module in [one for name, one in sys.modules.items() if name.startswith("search.")]:
        for name in ONCE:
            if callable(function := getattr(module, name, None)):
                monkeypatch.setattr(module, name, counting(name, function))
    return counted


def all_of(method: str) -> Candidate:
    return Candidate({f"layer/{stage}": method for stage in STAGES})


def test_a_search_without_terms_has_a_student_and_a_twin(tiny_config):
    config = tiny_config()
    plan = plan_search(config, None)
    base = plan.base
    assert base.config == config
    assert (base.classes, base.student, base.start) == (SHAPE_CLASSES, SPEC, None)
    assert {name: one.spec for name, one in base.teachers.items()} == {"twin": SPEC}
    assert (base.needed, base.terms, base.inputs) == ({"twin"}, {}, {})
    assert base.ensemble == Ensemble(("twin",), "sum_losses")
    assert base.trained == {"supernet": config.supernet, "retrain": config.retrain}


def test_a_search_chooses_between_its_methods_in_each_stage(tiny_config):
    plan = plan_search(tiny_config("search.enqueue=[{layers: sign}]"), None)
    assert plan.choices == dict.fromkeys(STAGES, ("real", "sign"))
    assert list(plan.space.knobs) == [Knob(f"layer/{stage}", ("real", "sign")) for stage in STAGES]
    assert plan.uniform == {"all real": all_of("real"), "all sign": all_of("sign")}
    assert plan.initial == [all_of("real"), all_of("sign"), all_of("sign")]
    assert plan.axes == ("bit_ops", "map50")
    blank = [torch.zeros(3, 96, 96)]
    for candidate in plan.uniform.values():
        counted = totals(layer_costs(build_fixed(SPEC, candidate), blank)).as_dict()
        assert counted.items() <= plan.cost_table.costs(candidate).items()


def test_a_search_with_terms_has_the_teachers_that_they_name(tiny_config):
    base = plan_search(tiny_config(**TAUGHT), None).base
    assert base.terms == {"feature_hint": ("none", "big"), "angular": ("none", "twin")}
    assert list(base.teachers) == ["twin", "big", "idle"]
    assert base.needed == {"twin", "big"}
    assert base.teachers["big"].spec.width == 0.25


def test_a_training_has_one_candidate_and_the_teachers_of_its_terms(tiny_config):
    train = {"layers": "sign", "start": "scratch", "terms": {"feature_hint": {"teacher": "big", "weight": 0.5}}}
    config = tiny_config(**TAUGHT, train=train)
    plan = plan_training(config, None)
    assert plan.candidate == Candidate(
        {"layer/backbone": "sign", "teacher/feature_hint": "big", "weight/feature_hint": 0.5}
    )
    assert plan.base.terms == {"feature_hint": ("big",)}
    assert plan.base.needed == {"big"}
    assert plan.base.trained == {"train": config.train}
    assert plan_training(tiny_config(**TAUGHT), None).base.needed == {"twin"}


def test_published_weights_of_the_student_are_its_start_and_its_twins(tiny_config, monkeypatch):
    monkeypatch.setattr("search.plan.plan.check_starts", lambda *_: None)
    base = plan_search(tiny_config("student.weights=imagenet", "student.width=1"), None).base
    assert base.start == base.teachers["twin"].start == Start("student.weights", "imagenet")


def test_every_part_of_a_plan_is_built_once(tiny_config, calls, monkeypatch):
    tables = []
    of = CostTable.of
    monkeypatch.setattr(CostTable, "of", lambda *arguments: tables.append(of(*arguments)) or tables[-1])
    plan = plan_search(tiny_config(**TAUGHT), None)
    assert calls == dict.fromkeys(ONCE, 1)
    assert tables == [plan.cost_table]


def test_up_to_the_first_trial_nothing_is_derived_again(tiny_config, prepared, calls, tmp_path):
    prepared(tiny_config(**TAUGHT | {"teachers": {"big": {"batch_size": 8, "epochs": 1}}}), tmp_path / "run")
    assert calls == dict.fromkeys(ONCE, 1)


def test_a_plan_writes_nothing(tiny_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = tiny_config(**TAUGHT)
    plan_search(config, None)
    plan_training(config, None)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_can_not_be_changed(tiny_config):
    searching, training = plan_search(tiny_config(), None), plan_training(tiny_config(), None)
    for part, field in ((searching, "space"), (training, "candidate"), (searching.base, "student")):
        with pytest.raises(FrozenInstanceError):
            setattr(part, field, None)
    with pytest.raises(FrozenInstanceError):
        searching.base.teachers["twin"].spec = None


def test_a_begun_run_is_planned_without_the_checks_of_its_start(tiny_config, monkeypatch, tmp_path):
    monkeypatch.setenv("BITFRONT_VOC_ROOT", str(tmp_path / "gone"))
    overrides = ("student.weights=imagenet", "student.width=1", "supernet.batch_size=17", "search.constraints={ops: 1}")
    monkeypatch.setattr("search.plan.teachers.load_published", lambda *_: pytest.fail("it was read"))
    begun = plan_search(tiny_config(*overrides, data={"format": "voc", "image_size": 96}), None, begun=True)
    assert begun.base.config.data.root == str(tmp_path / "gone")
    assert len(begun.base.classes) == 20
    assert begun.choices == dict.fromkeys(STAGES, ("real", "sign"))


def test_images_that_were_left_out_can_make_a_batch_too_large(tiny_config):
    base = plan_search(tiny_config("teachers.twin.batch_size=12", "retrain.batch_size=16"), None).base
    base.check_images(16)
    base.check_images(None)
    with pytest.raises(ConfigError, match=r"^retrain\.batch_size is 16, but train has 15 images"):
        base.check_images(15)
    with pytest.raises(ConfigError, match=r"^teachers\.twin\.batch_size is 12, but train has 11 images"):
        base.check_images(11)


def test_files_get_absolute_places(tiny_config, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("search.plan.plan.check_starts", lambda *_: None)
    Path("own.pth").touch()
    for plan in (plan_search, plan_training):
        assert plan(tiny_config("student.weights=own.pth"), None).base.inputs == {
            "student.weights": tmp_path / "own.pth"
        }
