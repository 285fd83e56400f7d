"""Which of a file's tensors get into a backbone or a detector, whatever lies round them."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torchvision.models.detection import fasterrcnn_resnet50_fpn

from spaces.detectors import DetectorSpec, build_detector
from spaces.published.matching import fill
from spaces.published.prefixes import EMA_PREFIXES, PREFIXES
from spaces.published.reading import read_states
from spaces.published.wrappers import DEEPEST, EMA_WRAPPERS, WRAPPERS, PublishedState
from spaces.without_values import without_values

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, width=0.125)
LAST = "layer4.1.bn2.running_var"


def build(spec=SPEC):
    return build_detector(spec, lambda _: ("real",))


@pytest.fixture(scope="module")
def detector():
    return build()


@pytest.fixture(scope="module")
def state(detector, published_resnet18):
    return published_resnet18(detector.backbone)


def filled(detector, tensors, *more):
    return fill(detector, [PublishedState(tensors), *more], detector)


def prefixed(prefix, tensors):
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def test_a_classifier_fills_the_backbone_and_its_head_is_left_out(detector, state):
    report = filled(detector, state)
    assert (report.whole, report.prefix, report.is_ema, report.rejected, report.tensors) == (False, "", False, (), 102)
    assert (len(report.loaded.loaded), report.loaded.missing) == (100, ())
    assert report.loaded.unused == ("fc.weight", "fc.bias")
    assert torch.equal(detector.backbone.bn1.running_mean, state["bn1.running_mean"])
    assert torch.equal(detector.backbone.get_submodule("layer4.1.conv2.alternatives.real.bn").running_var, state[LAST])


def test_a_deeper_network_of_the_same_names_and_shapes_is_refused(detector, published_resnet18, state):
    """ResNet-34 has every tensor of ResNet-18, and more blocks behind them."""
    before = detector.backbone.bn1.running_mean.clone()
    further = {name.replace("layer3.1", f"layer3.{k}"): one for name, one in state.items() for k in range(2, 6)}
    message = (
        r"of a deeper network: besides 100 of the 100 tensors of the backbone it has layer3\.2\..* in the same modules"
    )
    with pytest.raises(ValueError, match=message):
        filled(detector, {**further, **state})
    assert torch.equal(detector.backbone.bn1.running_mean, before)


CHAINS = st.lists(st.sampled_from(PREFIXES), max_size=6).map("".join)
KEYS = st.lists(st.sampled_from([*WRAPPERS, *EMA_WRAPPERS]), max_size=DEEPEST)
DTYPES = st.sampled_from([torch.float32, torch.float16, torch.bfloat16, torch.float64])


@settings(max_examples=40)
@given(chain=CHAINS, keys=KEYS, dtype=DTYPES, others=st.booleans())
def test_chains_of_prefixes_under_any_keys_in_any_precision(
    detector, state, tmp_path_factory, chain, keys, dtype, others
):
    saved = {name: tensor.to(dtype) for name, tensor in state.items()}
    content = prefixed(chain, saved) | ({"neck.weight": torch.ones(1)} if others else {})
    path = tmp_path_factory.getbasetemp() / "any.pth"
    if keys:
        for key in reversed(keys):
            content = {"epoch": 3, key: content, "optimizer": {"state": {}}}
        torch.save(content, path)
    else:
        save_file(content, path)
    with torch.no_grad():
        detector.backbone.conv1.weight.zero_()
    report = fill(detector, read_states(path), detector)
    assert (report.taken.keys, report.prefix) == (tuple(keys), chain)
    assert len(report.loaded.loaded) == 100
    left = [f"{chain}fc.weight", f"{chain}fc.bias", *["neck.weight"] * others]
    assert sorted(report.loaded.unused) == sorted(left)
    assert report.is_ema is (any(word in chain for word in EMA_PREFIXES) or any(key in EMA_WRAPPERS for key in keys))
    assert torch.equal(detector.backbone.conv1.weight, saved["conv1.weight"].float())


def test_of_mmdetections_detectors_a_backbone_takes_the_backbones(detector, state):
    beside = {"neck.fpn.weight": torch.ones(3), "bbox_head.gfl_cls.weight": torch.ones(4)}
    report = filled(detector, {**prefixed("backbone.", {k: v for k, v in state.items() if "fc" not in k}), **beside})
    assert (report.whole, report.prefix, report.tensors) == (False, "backbone.", 102)
    assert report.loaded.unused == tuple(beside)


def test_so_does_a_detector_that_takes_a_whole_one_of_torchvisions(published_resnet18):
    ours = build(replace(SPEC, detector="faster_rcnn_resnet18", heads=None))
    state = published_resnet18(ours.backbone)
    report = filled(ours, prefixed("backbone.", state) | {"rpn_head.rpn_conv.weight": torch.ones(1)})
    assert (report.whole, report.prefix, len(report.loaded.loaded)) == (False, "backbone.", 100)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.model.", "backbone."])
def test_a_whole_detector_of_torchvisions_stays_one_behind_other_prefixes(prefix):
    spec = replace(SPEC, detector="faster_rcnn_resnet50_plain", heads=None, width=1.0, num_classes=90)
    with without_values():
        ours, theirs = build(spec), fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict()
    report = filled(ours, prefixed(prefix, theirs))
    assert (report.whole, report.prefix, report.loaded.missing, report.loaded.unused) == (True, prefix, (), ())


def test_the_moving_average_is_taken_before_the_weights(detector, state):
    ema = {name: tensor + 1 for name, tensor in state.items()}
    report = fill(detector, [PublishedState(ema, ("model_ema",)), PublishedState(state, ("model",))], detector)
    assert (report.taken.keys, report.is_ema) == (("model_ema",), True)
    assert torch.equal(detector.backbone.conv1.weight, ema["conv1.weight"])
    flat = prefixed("model.", state) | prefixed("model_ema.", ema) | {"model_ema.decay": torch.tensor(0.999)}
    report = filled(detector, flat)
    assert (report.prefix, report.is_ema, len(report.loaded.unused)) == ("model_ema.", True, 2 + 1 + 102)
    assert torch.equal(detector.backbone.conv1.weight, ema["conv1.weight"])


def test_a_moving_average_of_parameters_alone_gives_way_and_is_named(detector, state):
    ema = PublishedState({name: tensor for name, tensor in state.items() if "running" not in name}, ("ema",))
    report = fill(detector, [ema, PublishedState(state, ("model",))], detector)
    share = "Only 60 of the 100 tensors of the backbone are in the checkpoint, and nine tenths are needed"
    assert (report.taken.keys, report.rejected) == (("model",), (f"the EMA weights under ema can't be used: {share}",))
    with pytest.raises(
        ValueError,
        match=r"^The EMA weights under ema can't be used: Only 60 of the 100 .* It lacks bn1\.running_mean, bn1\.run",
    ):
        fill(detector, [ema], detector)


def test_nine_tenths_of_the_backbone_are_enough_and_less_is_refused(state):
    detector = build()
    names = [name for name in state if "fc" not in name]
    report = filled(detector, {name: state[name] for name in names[:90]})
    assert (len(report.loaded.loaded), len(report.loaded.missing)) == (90, 10)
    before = detector.backbone.conv1.weight.clone()
    strange = {name: torch.ones(1) for name in ("stem.0.weight", "stem.1.weight", "a", "b", "c")}
    message = (
        "Only 89 of the 100 tensors of the backbone are in the checkpoint, and nine tenths are needed. It lacks "
        "layer4.0.conv1.shortcut.2.running_var, layer4.1.conv1.weight, layer4.1.conv1.alternatives.real.bn.weight "
        "and 8 more. Of its own these fit nowhere: model.stem.0.weight, "
        "model.stem.1.weight, model.a and 2 more. Give weights of this backbone. The prefixes module., "
    )
    with pytest.raises(ValueError, match=r"Only") as refusal:
        filled(detector, prefixed("model.", {name: state[name] + 1 for name in names[:89]} | strange))
    assert str(refusal.value).startswith(message)
    assert torch.equal(detector.backbone.conv1.weight, before)


def test_batch_counters_are_not_counted(detector, state):
    counters = {name.replace("running_var", "num_batches_tracked"): torch.tensor(7) for name in state if "_var" in name}
    report = filled(detector, state | counters)
    assert (report.tensors, report.loaded.unused) == (102, ("fc.weight", "fc.bias"))
    with pytest.raises(
        ValueError, match=r"None of the 100 tensors .* It lacks conv1\.weight, .* and 97 more\. Give weights"
    ):
        filled(detector, counters)


def test_the_heads_of_a_whole_detector_may_be_missing(published_resnet18):
    ours = build(replace(SPEC, detector="faster_rcnn_resnet18", heads=None))
    state = {name: tensor for name, tensor in published_resnet18(ours.backbone).items() if "fc" not in name}
    report = filled(ours, prefixed("backbone.body.", state))
    assert (report.whole, len(report.loaded.loaded)) == (True, 100)
    assert all(not name.startswith("backbone.") for name in report.loaded.missing)
    assert report.loaded.missing
    few = dict(list(state.items())[:89])
    with pytest.raises(ValueError, match="Only 89 of the 100 tensors of the backbone"):
        filled(ours, prefixed("backbone.body.", few))


def test_another_width_is_refused_as_such(detector, published_resnet18):
    wide = published_resnet18(build(replace(SPEC, width=0.25)).backbone)
    with pytest.raises(
        ValueError, match=r"conv1\.weight is \(16, 3, 7, 7\) .* published weights fit a width of 1 only"
    ):
        filled(detector, prefixed("module.", wide))


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_the_names_decides_nothing(detector, state, order):
    both = prefixed("net.", state) | prefixed("model.", {name: tensor + 1 for name, tensor in state.items()})
    report = filled(detector, dict(list(both.items())[::order]))
    assert report.prefix == "model."
    assert torch.equal(detector.backbone.conv1.weight, both["model.conv1.weight"])
