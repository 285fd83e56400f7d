import pytest
import torch
import torch.nn.functional as F

from spaces.detectors import searchable_units
from spaces.detectors.dense_pyramid import LEVELS, DensePyramid


def maps_of(*channels, side=12):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, c, -(-side // 2**i), -(-side // 2**i), generator=generator) for i, c in enumerate(channels)]


def pyramid(method="real", channels=(16, 32, 64)):
    torch.manual_seed(0)
    return DensePyramid(channels, 32, lambda _: (method,), "fpn.").eval()


def test_units_have_the_names_that_their_methods_are_asked_for_by():
    asked = []
    network = DensePyramid((8, 8, 8), 8, lambda name: asked.append(name) or ("real",), "fpn.")
    expected = [f"fpn.{level}.{part}" for level in LEVELS[:3] for part in ("lateral", "output")]
    assert asked == [*expected, "fpn.p6.output", "fpn.p7.output"]
    assert [f"fpn.{name}" for name in searchable_units(network)] == asked


@pytest.mark.parametrize(("side", "sides"), [(12, [12, 6, 3, 2, 1]), (21, [21, 11, 6, 3, 2])])
@pytest.mark.parametrize("method", ["real", "sign"])
def test_levels_are_halved_upwards(method, side, sides):
    found = pyramid(method)(maps_of(16, 32, 64, side=side))
    assert {level: tuple(x.shape) for level, x in found.items()} == {
        level: (2, 32, s, s) for level, s in zip(LEVELS, sides, strict=True)
    }


def test_all_real_it_is_the_published_pyramid_on_rectified_maps():
    network, maps = pyramid(), maps_of(16, 32, 64)

    def conv(name, x, **how):  # a fresh BatchNorm only divides by sqrt(1 + eps)
        return F.conv2d(x, network.get_submodule(name).weight, **how) / (1 + 1e-5) ** 0.5

    c3, c4, c5 = (conv(f"{level}.lateral", x.relu()) for level, x in zip(("p3", "p4", "p5"), maps, strict=True))
    c4 = c4 + c5.repeat_interleave(2, 2).repeat_interleave(2, 3)
    c3 = c3 + c4.repeat_interleave(2, 2).repeat_interleave(2, 3)
    expected = [conv(f"{level}.output", x, padding=1) for level, x in (("p3", c3), ("p4", c4), ("p5", c5))]
    expected.append(conv("p6.output", expected[2], padding=1, stride=2))
    expected.append(conv("p7.output", expected[3], padding=1, stride=2))
    for ours, theirs in zip(network(maps).values(), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_what_a_1_bit_unit_sees_and_gives_takes_both_signs():
    network, seen = pyramid("bireal"), {}
    for name, unit in searchable_units(network).items():
        unit.register_forward_pre_hook(lambda _, given, name=name: seen.setdefault(name, given[0]))
    found = network.train()(maps_of(16, 32, 64))
    assert len(seen) == 8
    assert all(x.min() < 0 < x.max() for x in (*seen.values(), *found.values()))


def test_channels_that_do_not_divide_leave_a_lateral_without_a_shortcut():
    assert pyramid("sign", channels=(24, 32, 64)).get_submodule("p3.lateral").shortcut is None
