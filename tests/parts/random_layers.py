"""Units as after a training, in places of all kinds: what descriptions and exports of layers are tried on."""

import numpy as np
import torch
from torch import nn

from spaces.deployed.form import BinaryInput, Convolution
from spaces.layers import METHODS, UnitShape
from spaces.layers.real import FakeQuantized

ALL = [
    *METHODS,
    *("bireal+learned_scale+pad_minus_one+prelu", "sign+prelu", "dbs+pad_minus_one", "react+learned_scale"),
    *("lcb+learned_scale", "lcb_dynamic+pad_minus_one", "lcb+pad_minus_one", "react+input_norm"),
    *("dbs+gate", "lcb_dynamic+gate", "react+gate+input_norm", "sign+gate"),
    *("sign+normalised+pad_minus_one", "bireal+periodic", "react+input_norm+resilient", "sign+rectified"),
    *("adabin+pad_minus_one", "sign+bases2+learned_scale", "react+bases2+gate", "bireal+bases2+pad_minus_one"),
]
"""Every method, and options that change what is computed."""


def lively(module):
    """Parameters and statistics as after a training: nothing is 0 or 1 that only starts so."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.normal_(0, 0.3)
                norm.running_var.uniform_(0.5, 2)
            if isinstance(norm, FakeQuantized):
                norm.observing = True
    return module.eval()


def measured(unit, x):
    """The unit, once the ranges of its inputs are known."""
    unit(x)
    for one in unit.modules():
        if isinstance(one, FakeQuantized):
            one.observing = False
    return unit


def place(number):
    """A random place: channels, kernel, stride, padding, dilation, groups, activation, norm, shortcut."""
    rng = np.random.default_rng(number)
    groups = int(rng.choice([1, 1, 3]))
    inputs, outputs = groups * int(rng.integers(1, 7)), groups * int(rng.integers(1, 7))
    shape = UnitShape(
        inputs,
        outputs if rng.integers(2) else inputs * 2,
        kernel := int(rng.choice([1, 3])),
        int(rng.integers(1, 3)),
        activation=str(rng.choice(["relu", "relu6", "none"])),
        dilation=int(rng.integers(1, 3)) if kernel == 3 else 1,
        groups=groups,
        norm=str(rng.choice(["always", "never"])),
    )
    kind = str(rng.choice(["projected", "free", "free_if_binary", "none"]))
    return shape, kind, torch.from_numpy(rng.normal(0, 2, (2, inputs, *rng.integers(4, 8, 2))).astype(np.float32))


def binary(inputs, outputs, kernel, stride, dilation, pad_value, groups=1):
    """A 1-bit layer of random signs and thresholds, without scale, norm and shortcut."""
    rng = np.random.default_rng(inputs * outputs)
    weight = rng.choice([-1, 1], (outputs, inputs // groups, kernel, kernel)).astype(np.int8)
    return Convolution(
        "it",
        "sign",
        "binary",
        weight,
        np.ones(outputs, np.float32),
        BinaryInput(rng.normal(0, 0.5, inputs).astype(np.float32)),
        stride=stride,
        padding=kernel // 2 * dilation,
        dilation=dilation,
        groups=groups,
        pad_value=pad_value,
    )
