import pytest
import torch

from spaces.backbones.resnet import resnet18, scaled_channels
from spaces.detectors import searchable_units


def real(_unit):
    return ("real",)


@pytest.mark.parametrize(
    ("channels", "width", "expected"), [(64, 1.0, 64), (64, 0.25, 16), (64, 0.01, 8), (256, 0.33, 88), (512, 1.5, 768)]
)
def test_channels_are_multiples_of_eight(channels, width, expected):
    assert scaled_channels(channels, width) == expected


@pytest.mark.parametrize(("size", "sides"), [(96, [24, 12, 6, 3]), (97, [25, 13, 7, 4]), (160, [40, 20, 10, 5])])
def test_maps_have_strides_4_8_16_32(size, sides):
    network = resnet18(0.125, real).eval()
    maps = network(torch.rand(1, 3, size, size))
    assert {name: tuple(x.shape) for name, x in maps.items()} == {
        f"layer{stage}": (1, channels, side, side)
        for stage, channels, side in zip((1, 2, 3, 4), (8, 16, 32, 64), sides, strict=True)
    }
    assert network.channels == {"layer1": 8, "layer2": 16, "layer3": 32, "layer4": 64}


def test_sixteen_units_carry_the_names_of_torchvisions_convolutions():
    asked = []
    network = resnet18(0.125, lambda name: asked.append(name) or ("real",), prefix="backbone.")
    expected = [f"layer{s}.{b}.conv{c}" for s in (1, 2, 3, 4) for b in (0, 1) for c in (1, 2)]
    assert list(searchable_units(network)) == expected
    assert asked == [f"backbone.{name}" for name in expected]
    strides = {name: unit.shape.stride for name, unit in searchable_units(network).items()}
    assert [name for name, stride in strides.items() if stride == 2] == [f"layer{s}.0.conv1" for s in (2, 3, 4)]


def test_every_block_of_the_all_real_network_bends():
    """f(x) + f(y) = f(x + y) + f(0) holds for affine maps: a stage without its ReLUs is one."""
    torch.manual_seed(0)
    network = resnet18(0.125, real).eval()
    channels = {"layer1": 8, "layer2": 8, "layer3": 16, "layer4": 32}
    for stage, inner in channels.items():
        for index, block in enumerate(network.get_submodule(stage)):
            x, y = torch.randn(2, 1, inner if index == 0 else network.channels[stage], 6, 6).unbind()
            gap = block(x) + block(y) - block(x + y) - block(torch.zeros_like(x))
            assert gap.abs().max() > 0.1, f"{stage}.{index}"


def test_the_stem_takes_both_signs():
    """A ReLU after the stem would make the first unit's sign a constant."""
    torch.manual_seed(0)
    network = resnet18(0.125, real).train()
    seen = []
    network.layer1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    coarse = torch.randn(4, 3, 8, 8)  # neighbouring pixels are alike, as in photographs
    network(torch.nn.functional.interpolate(coarse, (96, 96), mode="bilinear"))
    positive = (seen[0] >= 0).float().mean((0, 2, 3))  # of each channel
    assert 0.05 < positive.min() <= positive.max() < 0.95
