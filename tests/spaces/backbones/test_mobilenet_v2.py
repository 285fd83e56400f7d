import pytest
import torch
import torchvision

from spaces.backbones.mobilenet_v2 import mobilenet_v2
from spaces.detectors import searchable_units
from spaces.published.weights import load_pretrained


def real(_unit):
    return ("real",)


@pytest.mark.parametrize("size", [(64, 96), (65, 33)])
def test_all_real_it_is_torchvisions_network(lively, size):
    published = lively(torchvision.models.mobilenet_v2())
    network = mobilenet_v2(1.0, real).eval()
    report = load_pretrained(network, published.state_dict())
    assert report.complete
    assert (report.own, report.unused) == ((), ("classifier.1.weight", "classifier.1.bias"))
    images = torch.randn(2, 3, *size)
    with torch.no_grad():
        ours, theirs = network(images)["head.0.conv"].clamp(0, 6), published.features(images)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
    assert theirs.std() > 0.1  # not a comparison of zeros


def test_maps_are_those_that_torchvisions_depthwise_convolutions_read(lively):
    published = lively(torchvision.models.mobilenet_v2())
    network = mobilenet_v2(1.0, real).eval()
    load_pretrained(network, published.state_dict())
    read = []
    for index in (4, 7, 14):  # the blocks that leave strides 4, 8 and 16
        published.features[index].conv[1].register_forward_pre_hook(lambda _, x: read.append(x[0]))
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        published.features(images)
        ours = list(network(images).values())[:3]
    for one, theirs in zip(ours, read, strict=True):
        torch.testing.assert_close(one.clamp(0, 6), theirs, atol=1e-4, rtol=0)


def test_units_are_named_by_stage_block_and_convolution():
    asked = []
    network = mobilenet_v2(0.125, lambda name: asked.append(name) or ("real",), prefix="backbone.")
    blocks = {"stage1": 1, "stage2": 2, "stage3": 3, "stage4": 4, "stage5": 3, "stage6": 3, "stage7": 1}
    expected = [f"{s}.{b}.{u}" for s, count in blocks.items() for b in range(count) for u in ("expand", "project")]
    expected.remove("stage1.0.expand")
    expected.append("head.0.conv")
    assert list(searchable_units(network)) == expected
    assert sorted(asked) == sorted(f"backbone.{name}" for name in expected)
    assert len(expected) == 34


@pytest.mark.parametrize(("size", "sides"), [(96, [24, 12, 6, 3]), (97, [25, 13, 7, 4])])
def test_maps_have_strides_4_8_16_32(size, sides):
    network = mobilenet_v2(0.25, real).eval()
    maps = network(torch.rand(1, 3, size, size))
    assert (
        list(maps) == list(network.channels) == ["stage3.0.expand", "stage4.0.expand", "stage6.0.expand", "head.0.conv"]
    )
    assert [tuple(x.shape) for x in maps.values()] == [
        (1, channels, side, side) for channels, side in zip((48, 48, 144, 320), sides, strict=True)
    ]
    assert list(network.channels.values()) == [48, 48, 144, 320]  # six times 8, 8 and 24
