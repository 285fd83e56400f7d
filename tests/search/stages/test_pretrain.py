"""`bitfront pretrain`: a backbone as a classifier, resumed, kept, and the start of a detector."""

import json
import shutil
from functools import partial

import pytest
import torch
from picture_folder import write_pictures
from typer.testing import CliRunner

from search.cli.app import app
from search.config import ConfigError
from search.errors import RunError
from search.plan import pretraining
from search.stages.pretrain import run_pretrain
from search.stages.train import run_train
from trainers.classifier_file import load_classifier
from trainers.data.classes.folder import find_pictures
from trainers.data.errors import DataError
from trainers.detector_file import load_detector

SECTION = {
    "data": {"format": "shapes", "shapes": {"train": 10, "val": 5, "image_size": 32}},
    "layers": "react",
    "image_size": 32,
    "teacher": {"epochs": 1, "batch_size": 10},
    "inputs_first_epochs": 1,
    "epochs": 2,
    "batch_size": 10,
    "validate_every": 2,
}
DATA = {"format": "shapes", "image_size": 96, "shapes": {"train": 8, "val": 4, "test": 4, "image_size": 96}}
"""One step an epoch, here and there."""


@pytest.fixture(scope="module")
def config(tiny_config):
    return partial(tiny_config, name="first", data=DATA, pretrain=SECTION)


@pytest.fixture(scope="module")
def pretrained(config, tmp_path_factory):
    return run_pretrain(config(), tmp_path_factory.mktemp("runs") / "first")


def lines(run):
    return [json.loads(line) for line in (run / "training.jsonl").read_text().split("\n")[:-1]]


def stages(run):
    return [(line["stage"], line["epoch"]) for line in lines(run)]


def test_the_backbone_is_kept_with_its_figures_and_its_teacher(pretrained):
    run = pretrained.backbone.parent
    assert stages(run) == [("pretrain teacher", 1), ("pretrain, inputs", 1), ("pretrain", 1), ("pretrain", 2)]
    found = load_classifier(pretrained.backbone)
    assert (found.image_size, len(found.classes)) == (32, 5)
    assert set(found.backbone.methods.values()) == {"react"}
    assert set(load_classifier(run / "backbone_teacher.safetensors").backbone.methods.values()) == {"real"}
    kept = json.loads((run / "backbone.json").read_text())
    assert kept["figures"] == pretrained.figures
    assert pretrained.figures["top5"] == pretrained.teacher["top5"] == 1.0  # of five classes
    assert 0 <= pretrained.figures["top1"] <= 1
    validated = [{name: line[name] for name in line if name.startswith("val_")} for line in lines(run)]
    assert validated == [{}] * 3 + [{f"val_{name}": share for name, share in pretrained.figures.items()}]
    assert kept["settings"]["teacher"]["epochs"] == 1
    assert sorted(path.name for path in (run / "unfinished").iterdir()) == []


def test_the_same_call_reads_the_result_and_other_settings_are_refused(pretrained, config):
    run, before = pretrained.backbone.parent, pretrained.backbone.stat().st_mtime_ns
    assert run_pretrain(config("train.epochs=7"), run) == pretrained
    assert pretrained.backbone.stat().st_mtime_ns == before
    with pytest.raises(RunError, match=r"has a backbone of other settings: epochs is 2 there, 3 here\. Give another"):
        run_pretrain(config("pretrain.epochs=3"), run)


@pytest.mark.usefixtures("every_step_is_kept")
def test_a_stopped_training_goes_on_bit_for_bit(pretrained, config, tmp_path, recorded_progress):
    """It is stopped twice: at the teacher's end, and in the second stage of the backbone."""
    for stop_after, at in ((1, ("pretrain teacher", 1)), (3, ("pretrain", 1))):
        with pytest.raises(KeyboardInterrupt):
            run_pretrain(config(), tmp_path / "run", progress=recorded_progress(stop_after))
        assert stages(tmp_path / "run")[-1] == at
    again = run_pretrain(config(), tmp_path / "run")
    own, first = (load_classifier(one.backbone).network.state_dict() for one in (again, pretrained))
    assert all(torch.equal(own[name], tensor) for name, tensor in first.items())
    assert stages(tmp_path / "run") == stages(pretrained.backbone.parent)
    assert again.figures == pretrained.figures


