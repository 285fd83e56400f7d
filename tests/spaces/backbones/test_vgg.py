import pytest
import torch
import torchvision
from torch import nn

from spaces.backbones.vgg import vgg11, vgg16
from spaces.detectors import searchable_units
from spaces.published.weights import load_pretrained
from spaces.without_values import without_values


def real(_unit):
    return ("real",)


@pytest.mark.parametrize(
    ("build", "theirs"), [(vgg11, "vgg11"), (vgg11, "vgg11_bn"), (vgg16, "vgg16"), (vgg16, "vgg16_bn")]
)
def test_all_real_it_is_torchvisions_network(lively, build, theirs):
    with without_values():
        features = torchvision.models.get_model(theirs).features  # without the 120 million weights of the classifier
    published = nn.Sequential()
    published.add_module("features", features.to_empty(device="cpu"))
    lively(published)
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
            nn.init.normal_(layer.bias, std=0.2)
    network = build(1.0, real).eval()
    report = load_pretrained(network, published.state_dict())
    assert report.complete
    assert (report.own, report.unused) == ((), ())
    images = torch.randn(1, 3, 32, 64)
    with torch.no_grad():
        ours, expected = network(images)["pool5"].relu(), features(images)
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)
    assert expected.std() > 0.01


def test_a_bias_without_the_statistics_that_it_belongs_to_is_left_out():
    network = vgg11(0.125, real)
    state = {
        "features.1.running_mean": torch.ones(8),
        "features.0.bias": torch.ones(8),
        "features.4.bias": torch.ones(16),
    }
    assert {name: tensor.tolist() for name, tensor in network.from_published(state).items()} == {
        "stem.bn.running_mean": [0.0] * 8
    }


def test_a_bias_of_another_shape_than_its_norm_is_refused():
    state = {"features.1.running_mean": torch.ones(8), "features.0.bias": torch.ones(1)}  # which would broadcast
    with pytest.raises(
        ValueError, match=r"The bias of stem\.conv is \(1,\), but its BatchNorm's running_mean \(8,\)\."
    ):
        vgg11(0.125, real).from_published(state)


@pytest.mark.parametrize(("build", "counts"), [(vgg11, (1, 1, 2, 2, 2)), (vgg16, (2, 2, 3, 3, 3))])
def test_units_are_named_by_stage_and_place(build, counts):
    expected = [f"stage{s}.{index}.conv" for s, count in enumerate(counts, start=1) for index in range(count)]
    asked = []
    network = build(0.125, lambda name: asked.append(name) or ("real",), prefix="backbone.")
    assert list(searchable_units(network)) == expected[1:]  # the first convolution stays real
    assert asked == [f"backbone.{name}" for name in expected[1:]]


@pytest.mark.parametrize(("size", "sides"), [(96, [24, 12, 6, 3]), (97, [25, 13, 7, 4])])
def test_maps_have_strides_4_8_16_32(size, sides):
    network = vgg16(0.125, real).eval()
    maps = network(torch.rand(1, 3, size, size))
    assert list(maps) == list(network.channels) == ["stage3", "stage4", "stage5", "pool5"]
    assert [tuple(x.shape) for x in maps.values()] == [
        (1, channels, side, side) for channels, side in zip((32, 64, 64, 64), sides, strict=True)
    ]


def test_1_bit_convolutions_have_a_shortcut_and_real_ones_have_none():
    binary, plain = (vgg16(0.125, lambda _, m=method: (m,)).eval() for method in ("bireal", "real"))
    x = torch.randn(1, 8, 4, 4)
    pooled = x.unfold(2, 2, 2).unfold(3, 2, 2).mean((-1, -2))
    for network, expected in ((binary, pooled.repeat(1, 2, 1, 1)), (plain, torch.zeros(1, 16, 2, 2))):
        for norm in network.stage2.modules():
            if isinstance(norm, nn.BatchNorm2d):
                nn.init.zeros_(norm.weight)  # the convolutions say nothing
        torch.testing.assert_close(network.stage2(x), expected)


@pytest.mark.parametrize(("method", "expected"), [("real", 8.0), ("int8", 8.0), ("bireal", 5.0)])
def test_the_pooling_belongs_to_the_units_precision(method, expected):
    block, seen = vgg11(0.125, lambda _: ("real", "int8", "bireal")).eval().stage2[0], []
    block.conv.activate(method)
    block.conv.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    block(torch.tensor([[1.0, 4.0, 3.0], [7.0, 8.0, 3.0], [0.0, 2.0, 6.0]]).expand(1, 8, 3, 3))
    assert seen[0][0, 0, 0, 0] == expected
    assert seen[0][0, 0, 1, 1] == 6.0  # one pixel of an odd map


@pytest.mark.parametrize("method", ["bireal", "real"])
def test_every_unit_sees_both_signs(smooth, method):
    torch.manual_seed(0)
    network = vgg16(0.25, lambda _: (method,)).train()
    shares = {}
    for name, unit in searchable_units(network).items():
        unit.register_forward_pre_hook(lambda _, x, name=name: shares.update({name: (x[0] > 0).float().mean().item()}))
    network(smooth)
    assert len(shares) == 12
    assert all(0.05 < share < 0.95 for share in shares.values()), shares
