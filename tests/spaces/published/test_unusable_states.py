"""State dicts that can't be used beside others that can, and files that have no others."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models.vgg import make_layers

from spaces.detectors import DetectorSpec, build_detector
from spaces.published.matching import fill
from spaces.published.reading import read_states

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, width=0.125)
NOT_FINITE = "has values that are no finite numbers: the file is damaged, or its training has diverged"
DEFECTS = {
    "not finite": (torch.full((8, 3, 7, 7), torch.nan), NOT_FINITE),
    "sparse": (torch.zeros(8, 3, 7, 7).to_sparse(), "is sparse: dense tensors of numbers are needed"),
    "narrow": (
        torch.ones(8, 1, 7, 7),
        "is (8, 1, 7, 7) in the checkpoint and (8, 3, 7, 7) in the network: published weights fit a width of 1 only",
    ),
    "whole numbers": (
        torch.ones(8, 3, 7, 7, dtype=torch.int8),
        "is of int8 in the checkpoint: weights must be real numbers",
    ),
}


def build(spec=SPEC):
    return build_detector(spec, lambda _: ("real",))


@pytest.fixture
def detector():
    return build()


@pytest.fixture(scope="module")
def state(published_resnet18):
    return published_resnet18(build().backbone)


def prefixed(prefix, tensors):
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


@pytest.fixture
def filled(detector, tmp_path):
    def fill_from(content):
        torch.save(content, tmp_path / "last.pth")
        return fill(detector, read_states(tmp_path / "last.pth"), detector)

    return fill_from


@pytest.mark.parametrize(("tensor", "reason"), DEFECTS.values(), ids=DEFECTS)
def test_an_average_that_cannot_be_used_gives_way_to_the_weights(detector, state, filled, tensor, reason):
    report = filled({"state_dict": state, "ema": {"module": {**state, "conv1.weight": tensor}}})
    assert (report.taken.keys, report.is_ema, len(report.loaded.loaded)) == (("state_dict",), False, 100)
    assert report.rejected == (f"the EMA weights under ema.module can't be used: The tensor conv1.weight {reason}",)
    assert torch.equal(detector.backbone.conv1.weight, state["conv1.weight"])


@pytest.mark.parametrize("prefix", ["", "model.", "module."])
@pytest.mark.parametrize(("tensor", "reason"), DEFECTS.values(), ids=DEFECTS)
def test_so_does_one_beside_the_weights_by_its_prefix(detector, state, filled, prefix, tensor, reason):
    average = prefixed("model_ema.", {**state, "conv1.weight": tensor})
    report = filled({**prefixed(prefix, state), **average})
    assert (report.prefix, report.is_ema, len(report.loaded.loaded)) == (prefix, False, 100)
    (rejected,) = report.rejected
    assert rejected.startswith("the EMA weights can't be used: The tensor ")
    assert rejected.endswith(f"conv1.weight {reason}")
    assert torch.equal(detector.backbone.conv1.weight, state["conv1.weight"])


def test_one_of_parameters_alone_gives_way_too(state, filled):
    average = prefixed("model_ema.", {name: tensor for name, tensor in state.items() if "running" not in name})
    report = filled(prefixed("model.", state) | average)
    share = "Only 60 of the 100 tensors of the backbone are in the checkpoint, and nine tenths are needed"
    assert (report.prefix, report.rejected) == ("model.", (f"the EMA weights can't be used: {share}",))


def test_a_good_average_is_taken_whatever_the_weights_are(detector, state, filled):
    average = {name: tensor + 1 for name, tensor in state.items()}
    broken = {**state, "conv1.weight": DEFECTS["not finite"][0]}
    beside = prefixed("model_ema.", average)
    for content in ({"model": broken, "ema": average}, prefixed("model.", broken) | beside, broken | beside):
        report = filled(content)
        assert (report.is_ema, len(report.loaded.loaded), report.rejected) == (True, 100, ())
        assert torch.equal(detector.backbone.conv1.weight, average["conv1.weight"])


def test_weights_that_cannot_be_used_give_way_to_others(state, filled):
    report = filled({"state_dict": {**state, "fc.bias": torch.tensor(torch.inf)}, "model": state})
    assert report.taken.keys == ("model",)
    assert report.rejected == (f"the weights under state_dict can't be used: The tensor fc.bias {NOT_FINITE}",)


@pytest.mark.parametrize(("tensor", "reason"), DEFECTS.values(), ids=DEFECTS)
def test_if_none_is_left_the_first_reason_is_given_and_nothing_is_copied(detector, state, filled, tensor, reason):
    before = detector.backbone.bn1.running_mean.clone()
    unusable = {**state, "conv1.weight": tensor}
    for content, start in (
        (unusable, ""),
        ({"state_dict": unusable}, "The weights under state_dict can't be used: "),
        ({"model": unusable, "ema": unusable}, "The EMA weights under ema can't be used: "),
        ({"model": {"decay": torch.ones(1)}, "ema": unusable}, "The EMA weights under ema can't be used: "),
        ({"model": unusable, "ema": {"decay": torch.ones(1)}}, "The weights under model can't be used: "),
    ):
        with pytest.raises(ValueError, match="The tensor") as refusal:
            filled(content)
        assert str(refusal.value).startswith(f"{start}The tensor conv1.weight {reason}.")
    assert torch.equal(detector.backbone.bn1.running_mean, before)


def test_safetensors_of_an_average_that_diverged_are_refused(detector, state, tmp_path):
    content = prefixed("ema.", {name: torch.full_like(tensor, torch.nan) for name, tensor in state.items()})
    save_file(content, tmp_path / "model.safetensors")
    message = rf"^The tensor ema\.bn1\.bias {NOT_FINITE}\. Give other weights\.$"
    with pytest.raises(ValueError, match=message):
        fill(detector, read_states(tmp_path / "model.safetensors"), detector)


def test_so_does_an_average_that_the_network_cannot_rename(tmp_path):
    """Of a VGG with BatchNorms, biases move into these."""
    channels = [8, "M", 16, "M", 32, 32, "M", 64, 64, "M", 64, 64]  # VGG-11's, an eighth as wide
    state = prefixed("features.", make_layers(channels, batch_norm=True).state_dict())
    torch.save({"model": state, "ema": {**state, "features.0.bias": torch.ones(1)}}, tmp_path / "last.pth")
    ours = build(replace(SPEC, detector="ssd_vgg11"))
    report = fill(ours, read_states(tmp_path / "last.pth"), ours)
    assert (report.taken.keys, report.loaded.complete) == (("model",), True)
    assert report.rejected == (
        "the EMA weights under ema can't be used: The bias of stem.conv is (1,), but its BatchNorm's running_mean (8,)",
    )
