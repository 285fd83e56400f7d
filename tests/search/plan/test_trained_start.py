"""A detector of other layers that a training starts from: its file, its place in what describes the training."""

import shutil
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from search.cli.app import app
from search.config import ConfigError, config_text
from search.plan.plan import plan_search, plan_training
from search.run.folder import RunFolder
from search.stages.candidate_training import plan_training_of
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError, save_weights
from trainers.data.shapes.writer import SHAPE_CLASSES
from trainers.detector_file import load_detector, save_detector, save_packed
from trainers.whole_files import digest_of

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=len(SHAPE_CLASSES), image_size=96, width=0.125)
INT2 = Candidate({"layer/backbone": "int2"})


@pytest.fixture
def save(tmp_path):
    """Writes an int2 detector of the student's shape, or of another; returns its file."""

    def write(name="int2", spec=SPEC, candidate=INT2, classes=SHAPE_CLASSES, seed=0):
        file = tmp_path / f"{name}.safetensors"
        torch.manual_seed(seed)
        save_detector(file, build_fixed(spec, candidate), spec, candidate, classes)
        return file

    return write


def test_a_file_is_named_as_it_is_found_and_needs_no_twin(training_config, save, tmp_path, monkeypatch):
    file = save()
    monkeypatch.chdir(tmp_path)
    plan = plan_training(training_config("train.layers=react", "train.terms={}", "train.start=int2.safetensors"), None)
    assert plan.base.config.train.start == str(file)
    assert (plan.start.file, plan.start.sha256, plan.start.found.candidate) == (file, digest_of(file), INT2)
    assert plan.base.needed == frozenset()
    network = build_fixed(SPEC, plan.candidate)
    assert plan.start.fill(network).startswith(
        f"{len(network.state_dict()) - 16 * 9} of "
    )  # BN, RSign and RPReLU are new
    for start in ("twin", "scratch"):
        assert plan_training(training_config(f"train.start={start}"), None).start is None


def test_a_result_is_known_by_the_content_of_its_start(training_config, save, tmp_path):
    def settings(file):
        plan = plan_training(training_config(f"train.start={file}"), None)
        return plan_training_of(plan, RunFolder(tmp_path / "run"))

    first_file = save()
    first = settings(first_file)
    assert first.start == first.settings["start"] == first.result_settings["start"] == "file"
    assert first.settings["start_sha256"] == digest_of(first_file)
    assert settings(shutil.copy(first_file, tmp_path / "moved.safetensors")).result_settings == first.result_settings
    assert settings(save("other", seed=1)).settings != first.settings
    assert "start_sha256" not in plan_training_of(plan_training(training_config(), None), RunFolder(tmp_path)).settings


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"spec": replace(SPEC, width=0.25)},
            r"its width is 0\.25, but the student's is 0\.125\. Give another file, or",
        ),
        ({"spec": replace(SPEC, heads="full")}, r"its heads is full, but the student's is light\."),
        (
            {"spec": replace(SPEC, detector="ssd_vgg11")},
            r"its detector is ssd_vgg11, but the student's is ssd_resnet18\.",
        ),
        (
            {"classes": SHAPE_CLASSES[::-1]},
            r"it knows the classes .*, but the data has .*Give another file, or",
        ),
        (
            {"spec": replace(SPEC, image_size=320)},
            r"\d+ tensors .* such as norms\S+: it was trained at 320 pixels, data\.image_size is 96\. Give",
        ),
    ],
)
def test_a_detector_that_does_not_fit_is_refused_with_the_reason(training_config, save, changed, message):
    file = save(**changed)
    with pytest.raises(CheckpointError, match=rf"^train\.start: {file} can't be the start: {message}"):
        plan_training(training_config(f"train.start={file}"), None)


def test_what_is_no_trainable_detector_is_refused(training_config, save, tmp_path):
    packed, supernet = tmp_path / "packed.safetensors", tmp_path / "supernet.safetensors"
    detector = load_detector(save(candidate=Candidate({"layer/backbone": "sign"})))
    save_packed(packed, detector, {})
    save_weights(supernet, {"a": torch.ones(1)}, {"kind": "supernet"})
    for file, message in (
        (packed, "packed.safetensors can't be the start: A packed detector can't be trained: .*it was exported from"),
        (supernet, "supernet.safetensors holds a supernet, not a detector"),
        (tmp_path / "none.safetensors", r"There is no checkpoint .*none\.safetensors\. Or give twin or scratch\."),
    ):
        with pytest.raises(CheckpointError, match=rf"^train\.start: .*{message}"):
            plan_training(training_config(f"train.start={file}"), None)


def test_a_wrong_start_is_one_message_and_2_and_no_folder(training_config, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(config_text(training_config()))
    for start, message in (
        ("twn", "train.start: is 'twn', must be twin, scratch, or the file of a detector that Bitfront trained"),
        ("none.safetensors", f"train.start: There is no checkpoint {tmp_path.cwd() / 'none.safetensors'}."),
    ):
        options = ["--set", f"train.start={start}", "--run-dir", str(tmp_path / "run")]
        refused = CliRunner().invoke(app, ["train", str(config), *options])
        assert refused.exit_code == 2
        assert message in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match="must be twin, scratch"):
        training_config("train.start=5")


def test_a_search_reads_no_start_of_a_training(tiny_config, tmp_path):
    start = str(tmp_path / "gone.safetensors")
    assert plan_search(tiny_config(f"train.start={start}"), None).base.config.train.start == start
