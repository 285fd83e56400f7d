"""1-bit backbones that `student.weights` names: published state dicts, and classifiers of `bitfront pretrain`."""

from dataclasses import replace

import pytest
import torch
from published_bireal import published_bireal, published_block
from typer.testing import CliRunner

from search.cli.app import app
from search.config.schema import Teacher
from search.plan.plan import plan_training
from search.plan.published import Start, load_one_bit, load_published
from spaces.candidate import Candidate
from spaces.classifier import build_classifier
from spaces.detectors import DetectorSpec, searchable_units
from spaces.starting import real_weight
from spaces.supernet import build_fixed, build_supernet
from trainers.checkpoint import CheckpointError
from trainers.classifier_file import ClassifierFile, save_classifier
from trainers.detector_file import load_detector
from trainers.whole_files import digest_of

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=4, image_size=96, width=0.125)


def detector(method, name="ssd_resnet18"):
    torch.manual_seed(0)
    return build_fixed(replace(SPEC, detector=name), Candidate({"layer/backbone": method}))


@pytest.fixture
def classifier_file(tmp_path):
    """A classifier with `react` layers in all stages but the first, on Faster R-CNN's backbone."""
    torch.manual_seed(3)
    candidate = Candidate({"layer/backbone": "react", "layer/backbone.layer1": "real"})
    spec = replace(SPEC, detector="faster_rcnn_resnet18")
    network = build_classifier(spec, candidate, 3).eval()
    save_classifier(tmp_path / "backbone.safetensors", ClassifierFile(network, spec, candidate, 64, ("a", "b", "c")))
    return tmp_path / "backbone.safetensors", network


@pytest.mark.parametrize("name", ["ssd_resnet18", "faster_rcnn_resnet18"])
@pytest.mark.parametrize("method", ["react", "bireal"])
def test_published_state_dicts_start_a_detector_of_their_method(tmp_path, name, method):
    state, file, network = published_bireal(react=method == "react"), tmp_path / "model.pth.tar", detector(method, name)
    torch.save({"epoch": 255, "state_dict": {f"module.{key}": value for key, value in state.items()}}, file)
    note = load_published(Start("student.weights", str(file)), network, replace(SPEC, detector=name))
    count = {"react": 20 + 16 * 9, "bireal": 20 + 16 * 5}[method]  # stem and shortcuts, and 16 units
    assert note == (
        f"{count} of {count} tensors of the backbone from model.pth.tar ({method} layers); "
        "2 of the file are left out: module.fc.weight, module.fc.bias"
    )
    x = torch.randn(1, 16, 8, 8)
    torch.testing.assert_close(network.eval().backbone.layer3[0].conv1(x), published_block(state, "layer3.0", x, 2))


def test_a_real_twin_takes_the_weights_and_a_note_says_what_begins_anew(tmp_path):
    torch.save(published_bireal(react=True), tmp_path / "model.pth")
    start = Start("teachers.twin.weights", str(tmp_path / "model.pth"))
    assert load_published(start, detector("real"), SPEC).startswith(
        "36 of 100 tensors of the backbone from model.pth (react layers); 64 follow from its weights or begin anew: "
        "layer1.0.conv1.alternatives.real.bn.weight,"
    )


def test_a_classifier_of_ours_starts_detectors_with_the_same_backbone(classifier_file):
    file, trained = classifier_file
    network = detector("react")
    note = load_published(Start("student.weights", str(file)), network, SPEC)
    assert note.startswith("132 of 164 tensors of the backbone from backbone.safetensors (react layers); 32 follow")
    own = network.backbone.state_dict()
    for name, tensor in trained.backbone.state_dict().items():
        if ".real." not in name:
            assert torch.equal(own[name], tensor), name
    assert Teacher(weights=str(file)).is_given is False
    with pytest.raises(CheckpointError, match="holds a classifier, not a detector"):
        load_detector(file)


def test_searched_signs_start_a_latent_weight_and_the_other_way_round(tmp_path):
    """And a bias of the weight goes into it. What is left out are PReLUs; thresholds and RPReLUs; nothing."""
    for theirs, ours, left in (("dbs", "react", 16), ("react", "dbs", 16 * 4), ("lcb", "react", 0)):
        trained = build_classifier(SPEC, Candidate({"layer/backbone": theirs}), 3).eval()
        for unit in searchable_units(trained).values():
            if theirs == "lcb":
                unit.alternatives["lcb"].weight_shift.bias.data.normal_()
        file, network = tmp_path / f"{theirs}.safetensors", detector(ours)
        save_classifier(file, ClassifierFile(trained, SPEC, Candidate({"layer/backbone": theirs}), 64, ("a", "b", "c")))
        note = load_published(Start("student.weights", str(file)), network, SPEC)
        said = f"; {left} of the file are left out: layer1.0.conv1.alternatives.{theirs}."
        assert said in note if left else "left out" not in note
        before, after = (real_weight(one.backbone.layer3[0].conv2) for one in (trained, network))
        assert torch.equal(after.sign(), before.sign())
        torch.testing.assert_close(after.abs().mean((1, 2, 3)), before.abs().mean((1, 2, 3)))