def test_a_detector_starts_from_it_in_the_same_run(pretrained, config, tmp_path, recorded_progress):
    run, progress = tmp_path / "run", recorded_progress()
    shutil.copytree(pretrained.backbone.parent, run)  # whose config is the detector's from here on
    train = {"layers": "react", "start": "scratch", "epochs": 1, "batch_size": 8}
    weights = f"student.weights={pretrained.backbone}"
    result = run_train(config(weights, f"train={train}"), run, None, progress)
    other = run_train(config(weights, f"train={train | {'start': str(pretrained.backbone)}}"), run, None, progress)
    said = "164 of 164 tensors of the backbone from backbone.safetensors (react layers)"
    assert sum(note.endswith(said) for note in progress.notes) == 2
    assert other.checkpoint.parent.name == f"{result.id}.2"  # beside the first
    assert other.test == result.test
    detector, classifier = load_detector(result.checkpoint).network, load_classifier(pretrained.backbone).network
    own, theirs = detector.backbone, classifier.backbone
    moved = (own.layer1[0].conv1.weight - theirs.layer1[0].conv1.weight).abs().max()
    assert 0 < moved < 0.05  # one step


def test_a_teacher_may_be_given_and_labels_may_teach(pretrained, config, tmp_path):
    file = pretrained.backbone.parent / "backbone_teacher.safetensors"
    found = run_pretrain(config(f"pretrain.teacher={{weights: {file}}}", "pretrain.epochs=1"), tmp_path / "given")
    assert found.teacher == pretrained.teacher
    assert list(found.settings["teacher"]) == ["sha256"]
    alone = run_pretrain(config("pretrain.teacher=null", "pretrain.epochs=1"), tmp_path / "alone")
    assert (alone.teacher, alone.settings["teacher"]) == (None, None)
    assert stages(tmp_path / "given") == stages(tmp_path / "alone") == [("pretrain, inputs", 1), ("pretrain", 1)]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("pretrain.layers=raect", "pretrain.layers: 'raect' is not known. Did you mean 'react'?"),
        ("pretrain.data.val=train", "pretrain.data.val: is 'train', as pretrain.data.train"),
        ("pretrain.data.train=more", "pretrain.data.train: is 'more', but generated pictures are those of train and v"),
        ("pretrain.crop_scale=0", "pretrain.crop_scale: is 0, must be above 0 and at most 1."),
        ("pretrain.data.val=./train", "pretrain.data.val: is './train', must consist of letters, digits, '.', '_' a"),
        ("pretrain.data.train=''", "pretrain.data.train: is '', must consist of letters, digits, '.', '_' and '-',"),
        (
            "pretrain.data.shapes.train=4",
            "pretrain.data.shapes.train: is 4, must be 5 or more: a picture of each class",
        ),
        (
            "pretrain.layers={1: react}",
            "pretrain.layers: is {1: react}, must be a method, or a mapping of modules to m",
        ),
        ("pretrain.image_size=16", "pretrain.image_size: is 16, must be greater than or equal to 32"),
        ("pretrain.teacher.momentum=0.5", "pretrain.teacher.momentum: is 0.5, but pretrain.teacher.optimizer is adamw"),
        ("pretrain.milestones=[1]", "pretrain.milestones: is [1.0], but pretrain.schedule is cosine"),
    ],
)
def test_what_can_not_be_pretrained_is_refused_when_the_config_is_read(config, override, message):
    with pytest.raises(ConfigError) as raised:
        config(override)
    assert message in str(raised.value)


def changed_size(pictures, weights):
    del pictures, weights
    return "pretrain.image_size=64"


