import pytest
import torch
from torch import nn

from spaces.backbones.efficientnet_lite import efficientnet_lite0
from spaces.backbones.inverted_residual import InvertedResidual, Stage
from spaces.backbones.mobilenet_v2 import mobilenet_v2
from spaces.detectors import searchable_units


def block_of(in_channels, stage, stride, methods):
    torch.manual_seed(0)
    return InvertedResidual(in_channels, stage, stride, False, lambda _: methods).eval()


def silence(block):
    """What is left of a block is its shortcuts and its depthwise convolution, made an identity."""
    for unit in searchable_units(block).values():
        for norm in unit.modules():
            if isinstance(norm, nn.BatchNorm2d):
                nn.init.zeros_(norm.weight)
    nn.init.dirac_(block.depthwise.conv.weight, groups=block.depthwise.conv.groups)
    block.depthwise.bn.eps = 0.0


def test_shortcuts_of_a_1_bit_block_repeat_average_and_go_round_it():
    block = block_of(4, Stage(6, 4, 1, 1), 1, ("bireal",))
    silence(block)
    x = 8 * torch.randn(1, 4, 5, 5)
    y, expanded = block(x)
    torch.testing.assert_close(expanded, x.repeat(1, 6, 1, 1))
    torch.testing.assert_close(y, x.clamp(0, 6) + x)  # the depthwise convolution reads through its ReLU6


def test_a_real_block_has_only_the_published_shortcut():
    block = block_of(4, Stage(6, 4, 1, 1), 1, ("real",))
    silence(block)
    x = torch.randn(1, 4, 5, 5)
    y, expanded = block(x)
    assert torch.equal(y, x)
    assert expanded.count_nonzero() == 0


@pytest.mark.parametrize(("stage", "stride"), [(Stage(6, 8, 1, 2), 1), (Stage(6, 4, 1, 2), 2)])
def test_no_shortcut_where_the_shape_changes(stage, stride):
    block = block_of(4, stage, stride, ("real",))
    silence(block)
    assert block(torch.randn(1, 4, 6, 6))[0].count_nonzero() == 0


@pytest.mark.parametrize("expansion", [1, 6])
def test_a_real_block_bends(expansion):
    """f(x) + f(y) = f(x + y) + f(0) holds for affine maps: a block without its ReLU6 is one."""
    block = block_of(4, Stage(expansion, 4, 1, 1), 1, ("real",))
    x, y = torch.randn(2, 1, 4, 6, 6)
    gap = block(x)[0] + block(y)[0] - block(x + y)[0] - block(torch.zeros_like(x))[0]
    assert gap.abs().max() > 0.1


@pytest.mark.parametrize("build", [mobilenet_v2, efficientnet_lite0])
@pytest.mark.parametrize("method", ["real", "bireal", "react"])
def test_every_unit_sees_both_signs(smooth, build, method):
    torch.manual_seed(0)
    network = build(0.25, lambda _: (method,)).train()
    shares = {}
    for name, unit in searchable_units(network).items():
        unit.register_forward_pre_hook(lambda _, x, name=name: shares.update({name: (x[0] > 0).float().mean().item()}))
    network(smooth)
    assert len(shares) == len(searchable_units(network))
    assert all(0.05 < share < 0.95 for share in shares.values()), shares
