import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from spaces.backbones.efficientnet_lite import MEAN, STD, efficientnet_lite0
from spaces.detectors import searchable_units
from spaces.published.reading import read_states
from spaces.published.weights import load_pretrained

FILE = "efficientnet-lite0-57934424.pth"
# From arXiv:1905.11946, table 1: kernel, stride, channels of each of sixteen blocks, and whether it adds its input.
BLOCKS = (
    [(3, 1, 16, False), (3, 2, 24, False), (3, 1, 24, True), (5, 2, 40, False), (5, 1, 40, True), (3, 2, 80, False)]
    + [(3, 1, 80, True)] * 2
    + [(5, 1, 112, False), (5, 1, 112, True), (5, 1, 112, True), (5, 2, 192, False)]
    + [(5, 1, 192, True)] * 3
    + [(3, 1, 320, False)]
)


def real(_unit):
    return ("real",)


def synthetic_state():
    """A checkpoint of the published names and shapes, filled at random."""
    generator = torch.Generator().manual_seed(0)
    state = {}

    def add(convolution, norm, out_channels, in_channels, kernel):
        spread = (2 / (in_channels * kernel * kernel)) ** 0.5
        weight = torch.randn(out_channels, in_channels, kernel, kernel, generator=generator) * spread
        state[f"{convolution}.weight"] = weight
        state[f"{norm}.weight"] = torch.rand(out_channels, generator=generator) + 0.5
        state[f"{norm}.bias"] = torch.randn(out_channels, generator=generator) * 0.2
        state[f"{norm}.running_mean"] = torch.randn(out_channels, generator=generator) * 0.2
        state[f"{norm}.running_var"] = torch.rand(out_channels, generator=generator) + 0.5

    add("_conv_stem", "_bn0", 32, 3, 3)
    before = 32
    for index, (kernel, _, channels, _) in enumerate(BLOCKS):
        block, inner = f"_blocks.{index}", before * (6 if index else 1)
        if index:
            add(f"{block}._expand_conv", f"{block}._bn0", inner, before, 1)
        add(f"{block}._depthwise_conv", f"{block}._bn1", inner, 1, kernel)
        add(f"{block}._project_conv", f"{block}._bn2", channels, inner, 1)
        before = channels
    add("_conv_head", "_bn1", 1280, 320, 1)
    return state | {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}


def published(state, x):
    """The published network's last map, straight from its checkpoint's tensors."""

    def layer(x, convolution, norm, stride=1, groups=1):
        weight = state[f"{convolution}.weight"]
        kernel = weight.shape[-1]
        ends = []  # TensorFlow's SAME, first the width
        for size in (x.shape[3], x.shape[2]):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            ends += [total // 2, total - total // 2]
        x = F.conv2d(F.pad(x, ends), weight, stride=stride, groups=groups)
        mean, var, scale, bias = (state[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, var, scale, bias, eps=1e-3)

    x = layer(x, "_conv_stem", "_bn0", stride=2).clamp(0, 6)
    for index, (_, stride, _, adds) in enumerate(BLOCKS):
        block, y = f"_blocks.{index}", x
        if index:
            y = layer(y, f"{block}._expand_conv", f"{block}._bn0").clamp(0, 6)
        y = layer(y, f"{block}._depthwise_conv", f"{block}._bn1", stride, groups=y.shape[1]).clamp(0, 6)
        y = layer(y, f"{block}._project_conv", f"{block}._bn2")
        x = x + y if adds else y
    return layer(x, "_conv_head", "_bn1").clamp(0, 6)


def assert_it_computes_what_is_published(state, size):
    network = efficientnet_lite0(1.0, real).eval()
    report = load_pretrained(network, state)
    assert report.complete
    assert (report.own, report.unused) == ((), ("_fc.weight", "_fc.bias"))
    images = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = network(images)["head.0.conv"].clamp(0, 6), published(state, images)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
    assert theirs.std() > 0.01


@pytest.mark.parametrize("size", [(64, 96), (65, 33)])
def test_all_real_it_computes_what_a_checkpoint_of_its_shapes_says(size):
    assert_it_computes_what_is_published(synthetic_state(), size)


def test_it_takes_the_published_checkpoint():
    root = os.environ.get("BITFRONT_WEIGHTS_ROOT")
    if root is None or not (Path(root) / FILE).is_file():
        pytest.skip(f"BITFRONT_WEIGHTS_ROOT names no folder with {FILE}")
    state = read_states(Path(root) / FILE)[0].tensors
    shapes = {name: tensor.shape for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    assert shapes == {name: tensor.shape for name, tensor in synthetic_state().items()}
    assert_it_computes_what_is_published(state, (96, 96))


def test_images_are_normalised_as_published():
    network = efficientnet_lite0(0.125, real)
    assert network.image_mean == (MEAN,) * 3
    black, white = (0 - MEAN) / STD, (1 - MEAN) / STD
    assert (black, white) == pytest.approx(((0 - 127) / 128, (255 - 127) / 128))


def test_it_has_32_units_and_an_epsilon_of_its_own():
    network = efficientnet_lite0(0.125, lambda _: ("real", "sign"))
    names = list(searchable_units(network))
    assert len(names) == 32
    assert (names[0], names[1], names[-1]) == ("stage1.0.project", "stage2.0.expand", "head.0.conv")
    assert {module.eps for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)} == {1e-3}


def test_maps_have_strides_4_8_16_32():
    network = efficientnet_lite0(1.0, real).eval()
    with torch.no_grad():
        maps = network(torch.rand(1, 3, 97, 96))
    sides = [(25, 24), (13, 12), (7, 6), (4, 3)]
    assert [tuple(x.shape[1:]) for x in maps.values()] == [
        (channels, *side) for channels, side in zip((144, 240, 672, 1280), sides, strict=True)
    ]
    assert list(network.channels.values()) == [144, 240, 672, 1280]