def fewer_pictures(pictures, weights):
    del weights
    next((pictures / "val").rglob("*.jpg")).unlink()


def more_pictures(pictures, weights):
    del pictures, weights
    return "pretrain.data.shapes.val=6"


def without_weights(pictures, weights):
    del pictures
    weights.unlink()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (changed_size, RunError, "of other settings: image_size is 32 there, 64 here. Give another --run-dir"),
        (fewer_pictures, RunError, "of other settings: the pictures of val have changed. Give another --run-dir"),
        (more_pictures, DataError, "Let pretrain.data.root name another folder, or delete this one"),
        (without_weights, RunError, "taken away. Bring that one back, or delete {run}/backbone.json, and the run trai"),
    ],
)
def test_a_result_that_is_another_one_by_now_is_refused(pretrained, config, tmp_path, change, error, message):
    run = tmp_path / "run"
    shutil.copytree(pretrained.backbone.parent, run)
    override = change(run / "pictures", run / "backbone.safetensors")
    with pytest.raises(error) as raised:
        run_pretrain(config(*[override] if override else []), run)
    assert message.format(run=run) in str(raised.value)


def broken(root):
    (root / "train" / "red" / "1.jpg").write_bytes(b"torn")


def strange(root):
    (root / "val" / "red").rename(root / "val" / "pink")


@pytest.mark.parametrize(
    ("change", "sets", "reason"),
    [
        (broken, [], "colours/train: 1 of 12 pictures can't be read: "),
        (strange, [], "colours/val: it has 1 classes that the training set lacks: 'pink'."),
        (
            None,
            ["pretrain.data.root=null"],
            "the pictures: no folder was named. Name the folder that holds the sets: ",
        ),
        (None, ["pretrain.data.root=gone"], "gone: there is no such folder. Name the folder that holds the sets."),
        (None, ["pretrain.batch_size=32"], "pretrain.batch_size is 32, but train has 12 images."),
        (
            None,
            ["pretrain.layers={backbone.layer9: sign}"],
            "pretrain.layers: The detector ssd_resnet18 has no layer ",
        ),
        (
            None,
            ["pretrain.layers={cls_heads: int8}"],
            "pretrain.layers: cls_heads: a classifier has the layers of ",
        ),
        (None, ["training.workers=4"], "pretrain.batch_size is 10, but it is split into 4 equal parts"),
        (None, ["pretrain.teacher={weights: TEACHER}"], "can't be the teacher: it knows the classes circle, cross,"),
        (None, ["pretrain.teacher={weights: CONFIG}"], "tiny.yaml is no Bitfront checkpoint: "),
        (None, ["pretrain.teacher={weights: gone}"], "/gone', but there is no such file. Give a classifier of"),
    ],
)
def test_the_command_line_refuses_with_status_2_and_writes_nothing(
    pretrained, write_config, tmp_path, change, sets, reason
):
    root, run = write_pictures(tmp_path / "colours", {"train": 4, "val": 2}), tmp_path / "run"
    if change is not None:
        change(root)
    config = write_config(pretrain={**SECTION, "data": {"root": str(root)}})
    teacher = pretrained.backbone.parent / "backbone_teacher.safetensors"
    given = [one.replace("TEACHER", str(teacher)).replace("CONFIG", str(config)) for one in sets]
    options = [word for one in given for word in ("--set", one)]
    result = CliRunner().invoke(app, ["pretrain", str(config), "--run-dir", str(run), *options])
    assert (result.exit_code, result.stdout) == (2, "")
    shown, _, message = result.stderr.partition("Error: ")
    assert all("pictures of train" in line for line in shown.splitlines() if line.strip())
    assert reason in message
    assert message.count("\n") == 1
    assert not run.exists() or sorted(path.name for path in run.iterdir()) == []


