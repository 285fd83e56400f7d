"""ReBNN's resilient gradient (AAAI 2023): latent weights are pulled to their binary ones where signs flip often."""

import math
from collections.abc import Iterator, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from spaces.layers import SearchableUnit
from spaces.layers.binary_unit import Binary
from spaces.layers.signs import sign
from spaces.layers.weight_rules import LEAST_SCALE

LEAST_PULL, LARGEST_PULL = 1e-5, 2e-4


class ResilientWeights:
    """The pull of each unit's latent weight w and learned scale alpha to each other, in units with `resilient` weights.

    Before an update, in every output channel o:

        gamma    = clamp(share of signs that flipped x max |g|, 1e-5, 2e-4)
        dL/dw    <- dL/dw + gamma (w - alpha sign(w))
        dL/dalpha <- dL/dalpha - gamma <w - alpha sign(w), sign(w)>_o

    They are the derivatives of gamma / 2 |w - alpha sign(w)|^2. dL/dw is then alpha g [|w| <= 1] and the pull, g the
    gradient at alpha sign(w); g is read off dL/dw / alpha. The share is of the signs that differ
    from those of the last step in which the method computed: 0 in a training's first one, which steps with other
    methods, or with real weights, leave as it is.

    All this happens once a step, when gradients have been added over passes and levels of a pyramid, averaged over
    processes and unscaled, so that gamma doesn't depend on how a batch is split. That it reads g behind the slope, and
    alpha's part of the pull, are our reading.
    """

    def __init__(self, modules: nn.Module) -> None:
        self._pairs = list(_resilient(modules))
        self._signs = [torch.zeros_like(_weight(unit), dtype=torch.int8) for unit, _ in self._pairs]

    def __bool__(self) -> bool:
        return bool(self._pairs)

    @torch.no_grad()
    def pull(self) -> None:
        """Add to the gradients, and remember the signs."""
        for (unit, one), before in zip(self._pairs, self._signs, strict=True):
            weight, scale = _weight(unit), cast(nn.Parameter, one.scale)
            if one.inputs_only or weight.grad is None or scale.grad is None:  # it took no part in this step
                continue
            channel, count, alpha = tuple(range(1, weight.ndim)), weight[0].numel(), scale.abs()
            signs = sign(weight)
            now = signs.to(torch.int8)
            flipped = (now * before < 0).sum(channel) / count
            before.copy_(now)
            largest = torch.linalg.vector_norm(weight.grad, math.inf, channel) / alpha.clamp(min=LEAST_SCALE)
            gamma = (flipped * largest).clamp(LEAST_PULL, LARGEST_PULL)
            weight.grad.addcmul_(weight, _by_channel(gamma, weight))
            weight.grad.addcmul_(signs, _by_channel(gamma * alpha, weight), value=-1)
            inner = torch.linalg.vector_norm(weight, 1, channel) - count * alpha  # <w - alpha sign(w), sign(w)>
            scale.grad -= sign(scale) * gamma * inner

    def state_dict(self) -> dict[str, list[Tensor]]:
        """The signs, 0 where there were none yet."""
        return {"signs": self._signs}

    def load_state_dict(self, state: Mapping[str, list[Tensor]]) -> None:
        """Go on from a saved state."""
        for signs, saved in zip(self._signs, state["signs"], strict=True):
            signs.copy_(saved)


def _resilient(modules: nn.Module) -> Iterator[tuple[SearchableUnit, Binary]]:
    for unit in modules.modules():
        if isinstance(unit, SearchableUnit):
            for one in unit.alternatives.values():
                if isinstance(one, Binary) and one.weights == "resilient":
                    yield unit, one


def _by_channel(values: Tensor, weight: Tensor) -> Tensor:
    """One value an output channel (Co,), to be multiplied with a weight (Co, ...)."""
    return values.view(-1, *(1,) * (weight.ndim - 1))


def _weight(unit: SearchableUnit) -> nn.Parameter:
    """The weight that its 1-bit alternatives share."""
    return cast(nn.Parameter, unit.weight if unit.one_bit_weight is None else unit.one_bit_weight)
