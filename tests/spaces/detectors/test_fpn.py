from collections import OrderedDict

import pytest
import torch
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool

from spaces.detectors import searchable_units
from spaces.detectors.fpn import FeaturePyramid

CHANNELS = [8, 16, 32, 64]
SIDES = [24, 12, 6, 3]


@pytest.fixture
def maps():
    generator = torch.Generator().manual_seed(0)
    return {
        f"layer{n}": torch.randn(2, channels, side, side, generator=generator)
        for n, (channels, side) in enumerate(zip(CHANNELS, SIDES, strict=True), start=1)
    }


def build(*methods):
    torch.manual_seed(0)
    return FeaturePyramid(CHANNELS, 32, lambda _: methods, "fpn.")


def test_all_real_it_is_torchvisions_behind_a_relu(maps):
    ours, theirs = build("real"), FeaturePyramidNetwork(CHANNELS, 32, LastLevelMaxPool())
    for index, level in enumerate(("p2", "p3", "p4", "p5")):
        for unit, block in (("lateral", theirs.inner_blocks), ("output", theirs.layer_blocks)):
            torch.nn.init.normal_(block[index][0].bias)
            ours.get_submodule(f"{level}.{unit}").load_state_dict(block[index][0].state_dict())
    expected = theirs(OrderedDict((name, x.relu()) for name, x in maps.items()))
    found = ours(maps)
    assert list(found) == ["p2", "p3", "p4", "p5", "p6"]
    for one, other in zip(found.values(), expected.values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_levels_units_and_their_names(maps):
    asked = []
    pyramid = FeaturePyramid(CHANNELS, 32, lambda name: asked.append(name) or ("bireal",), "fpn.")
    assert asked == [f"fpn.p{level}.{unit}" for level in (2, 3, 4, 5) for unit in ("lateral", "output")]
    assert [f"fpn.{name}" for name in searchable_units(pyramid)] == asked
    assert [tuple(x.shape) for x in pyramid(maps).values()] == [(2, 32, side, side) for side in (24, 12, 6, 3, 2)]


def test_a_1bit_unit_has_a_batch_norm_and_a_free_shortcut_and_a_real_one_neither(maps):
    pyramid = build("real", "sign", "react").eval()
    unit = pyramid.get_submodule("p3.lateral")
    kinds = {name: type(one.bn).__name__ for name, one in unit.alternatives.items()}
    assert kinds == {"real": "Identity", "sign": "BatchNorm2d", "react": "BatchNorm2d"}
    x = maps["layer2"]
    with torch.no_grad():
        torch.nn.init.zeros_(unit.weight)
        assert torch.equal(unit(x), torch.zeros(2, 32, 12, 12))
        unit.activate("sign")
        unit.alternatives["sign"].bn.weight.zero_()
        assert torch.equal(unit(x), x.repeat(1, 2, 1, 1))  # 16 channels to 32


def test_what_a_pyramid_starts_with_is_as_large_as_its_input(maps):
    for name, unit in searchable_units(build("real")).items():
        inputs = unit.weight[0].numel()
        assert unit.weight.var().item() == pytest.approx(1 / inputs, rel=0.25), name


def test_searched_signs_start_from_weights_of_their_own():
    unit = build("dbs").get_submodule("p2.output")
    assert unit.weight is None
    assert unit.alternatives["dbs"].logits.std().item() == pytest.approx(1, rel=0.05)