def test_the_command_line_trains_on_a_folder_and_says_how_to_go_on(write_config, tmp_path, monkeypatch):
    root = write_pictures(tmp_path / "colours", {"train": 4, "val": 2})
    section = {**SECTION, "teacher": None, "inputs_first_epochs": 0, "epochs": 1}
    config = write_config(pretrain={**section, "data": {}})
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["pretrain", str(config), "--data", "colours", "--layers", "bireal"])
    assert result.exit_code == 0, result.stderr
    file = tmp_path / "runs" / "tiny" / "backbone.safetensors"
    assert f"--set student.weights={file} --set train.start=scratch" in result.stdout
    assert "the backbone" in result.stdout
    assert set(load_classifier(file).backbone.methods.values()) == {"bireal"}
    assert "pictures: 12 of train, 6 of val, 3 classes" in result.stderr
    digests = json.loads((file.parent / "pictures.json").read_text())
    assert len(set(digests.values())) == 2
    (root / "val" / "red" / "0.jpg").write_bytes(b"torn")
    again = CliRunner().invoke(app, ["pretrain", str(config), "--data", "colours", "--layers", "bireal"])
    assert again.exit_code == 2
    assert "1 of 6 pictures can't be read" in again.stderr
    assert torch.isfinite(load_classifier(file).network.head.weight).all()


def test_a_set_that_was_read_through_is_not_read_again(write_config, tmp_path, monkeypatch):
    root, run = write_pictures(tmp_path / "colours", {"train": 4, "val": 2}), tmp_path / "run"
    (root / "val" / "red" / "0.jpg").unlink()
    (root / "val" / "red" / "0.jpg").symlink_to("gone.jpg")
    listed = []
    monkeypatch.setattr(pretraining, "find_pictures", lambda *given: listed.append(given[1]) or find_pictures(*given))
    config = write_config(pretrain={**SECTION, "data": {"root": str(root)}})
    for first in (True, False):
        result = CliRunner().invoke(app, ["pretrain", str(config), "--run-dir", str(run)])
        assert result.exit_code == 2
        assert "1 of 6 pictures can't be read" in result.stderr
        assert ("pictures of train" in result.stderr) == first
        assert list(json.loads((run / "pictures.json").read_text())) == ["train"]
    assert listed == ["train", "val"] * 2


# A Ray of its own and two processes that import torch.
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_train_the_backbone_that_one_trains(config, tmp_path, left_running):
    """One step with real layers, before whose rounding differs: the loss and what BatchNorm saw."""
    chosen = ("pretrain.layers=real", "pretrain.teacher=null", "pretrain.inputs_first_epochs=0", "pretrain.epochs=1")
    one, two = (
        run_pretrain(config(*chosen, "pretrain.validate_every=null", f"training.workers={count}"), tmp_path / count)
        for count in ("1", "2")
    )
    assert left_running() == []
    (alone,), (shared,) = (lines(tmp_path / count) for count in ("1", "2"))
    assert (shared["stage"], shared["epoch"]) == (alone["stage"], alone["epoch"]) == ("pretrain", 1)
    assert shared["loss"] == pytest.approx(alone["loss"], rel=1e-4)
    seen, expected = (load_classifier(found.backbone).network.state_dict() for found in (two, one))
    means = [name for name in expected if name.endswith("running_mean")]
    assert len(means) == 20
    for name in means:
        torch.testing.assert_close(seen[name], expected[name], rtol=1e-3, atol=1e-4)


def test_a_search_starts_its_1_bit_methods_from_it(pretrained, config, prepared, tmp_path, recorded_progress):
    space = {"layers": {"methods": ["real", "react"], "open": {}}, "granularity": "stage"}
    chosen = config(f"student.weights={pretrained.backbone}", "supernet.weights=by_kind", space=space)
    progress = recorded_progress()
    prepared(chosen, tmp_path / "run", progress)
    assert "supernet: 1-bit methods took 144 tensors of the backbone from backbone.safetensors" in progress.notes
    twins = next(note for note in progress.notes if note.startswith("teacher twin: 36 of 100 tensors"))
    assert "64 follow from its weights or begin anew" in twins
