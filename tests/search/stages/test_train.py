"""One network trained without a search."""

import json
import shutil

import pytest
import torch

from search.config import ConfigError, load_config
from search.errors import RunError
from search.plan.plan import plan_training
from search.stages import candidate_training
from search.stages.search import run_search
from search.stages.train import run_train, with_candidate
from spaces.candidate import Candidate
from trainers.detector_file import load_detector
from trainers.progress import SilentProgress
from trainers.training.searched_signs import searches

CONFIG = """
name: alone
device: cpu
data: {format: shapes, image_size: 96, shapes: {train: 16, val: 8, test: 8, image_size: 96}}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {twin: {epochs: 1, batch_size: 8}}
train:
  layers: dbs
  terms: {feature_hint: {weight: 0.5}}
  epochs: 2
  inputs_first_epochs: 1
  batch_size: 8
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    file = tmp_path_factory.mktemp("config") / "alone.yaml"
    file.write_text(CONFIG)
    return lambda *overrides: load_config(file, overrides)


@pytest.fixture(scope="module")
def trained(config, tmp_path_factory):
    return run_train(config(), tmp_path_factory.mktemp("runs") / "alone", None, SilentProgress())


def test_it_is_trained_measured_and_kept_with_what_made_it(trained):
    detector = load_detector(trained.checkpoint)
    network, spec, candidate = detector.network, detector.spec, detector.candidate
    assert candidate.layers() == {"backbone": "dbs"}
    assert (candidate["teacher/feature_hint"], candidate["weight/feature_hint"]) == ("twin", 0.5)
    assert spec.width == 0.125
    assert set(trained.test) == set(trained.twin_test) == {"map50", "map50_11", "ap", "ap50", "ap75"}
    kept = json.loads((trained.checkpoint.parent / "figures.json").read_text())
    assert kept["settings"]["inputs_first_epochs"] == 1
    assert kept["costs"]["macs_1bit"] > 0
    assert json.loads((trained.checkpoint.parent / "candidate.json").read_text()) == dict(candidate)
    epochs = [json.loads(line) for line in (trained.checkpoint.parents[2] / "training.jsonl").read_text().splitlines()]
    assert [line["stage"].split()[0] for line in epochs] == ["teacher", "train", "train", "train"]
    assert epochs[-1]["flipped"] > 0
    assert not any(unit.endswith("conv1.weight") and "layer" in unit for unit in network.state_dict())


def test_nothing_unused_is_kept(trained):
    network = load_detector(trained.checkpoint).network
    assert len(searches(network)) == 16
    for unit in (module for module in network.modules() if hasattr(module, "alternatives")):
        assert list(unit.alternatives) == ["dbs"]
        assert unit.weight is None


def test_the_same_command_reads_the_result_and_another_layer_is_another_result(trained, config):
    run = trained.checkpoint.parents[2]
    before = trained.checkpoint.stat().st_mtime_ns
    assert run_train(config(), run, None, SilentProgress()) == trained
    assert trained.checkpoint.stat().st_mtime_ns == before
    other = run_train(config("train.layers=int8", "train.epochs=1"), run, None, SilentProgress())
    assert other.id != trained.id
    assert other.twin_test == trained.twin_test


def test_a_training_of_other_settings_has_a_place_and_lines_of_its_own(trained, config, tmp_path):
    run = tmp_path / "alone"
    shutil.copytree(trained.checkpoint.parents[2], run)
    before = (run / "training.jsonl").read_text()
    other = run_train(config("train.epochs=1"), run, None, SilentProgress())
    assert other.checkpoint.parent.name == f"{trained.id}.2"
    after = (run / "training.jsonl").read_text()
    assert after.startswith(before)
    told = [json.loads(line)["stage"] for line in after.removeprefix(before).splitlines()]
    assert told == [f"train {trained.id}.2, inputs", f"train {trained.id}.2"]


@pytest.mark.parametrize(
    ("detector", "parts"),
    [
        ("ssd_resnet18", ["backbone"]),
        ("gfl_resnet18", ["backbone", "fpn", "towers"]),
        ("faster_rcnn_resnet18", ["backbone", "fpn", "rpn"]),
    ],
)
def test_one_method_for_all_layers_reaches_every_part_of_the_detector(config, detector, parts):
    candidate = plan_training(config("train.layers=sign", f"student.detector={detector}"), None).candidate
    assert candidate.layers() == dict.fromkeys(parts, "sign")


def test_a_candidate_may_be_given_instead(trained, config, tmp_path):
    run = tmp_path / "alone"
    shutil.copytree(trained.checkpoint.parents[2], run)
    candidate = plan_training(config("train.layers={backbone.layer1: sign}", "train.terms={}"), None).candidate
    assert candidate.layers() == {"backbone.layer1": "sign"}
    found = run_train(with_candidate(config("train.epochs=1"), candidate), run, None, SilentProgress())
    assert load_detector(found.checkpoint).candidate == candidate


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.layers=dbz", "train.layers: 'dbz' is not known. Did you mean 'dbs'?"),
        ("train.layers=sign+soft", "train.layers: sign has no option 'soft'"),
        ("train.terms={hint: {}}", "train.terms.hint: 'hint' is not known"),
        ("train.terms={feature_hint: {teacher: big}}", "train.terms.feature_hint.teacher: 'big' is not known"),
        ("train.layers=[sign]", r"train.layers: is \[sign\], must be a method, or a mapping of modules to methods"),
        ("train.layers={'': sign}", "train.layers: names a layer ''"),
        ("train.layers=sign+prelo", "train.layers: sign has no option 'prelo'. It has: learned_scale, pad_minus_one"),
        ("train.layers=react+prelu", "train.layers: react has no option 'prelu'"),
        ("train.layers=real+prelu", "train.layers: real has no option 'prelu'. It takes no options"),
    ],
)
def test_what_can_not_be_trained_is_refused_when_the_config_is_read(config, override, message):
    with pytest.raises(ConfigError, match=message):
        config(override)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"teacher/feature_hint": "gone"}, r"the candidate: train.terms.feature_hint.teacher: 'gone' is not known"),
        (
            {"teacher/anglar": "twin"},
            r"the candidate: train.terms.anglar: 'anglar' is not known. Did you mean 'angular'",
        ),
        ({"teacher/angular": "twin", "weight/angular": -1.0}, r"the candidate: train.terms.angular.weight"),
        ({"layer/backbone": "dbz"}, r"the candidate: train.layers: 'dbz' is not known"),
        ({"weight/angular": 1.0}, r"the candidate: weight/angular has no effect without teacher/angular"),
    ],
)
def test_a_candidate_that_can_not_be_trained_is_refused(config, choices, message):
    with pytest.raises(ConfigError, match=message):
        with_candidate(config(), Candidate(choices))


def test_a_teacher_of_another_shape_can_not_teach_layers(config):
    with pytest.raises(ConfigError, match=r"train.terms.angular.teacher: 'big' is a ssd_resnet34 of width 0.125"):
        config("teachers.big={detector: ssd_resnet34}", "train.terms={angular: {teacher: big}}")


def test_a_network_that_needs_no_teacher_trains_none(config, tmp_path):
    run = tmp_path / "run"
    alone = config("train.terms={}", "train.start=scratch", "train.epochs=1", "train.layers=real")
    found = run_train(alone, run, None, SilentProgress())
    assert found.twin_test == {}
    assert not list((run / "teachers").glob("*"))
    wider = alone.model_copy(update={"student": alone.student.model_copy(update={"width": 0.25})})
    with pytest.raises(RunError, match=r"student\.width is 0\.125 there, 0\.25 here"):
        run_train(wider, run, None, SilentProgress())


def test_figures_are_measured_anew_on_other_test_images(trained, config, tmp_path):
    run = tmp_path / "alone"
    shutil.copytree(trained.checkpoint.parents[2], run)
    file = run / trained.checkpoint.parent.relative_to(trained.checkpoint.parents[2]) / "figures.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "test_images": "others", "test": {"map50": 9.0}}))
    again = run_train(config(), run, None, SilentProgress())
    assert again.test == trained.test
    assert json.loads(file.read_text()) == kept


def test_all_methods_see_the_same_images_in_the_same_order(config, tmp_path, monkeypatch):
    seeds = []
    monkeypatch.setattr(candidate_training, "train_detector", lambda *args, seed, **options: seeds.append(seed))
    for method in ("sign", "dbs"):
        chosen = config("train.terms={}", "train.start=scratch", f"train.layers={method}")
        run_train(chosen, tmp_path / "run", None, SilentProgress())
    assert len(seeds) == 2
    assert len(set(seeds)) == 1


def test_candidates_of_the_same_layers_start_from_the_same_weights(config, tmp_path, monkeypatch):
    begun = []

    def noted(network, *args, **options):
        begun.append({name: tensor.clone() for name, tensor in network.state_dict().items()})

    monkeypatch.setattr(candidate_training, "train_detector", noted)
    for terms in ("{}", "{feature_hint: {weight: 0.5}}", "{feature_hint: {weight: 1.0}, joint_features: {}}"):
        chosen = config(f"train.terms={terms}", "train.start=scratch", "train.layers=lcb_dynamic")
        run_train(chosen, tmp_path / "run", None, SilentProgress())
    assert len(begun) == 3
    assert all(torch.equal(begun[0][name], one[name]) for one in begun[1:] for name in begun[0])


def test_a_term_that_no_layer_can_feel_is_refused(config):
    with pytest.raises(ConfigError, match=r"train.terms.angular: has no effect: no layer of train.layers is 1-bit"):
        config("train.layers=real", "train.terms={angular: {}}")
    with pytest.raises(ConfigError, match=r"train.terms.amplitude: has no effect: .* is one with a learned scale"):
        config("train.layers=sign", "train.terms={amplitude: {}}")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_device_that_is_not_there_is_refused_before_anything_is_written(config, tmp_path):
    with pytest.raises(ConfigError, match=r"device: is 'cuda', but torch finds no GPU here"):
        run_train(config("device=cuda"), tmp_path / "run", None, SilentProgress())
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_training_says_how_to_go_on_with_it(trained, config):
    run = trained.checkpoint.parents[2]
    with pytest.raises(RunError, match=rf"or go on with: bitfront train {run}/config.yaml --run-dir {run}$"):
        run_train(config("student.width=0.25"), run, None, SilentProgress())


def test_a_layer_that_is_not_there_is_refused_before_anything_is_written(config, tmp_path):
    with pytest.raises(ConfigError, match=r"train\.layers: The detector ssd_resnet18 has no layer called neck"):
        run_train(config("train.layers={neck: sign}"), tmp_path / "run", None, SilentProgress())
    with pytest.raises(ConfigError, match=r"train\.batch_size is 17, but train has 16 images"):
        run_train(config("train.batch_size=17"), tmp_path / "run", None, SilentProgress())


def test_without_images_to_score_on_one_network_trains_and_no_search_begins(config, tmp_path):
    alone = config("data.val=null", "train.terms={}", "train.epochs=1")
    found = run_train(alone, tmp_path / "run", None, SilentProgress())
    assert found.twin_test
    assert not (tmp_path / "run" / "teachers" / "twin.json").exists()
    with pytest.raises(ConfigError, match=r"data\.val is null, but a search scores"):
        run_search(alone, tmp_path / "search", None, SilentProgress())
    assert not (tmp_path / "search").exists()
