"""One network trained without a search."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from search.errors import RunError
from search.plan.plan import plan_training
from search.stages import candidate_training
from search.stages.train import run_train, with_candidate
from trainers.detector_file import load_detector, save_detector
from trainers.progress import SilentProgress
from trainers.training.searched_signs import searches
from trainers.whole_files import digest_of


@pytest.fixture(scope="module")
def trained(training_config, tmp_path_factory):
    return run_train(training_config(), tmp_path_factory.mktemp("runs") / "alone", None, SilentProgress())


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
    assert kept["test"]["ap"] == pytest.approx(np.mean([one["ap"] for one in kept["test_classes"].values()]))
    assert set(kept["test_sizes"]) >= {"ap_small", "ar100"}
    curves = json.loads((trained.checkpoint.parent / "curves.json").read_text())
    assert set(curves) == set(kept["test_classes"])
    assert {len(one["recall"]) - len(one["precision"]) for one in curves.values()} == {0}
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


def test_the_same_command_reads_the_result_and_another_layer_is_another_result(trained, training_config):
    run = trained.checkpoint.parents[2]
    before = trained.checkpoint.stat().st_mtime_ns
    assert run_train(training_config(), run, None, SilentProgress()) == trained
    assert trained.checkpoint.stat().st_mtime_ns == before
    other = run_train(training_config("train.layers=int8", "train.epochs=1"), run, None, SilentProgress())
    assert other.id != trained.id
    assert other.twin_test == trained.twin_test


def test_a_training_of_other_settings_has_a_place_and_lines_of_its_own(trained, training_config, tmp_path):
    run = tmp_path / "alone"
    shutil.copytree(trained.checkpoint.parents[2], run)
    before = (run / "training.jsonl").read_text()
    other = run_train(training_config("train.epochs=1"), run, None, SilentProgress())
    assert other.checkpoint.parent.name == f"{trained.id}.2"
    after = (run / "training.jsonl").read_text()
    assert after.startswith(before)
    stages = [json.loads(line)["stage"] for line in after.removeprefix(before).splitlines()]
    assert stages == [f"train {trained.id}.2, inputs", f"train {trained.id}.2"]


def test_a_candidate_may_be_given_instead(trained, training_config, tmp_path):
    run = tmp_path / "alone"
    shutil.copytree(trained.checkpoint.parents[2], run)
    candidate = plan_training(training_config("train.layers={backbone.layer1: sign}", "train.terms={}"), None).candidate
    assert candidate.layers() == {"backbone.layer1": "sign"}
    found = run_train(with_candidate(training_config("train.epochs=1"), candidate), run, None, SilentProgress())
    assert load_detector(found.checkpoint).candidate == candidate


def test_a_network_that_needs_no_teacher_trains_none(training_config, tmp_path):
    run = tmp_path / "run"
    alone = training_config("train.terms={}", "train.start=scratch", "train.epochs=1", "train.layers=real")
    found = run_train(alone, run, None, SilentProgress())
    assert found.twin_test == {}
    assert not list((run / "teachers").glob("*"))
    wider = alone.model_copy(update={"student": alone.student.model_copy(update={"width": 0.25})})
    with pytest.raises(RunError, match=r"student\.width is 0\.125 there, 0\.25 here"):
        run_train(wider, run, None, SilentProgress())


def test_a_network_starts_from_one_of_other_layers_and_never_mixes_up_two_starts(trained, training_config, tmp_path):
    """The fixture's `dbs` network is the start of a `bireal` one; a second start of other weights is another result."""
    run, start = tmp_path / "run", tmp_path / "start.safetensors"
    shutil.copy(trained.checkpoint, start)
    overrides = ("train.terms={}", "train.layers=bireal", "train.epochs=1", "train.inputs_first_epochs=0")
    config = training_config(*overrides, f"train.start={start}")
    found = run_train(config, run, None, SilentProgress())
    assert (found.settings["start"], found.settings["start_sha256"]) == ("file", digest_of(start))
    assert found.twin_test == {}
    assert run_train(config, run, None, SilentProgress()) == found
    other = load_detector(start)
    save_detector(start, other.network.apply(_moved), other.spec, other.candidate, other.classes)
    again = run_train(config, run, None, SilentProgress())
    assert again.checkpoint.parent.name == f"{found.id}.2"
    assert again.settings["start_sha256"] == digest_of(start) != found.settings["start_sha256"]


def _moved(module):
    for parameter in module.parameters(recurse=False):
        parameter.data += 0.01


def test_figures_are_measured_anew_on_other_test_images(trained, training_config, tmp_path):
    run = tmp_path / "alone"
    shutil.copytree(trained.checkpoint.parents[2], run)
    file = run / trained.checkpoint.parent.relative_to(trained.checkpoint.parents[2]) / "figures.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "test_images": "others", "test": {"map50": 9.0}}))
    again = run_train(training_config(), run, None, SilentProgress())
    assert again.test == trained.test
    assert json.loads(file.read_text()) == kept


def test_figures_are_measured_anew_on_a_test_image_that_changed(trained, training_config, tmp_path):
    run = tmp_path / "alone"
    shutil.copytree(trained.checkpoint.parents[2], run)
    file = run / trained.checkpoint.parent.relative_to(trained.checkpoint.parents[2]) / "figures.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"test": {"map50": 9.0}}))
    image = next((run / "data" / "VOCdevkit" / "VOC2007" / "JPEGImages").glob("test*.jpg"))
    ImageOps.mirror(Image.open(image)).save(image)
    assert run_train(training_config(), run, None, SilentProgress()).test["map50"] != 9.0


def test_all_methods_see_the_same_images_in_the_same_order(training_config, tmp_path, monkeypatch):
    seeds = []

    def noted(config, job, data, task, progress):
        seeds.append(task.seed)

    monkeypatch.setattr(candidate_training, "run_training", noted)
    for method in ("sign", "dbs"):
        chosen = training_config("train.terms={}", "train.start=scratch", f"train.layers={method}")
        run_train(chosen, tmp_path / "run", None, SilentProgress())
    assert len(seeds) == 2
    assert len(set(seeds)) == 1


def test_candidates_of_the_same_layers_start_from_the_same_weights(training_config, tmp_path, monkeypatch):
    begun = []

    def noted(config, job, data, task, progress):
        begun.append({name: tensor.clone() for name, tensor in job.network.state_dict().items()})

    monkeypatch.setattr(candidate_training, "run_training", noted)
    for terms in ("{}", "{feature_hint: {weight: 0.5}}", "{feature_hint: {weight: 1.0}, joint_features: {}}"):
        chosen = training_config(f"train.terms={terms}", "train.start=scratch", "train.layers=lcb_dynamic")
        run_train(chosen, tmp_path / "run", None, SilentProgress())
    assert len(begun) == 3
    assert all(torch.equal(begun[0][name], one[name]) for one in begun[1:] for name in begun[0])


def test_a_folder_of_another_training_says_how_to_go_on_with_it(trained, training_config):
    run = trained.checkpoint.parents[2]
    with pytest.raises(RunError, match=rf"or go on with: bitfront train {run}/config.yaml --run-dir {run}$"):
        run_train(training_config("student.width=0.25"), run, None, SilentProgress())
