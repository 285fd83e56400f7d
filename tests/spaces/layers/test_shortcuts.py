import pytest
import torch
from torch import nn

from spaces.layers.shortcuts import GroupMean, Repeat, build_shortcut


def channels_of(values):
    """A 1x1 map of these channels."""
    return torch.tensor(values).view(1, -1, 1, 1)


def test_a_free_shortcut_averages_channels_in_groups_when_narrowing():
    narrow = build_shortcut("free", 6, 2, 1)
    assert narrow(channels_of([1.0, 10.0, 2.0, 20.0, 6.0, 60.0])).flatten().tolist() == [3.0, 30.0]


def test_a_free_shortcut_repeats_channels_when_widening():
    assert build_shortcut("free", 2, 6, 1)(channels_of([1.0, 2.0])).flatten().tolist() == [1.0, 2.0] * 3


def test_narrowing_undoes_widening():
    x = torch.randn(2, 4, 3, 5)
    torch.testing.assert_close(GroupMean(4)(Repeat(3)(x)), x)


def test_a_free_shortcut_pools_where_the_map_is_halved():
    x = torch.tensor([[1.0, 3.0, 10.0], [5.0, 7.0, 20.0], [100.0, 200.0, 42.0]]).view(1, 1, 3, 3)
    same, wider = build_shortcut("free", 1, 1, 2)(x), build_shortcut("free", 1, 2, 2)(x)
    assert same.flatten().tolist() == [4, 15, 150, 42]
    assert wider.flatten().tolist() == [4, 15, 150, 42] * 2


@pytest.mark.parametrize("kind", ["free", "free_if_binary"])
@pytest.mark.parametrize(("inner", "outer"), [(3, 2), (2, 3), (144, 32), (16, 40)])
def test_there_is_no_free_shortcut_between_numbers_that_do_not_divide(kind, inner, outer):
    assert build_shortcut(kind, inner, outer, 1) is None


@pytest.mark.parametrize("kind", ["projected", "free", "free_if_binary"])
def test_the_input_itself_where_nothing_changes(kind):
    assert isinstance(build_shortcut(kind, 4, 4, 1), nn.Identity)


@pytest.mark.parametrize(("inner", "outer", "stride"), [(4, 8, 1), (8, 4, 2), (4, 4, 2)])
def test_free_shortcuts_hold_no_parameter_and_projected_ones_a_convolution(inner, outer, stride):
    free, projected = (build_shortcut(kind, inner, outer, stride) for kind in ("free", "projected"))
    assert list(free.parameters()) == []
    assert sum(p.numel() for p in projected.parameters()) == inner * outer + 2 * outer
    x = torch.randn(2, inner, 5, 7)
    assert free(x).shape == projected(x).shape == (2, outer, -(-5 // stride), -(-7 // stride))


def test_another_kind_is_refused():
    assert build_shortcut("none", 4, 4, 1) is None
    with pytest.raises(ValueError, match="shortcut is 'identity'; allowed are 'projected', 'free', "):
        build_shortcut("identity", 4, 4, 1)
