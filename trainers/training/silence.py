"""Silence-aware decay (OvSW, ECCV 2024): latent weights whose signs hardly ever flip are drawn to zero."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spaces.layers.signs import sign


@dataclass(frozen=True, kw_only=True)
class SilenceDecay:
    """How silent weights are found and drawn to zero (arXiv:2407.05257, there SAD).

        g <- g + decay w  where t < threshold         before an update of the weight w with the gradient g
        t <- momentum t + (1 - momentum) [sign(w) flipped]        after it; 0 at first

    The defaults are those of the paper's code for ImageNet.
    """

    decay: float = 2e-5
    momentum: float = 0.999
    threshold: float = 1e-4

    def __post_init__(self) -> None:
        if self.decay <= 0:
            raise ValueError(f"The decay of silent weights is {self.decay}, must be positive.")
        for name in ("momentum", "threshold"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"The {name} of silent weights is {getattr(self, name)}, must be 0 or more and below 1."
                )


class SilentWeights:
    """The rate t at which each sign of latent weights flips, and the decay of those below the threshold.

    A step that gives a weight no gradient, as a supernet's that samples another method, isn't counted for it.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], settings: SilenceDecay) -> None:
        self._parameters, self._settings = list(parameters), settings
        self._rates = [torch.zeros_like(parameter) for parameter in self._parameters]

    @contextmanager
    def updating(self) -> Iterator[None]:
        """Within it the optimizer makes its step: the gradients have the decay, and flips are counted at its end."""
        with torch.no_grad():
            pairs = zip(self._parameters, self._rates, strict=True)
            trained = [(one, one.grad, rate, sign(one)) for one, rate in pairs if one.grad is not None]
            for parameter, grad, rate, _ in trained:
                silent = (rate < self._settings.threshold).to(grad.dtype)
                grad.addcmul_(silent, parameter, value=self._settings.decay)
            yield
            for parameter, _, rate, before in trained:
                flipped = (sign(parameter) != before).to(rate.dtype)
                rate.mul_(self._settings.momentum).add_(flipped, alpha=1 - self._settings.momentum)

    def figures(self) -> dict[str, float]:
        """`silent`, the share of all these weights that are below the threshold; empty if there are none."""
        if not self._rates:
            return {}
        silent = sum(int((rate < self._settings.threshold).sum()) for rate in self._rates)
        return {"silent": round(silent / sum(rate.numel() for rate in self._rates), 4)}

    def state_dict(self) -> dict[str, list[Tensor]]:
        """The rates."""
        return {"rates": self._rates}

    def load_state_dict(self, state: Mapping[str, list[Tensor]]) -> None:
        """Go on from a saved state."""
        for rate, saved in zip(self._rates, state["rates"], strict=True):
            rate.copy_(saved)
