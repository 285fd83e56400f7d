"""Whole numbers in front of a sign."""

import numpy as np
import pytest
import torch
from torch import nn

from spaces.deployed.describe import describe_unit
from spaces.deployed.reference import layer
from spaces.deployed.rows import arrays_of, row_of
from spaces.deployed.thresholds import integer_thresholds
from spaces.layers import SearchableUnit, UnitShape


def unit_of(name="sign", shortcut="none", channels=4, kernel=1, **settings):
    torch.manual_seed(0)
    shape = UnitShape(channels, channels, kernel, **settings)
    return SearchableUnit(shape, [name], shortcut).eval()


def test_thresholds_that_a_reader_can_work_out():
    """y = p - mean, times -1 in the second channel, and p of 4 products is even: -4 to 4."""
    unit = unit_of("sign+learned_scale")
    one = unit.alternatives["sign+learned_scale"]
    with torch.no_grad():
        one.scale.fill_(1)
        one.bn.running_var.fill_(1 - one.bn.eps)
        one.bn.running_mean.copy_(torch.tensor([0.5, 0.5, -9, 9]))
        one.bn.weight.copy_(torch.tensor([1.0, -1, 1, 1]))
    threshold, rising = integer_thresholds(describe_unit("it", unit))
    assert rising.tolist() == [1, -1, 1, 1]
    assert threshold.tolist() == [1, 0, -4, 5]  # 5 is never reached


@pytest.mark.parametrize("name", ["sign", "react", "lcb_dynamic", "dbs+pad_minus_one"])
def test_they_say_the_output_of_every_sum(name):
    unit = unit_of(name, channels=6, kernel=3)
    with torch.no_grad():
        for key, parameter in unit.named_parameters():
            if "prelu" not in key and "post" not in key:
                parameter.add_(torch.randn_like(parameter))
        for norm in unit.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.normal_()
    convolution = describe_unit("it", unit)
    x = np.random.default_rng(0).normal(0, 2, (3, 6, 7, 7)).astype(np.float32)
    _, p, y = layer(row_of(convolution), arrays_of(convolution), x)
    threshold, rising = (one[:, None, None] for one in integer_thresholds(convolution))
    assert np.array_equal(np.where(rising > 0, p >= threshold, p <= threshold), y >= 0)
    assert 0.1 < (y >= 0).mean() < 0.9


def test_there_are_none_where_the_sum_alone_does_not_decide():
    falling = unit_of("sign+prelu")
    with torch.no_grad():
        falling.alternatives["sign+prelu"].post.weight.fill_(-0.5)
    grouped = unit_of("sign", build_norm=lambda channels: nn.GroupNorm(2, channels))
    plain = [unit_of(name) for name in ("real", "adabin", "sign+gate", "sign+bases2")]
    for unit in (falling, grouped, unit_of("sign", "projected"), *plain):
        assert integer_thresholds(describe_unit("it", unit)) is None
