import pytest
import torch
from torch import nn

from spaces.layers import SearchableUnit, UnitShape
from spaces.layers.levels import LevelNorms, LevelScales, SmallMapNorm, at_level
from trainers.training.recalibrate import recalibrate


def test_each_level_is_normalised_by_its_own_statistics():
    norms, generator = LevelNorms(1, levels=2), torch.Generator().manual_seed(0)
    maps = [10 + torch.randn(64, 1, 8, 8, generator=generator), -5 + 3 * torch.randn(64, 1, 4, 4, generator=generator)]
    for _ in range(60):
        for level, x in enumerate(maps):
            with at_level(norms.modules(), level):
                y = norms(x)
            assert abs(y.mean()) < 1e-4
            assert y.var().item() == pytest.approx(1, abs=1e-2)
    assert [norm.running_mean.item() for norm in norms.norms] == pytest.approx([10, -5], abs=0.2)
    norms.eval()
    for level, x in enumerate(maps):  # what training saw is what evaluation sees
        with at_level([norms], level):
            y = norms(x)
        assert y.mean().item() == pytest.approx(0, abs=0.05)
        assert y.var().item() == pytest.approx(1, abs=0.05)


def test_a_level_lasts_as_long_as_its_context_even_through_an_error():
    norms, x = LevelNorms(1, levels=2).eval(), torch.ones(1, 1, 2, 2)
    with at_level([norms], 1):
        norms(x)
    with pytest.raises(RuntimeError, match="called outside `at_level`"):
        norms(x)
    with pytest.raises(RuntimeError, match="running_mean should contain"), at_level([norms], 1):
        norms(torch.ones(1, 3, 2, 2))
    with pytest.raises(RuntimeError, match="called outside `at_level`"):
        norms(x)


def test_scales_are_one_at_first_and_belong_to_a_level():
    scales, x = LevelScales(3), torch.tensor([2.0])
    assert [scales(x, level).item() for level in range(3)] == [2, 2, 2]
    with torch.no_grad():
        scales.factors[1] = 5.0
    assert [scales(x, level).item() for level in range(3)] == [2, 10, 2]


@pytest.mark.parametrize("images", [1, 3])
def test_a_few_values_a_channel_are_normalised_by_the_running_statistics(images):
    norm = SmallMapNorm(2)
    norm.running_mean.copy_(torch.tensor([1.0, 2.0]))
    x = torch.tensor([3.0, 5.0]).view(1, 2, 1, 1).repeat(images, 1, 1, 1)
    torch.testing.assert_close(norm(x)[-1].flatten(), torch.tensor([2.0, 3.0]) / (1 + norm.eps) ** 0.5)
    assert norm.running_mean.tolist() == [1, 2]


def test_a_plain_batch_norm_takes_no_single_value():
    with pytest.raises(ValueError, match="more than 1 value per channel"):  # why there is a norm of our own
        nn.BatchNorm2d(2)(torch.zeros(1, 2, 1, 1))


def test_otherwise_it_is_a_batch_norm():
    ours, theirs, x = SmallMapNorm(2), nn.BatchNorm2d(2), torch.randn(4, 2, 1, 1)
    assert torch.equal(ours(x), theirs(x))
    assert torch.equal(ours.running_var, theirs.running_var)
    assert torch.equal(ours.eval()(x[:1]), theirs.eval()(x[:1]))


def test_a_unit_may_have_another_norm_in_every_alternative():
    unit = SearchableUnit(UnitShape(8, 8, 3, build_norm=lambda channels: nn.GroupNorm(2, channels)), ("real", "sign"))
    assert all(isinstance(one.bn, nn.GroupNorm) for one in unit.alternatives.values())
    assert unit.alternatives["real"].bn is not unit.alternatives["sign"].bn
    assert isinstance(SearchableUnit(UnitShape(8, 8, 3), ("real",)).alternatives["real"].bn, nn.BatchNorm2d)


class TwoLevels(nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = LevelNorms(1, levels=2)

    def forward(self, images):
        for level, x in enumerate(torch.stack(images).split([6, 2], dim=-1)):
            with at_level([self.norms], level):
                self.norms(x)


def test_recalibration_measures_every_level():
    images = [torch.cat([torch.full((1, 8, 6), 3.0), torch.full((1, 8, 2), 7.0)], dim=-1) for _ in range(4)]
    network = TwoLevels()
    recalibrate(network, [images[:2], images[2:]])
    assert [norm.running_mean.item() for norm in network.norms.norms] == [3, 7]
