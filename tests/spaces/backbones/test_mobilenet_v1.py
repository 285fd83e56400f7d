import pytest
import torch
from torch import nn

from spaces.backbones.mobilenet_v1 import mobilenet_v1
from spaces.detectors import searchable_units
from spaces.published.weights import load_pretrained

# arXiv:1704.04861, table 1: output channels and stride of each depthwise-separable block.
BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]


def real(_unit):
    return ("real",)


def published():
    """The paper's network under the names of its checkpoints."""

    def layer(inner, outer, kernel, stride, groups=1):
        return [
            nn.Conv2d(inner, outer, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outer),
            nn.ReLU(),
        ]

    model, before = nn.Sequential(nn.Sequential(*layer(3, 32, 3, 2))), 32
    for channels, stride in BLOCKS:
        depthwise = layer(before, before, 3, stride, groups=before)
        model.append(nn.Sequential(*depthwise, *layer(before, channels, 1, 1)))
        before = channels
    network = nn.Module()
    network.model, network.fc = model, nn.Linear(1024, 10)
    return network


def test_all_real_it_is_the_published_network(lively):
    theirs, network = lively(published()), mobilenet_v1(1.0, real).eval()
    report = load_pretrained(network, theirs.state_dict())
    assert report.complete
    assert (report.own, report.unused) == ((), ("fc.weight", "fc.bias"))
    x = images = torch.randn(1, 3, 65, 96)
    with torch.no_grad():
        maps = list(network(images).values())
        for index, layer in enumerate(theirs.model):
            x = layer(x)
            if index in (3, 5, 11, 13):  # the last of strides 4, 8, 16 and 32
                torch.testing.assert_close(maps.pop(0).relu(), x, atol=1e-4, rtol=1e-4)
    assert maps == []
    assert x.std() > 0.01


def test_thirteen_units_are_named_by_stage_and_block():
    asked = []
    network = mobilenet_v1(0.125, lambda name: asked.append(name) or ("real",), prefix="backbone.")
    counts = {"stage1": 1, "stage2": 2, "stage3": 2, "stage4": 6, "stage5": 2}
    expected = [f"{stage}.{block}.pointwise" for stage, count in counts.items() for block in range(count)]
    assert list(searchable_units(network)) == expected
    assert asked == [f"backbone.{name}" for name in expected]


@pytest.mark.parametrize(("size", "sides"), [(96, [24, 12, 6, 3]), (97, [25, 13, 7, 4])])
def test_maps_have_strides_4_8_16_32(size, sides):
    network = mobilenet_v1(0.125, real).eval()
    maps = network(torch.rand(1, 3, size, size))
    assert list(maps) == list(network.channels) == ["stage2", "stage3", "stage4", "stage5"]
    assert [tuple(x.shape) for x in maps.values()] == [
        (1, channels, side, side) for channels, side in zip((16, 32, 64, 128), sides, strict=True)
    ]


@pytest.mark.parametrize("method", ["bireal", "real"])
def test_every_unit_sees_both_signs(smooth, method):
    torch.manual_seed(0)
    network = mobilenet_v1(0.25, lambda _: (method,)).train()
    shares = {}
    for name, unit in searchable_units(network).items():
        unit.register_forward_pre_hook(lambda _, x, name=name: shares.update({name: (x[0] > 0).float().mean().item()}))
    network(smooth)
    assert len(shares) == 13
    assert all(0.05 < share < 0.95 for share in shares.values()), shares
