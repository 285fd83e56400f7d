import pytest
import torch
import torchvision
from torch import nn

from spaces.backbones.backbone import scaled_channels
from spaces.backbones.resnet import resnet18, resnet34, resnet50
from spaces.detectors import searchable_units
from spaces.published.weights import load_pretrained


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


@pytest.mark.parametrize(
    ("build", "blocks", "convolutions", "expansion"),
    [(resnet18, (2, 2, 2, 2), 2, 1), (resnet34, (3, 4, 6, 3), 2, 1), (resnet50, (3, 4, 6, 3), 3, 4)],
)
@pytest.mark.parametrize("layout", ["bireal", "plain"])
def test_every_depth_has_its_blocks(build, blocks, convolutions, expansion, layout):
    network = build(0.125, real, layout=layout).eval()
    expected = [
        f"layer{stage}.{block}.conv{conv}"
        for stage, count in enumerate(blocks, start=1)
        for block in range(count)
        for conv in range(1, convolutions + 1)
    ]
    assert list(searchable_units(network)) == expected
    maps = network(torch.rand(1, 3, 96, 96))
    assert {name: x.shape[1] for name, x in maps.items()} == network.channels
    assert list(network.channels.values()) == [expansion * c for c in (8, 16, 32, 64)]
    assert [x.shape[-1] for x in maps.values()] == [24, 12, 6, 3]


@pytest.mark.parametrize(("build", "theirs"), [(resnet18, "resnet18"), (resnet34, "resnet34"), (resnet50, "resnet50")])
def test_the_plain_layout_is_torchvisions_network(lively, build, theirs):
    published = lively(torchvision.models.get_model(theirs))
    network = build(1.0, real, layout="plain").eval()
    report = load_pretrained(network, published.state_dict())
    assert report.complete
    assert report.unused == ("fc.weight", "fc.bias")
    images = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        maps = network(images)
        x = published.maxpool(published.relu(published.bn1(published.conv1(images))))
        for name, ours in maps.items():
            x = getattr(published, name)(x)
            torch.testing.assert_close(ours.relu(), x, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("build", "theirs"), [(resnet18, "resnet18"), (resnet50, "resnet50")])
def test_the_bireal_layout_takes_all_of_torchvisions_tensors_as_its_start(build, theirs):
    network = build(1.0, real)
    report = load_pretrained(network, torchvision.models.get_model(theirs).state_dict())
    assert report.complete
    assert report.unused == ("fc.weight", "fc.bias")


def test_the_chain_of_shortcuts_through_a_bottleneck_does_not_add_the_input_to_itself():
    """Else the mean over groups would double in every block."""
    network = resnet50(0.125, lambda _: ("bireal",)).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.weight)  # the convolutions say nothing: what is left is shortcuts
    x = torch.randn(1, 64, 6, 6)
    torch.testing.assert_close(network.layer2[1:](x), x)


@pytest.mark.parametrize("layout", ["bireal", "plain"])
@pytest.mark.parametrize("build", [resnet18, resnet50])
def test_every_1_bit_unit_sees_both_signs_in_both_layouts(smooth, build, layout):
    torch.manual_seed(0)
    network = build(0.125, lambda _: ("bireal",), layout=layout).train()
    shares = {}
    for name, unit in searchable_units(network).items():
        unit.register_forward_pre_hook(lambda _, x, name=name: shares.update({name: (x[0] > 0).float().mean()}))
    network(smooth)
    assert len(shares) == len(searchable_units(network))
    assert all(0.05 < share < 0.95 for share in shares.values()), shares


def test_another_layout_is_refused():
    with pytest.raises(ValueError, match="layout is 'flat'; allowed are 'bireal' and 'plain'"):
        resnet18(0.125, real, layout="flat")
