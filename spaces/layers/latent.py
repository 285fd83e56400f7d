"""What of a latent weight the sign is taken of: the weight itself, or what a published rule makes of it first."""

from typing import Literal

import torch
from torch import Tensor

from spaces.layers.alternative import UnitShape
from spaces.layers.weight_rules import Normalised, Rectified, StraightThrough, WeightRule

Weights = Literal["plain", "normalised", "periodic", "rectified", "resilient"]
"""How a 1-bit method treats its latent weights, see `binary_unit.Binary`."""

CENTRED: frozenset[Weights] = frozenset({"normalised", "rectified"})
"""Those that take the sign of what deviates from a channel's mean."""

LEARNS_SCALE: frozenset[Weights] = frozenset({"periodic", "resilient"})
"""Those whose scale is a parameter whatever the method's."""

PHASE = 1.0
"""omega of `periodic` times the deviation of a new unit's weights: ours.

BiPer's code has omega = 20 for its ResNets, whatever the layer. It chooses omega by the error of sin(omega w) from its
sign, which here depends on omega times the weights' deviation: of normal weights the error is 0.36 of the sine's square
for a small omega, 0.22 at 1, and 0.19 from 2 on. At 1 the sign of one weight in 550 differs from the real weight's, at
2 that of one in 9. Our weights' deviation is 0.06 in the first and 0.02 in the last stage of a ResNet-18, and 0.04 to
0.25 in a MobileNet, so that one omega would be too small here and too large there: it is fixed for each shape.
"""


def omega(shape: UnitShape) -> float:
    """The angular frequency of `periodic` in a unit of this shape: 17 to 48 in a ResNet-18."""
    return PHASE / shape.start_deviation


def seen(weight: Tensor, weights: Weights, shape: UnitShape) -> Tensor:
    """What the sign is taken of, (Co, Ci, k, k) as the latent weight.

    normalised, rectified: w without its channel's mean; what it is divided by changes no sign, see `Normalised`.
    periodic: sin(omega w). Others: w.
    """
    if weights in CENTRED:
        return weight - weight.mean((1, 2, 3), keepdim=True)
    return torch.sin(weight * omega(shape)) if weights == "periodic" else weight


def sees(shifted: bool, weights: Weights) -> tuple[bool, Weights]:
    """What is made of a latent weight before its sign: where that is the same, the signs of one weight are.

    shifted: whether a learned bias a channel is added to it.
    """
    alike: dict[Weights, Weights] = {"resilient": "plain", "rectified": "normalised"}
    return shifted, alike.get(weights, weights)


def rule_for(weights: Weights, rule: WeightRule) -> WeightRule:
    """The rule for what is `seen`, in a method that has `rule` for plain weights."""
    if weights in CENTRED:
        return Rectified(rule) if weights == "rectified" else Normalised(rule)
    return StraightThrough("xnor") if weights in LEARNS_SCALE else rule