def test_a_supernet_of_weights_by_kind_takes_its_1_bit_part(classifier_file):
    file, trained = classifier_file
    start = Start("student.weights", str(file))
    supernet = build_supernet(SPEC, {"backbone": ("real", "react")}, "by_kind")
    unit, theirs = supernet.backbone.layer4[0].conv1, trained.backbone.layer4[0].conv1
    before = unit.weight.clone()
    assert load_one_bit(start, supernet, SPEC) == (
        "1-bit methods took 108 tensors of the backbone from backbone.safetensors"
    )
    assert torch.equal(unit.one_bit_weight, theirs.weight)
    assert torch.equal(unit.weight, before)


def test_it_derives_what_1_bit_methods_derive_and_fills_units_of_1_bit_methods_alone(classifier_file):
    file, trained = classifier_file
    start = Start("student.weights", str(file))
    weight = trained.backbone.layer4[0].conv1.weight
    supernet = build_supernet(SPEC, {"backbone": ("real", "sign+learned_scale", "dbs")}, "by_kind")
    assert load_one_bit(start, supernet, SPEC) is not None
    alternatives = supernet.backbone.layer4[0].conv1.alternatives
    torch.testing.assert_close(alternatives["sign+learned_scale"].scale.data, weight.data.abs().mean((1, 2, 3)))
    assert torch.equal(alternatives["dbs"].logits.sign(), weight.sign())
    supernet = build_supernet(SPEC, {"backbone": ("react", "sign")}, "by_kind")
    assert load_one_bit(start, supernet, SPEC) is not None
    assert torch.equal(supernet.backbone.layer4[0].conv1.weight, weight)


def test_the_learned_bias_of_weights_turns_signs_in_a_detector_without_one(tmp_path):
    candidate = Candidate({"layer/backbone": "lcb"})
    trained = build_classifier(SPEC, candidate, 3).eval()
    for number, unit in enumerate(searchable_units(trained).values()):
        unit.alternatives["lcb"].weight_shift.bias.data.fill_((-1) ** number)
    file, network = tmp_path / "lcb.safetensors", detector("sign")
    save_classifier(file, ClassifierFile(trained, SPEC, candidate, 64, ("a", "b", "c")))
    load_published(Start("student.weights", str(file)), network, SPEC)
    for number, unit in enumerate(searchable_units(network.backbone).values()):
        assert torch.equal(unit.weight.sign(), torch.full_like(unit.weight, (-1) ** number))


def test_a_training_starts_from_the_backbone_whose_digest_it_has(classifier_file, training_config):
    """And not from another one that lies in its place by the time that the training begins."""
    file, trained = classifier_file
    plan = plan_training(training_config(f"train.start={file}", "train.layers=react", "train.terms={}"), None)
    assert plan.start.sha256 == digest_of(file)
    file.unlink()
    network = detector("react")
    assert plan.start.fill(network).startswith("132 of 164 tensors of the backbone from backbone.safetensors (react")
    assert torch.equal(network.backbone.layer4[0].conv1.weight, trained.backbone.layer4[0].conv1.weight)
    file.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"^train\.start: .*backbone\.safetensors"):
        plan_training(training_config(f"train.start={file}"), None)


@pytest.mark.parametrize(
    ("sets", "reason"),
    [
        (["student.width=0.25"], "its tensor conv1.weight is (8, 3, 7, 7), the backbone's (16, 3, 7, 7). Give weights"),
        (["student.detector=ssd_vgg11"], "lacks 12 of the 12 tensors that the layers of the backbone share: stem.conv"),
    ],
)
def test_another_backbone_is_refused_with_status_2(classifier_file, write_config, tmp_path, sets, reason):
    file, _ = classifier_file
    config = write_config()
    options = [word for one in [*sets, f"student.weights={file}", "train.start=scratch"] for word in ("--set", one)]
    result = CliRunner().invoke(app, ["train", str(config), "--run-dir", str(tmp_path / "run"), *options])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "It is a classifier on the backbone of faster_rcnn_resnet18 of width 0.125, and" in result.stderr
    assert reason in result.stderr
    assert not (tmp_path / "run").exists()
