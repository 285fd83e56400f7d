"""Silence-aware decay (OvSW, ECCV 2024): latent weights whose signs hardly ever flip are drawn to zero."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from spaces.layers import SearchableUnit
from spaces.layers.signs import sign
from trainers.training.parameter_groups import Grouped

SignedWeight = tuple[nn.Parameter, Callable[[], Tensor]]
"""A latent weight, and what gives the signs that are convolved of it now: as many as it has elements."""


@dataclass(frozen=True, kw_only=True)
class SilenceDecay:
    """How silent weights are found and drawn to zero (arXiv:2407.05257, there SAD).

        g <- g + decay w  where t < threshold         before an update of the weight w with the gradient g
        t <- momentum t + (1 - momentum) [w's sign flipped]       after it; 0 at first

    The sign is the one that is convolved. Of a method that takes it of something else than w (`lcb`, `adabin`,
    `normalised`, `rectified`, `periodic`) that is our reading; the paper has sign(w) alone. The decay is that of w.
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


def signed_weights(modules: nn.Module) -> list[SignedWeight]:
    """The latent weights that are trained. Of a module that is no searchable unit the weight's own sign counts."""
    found: list[SignedWeight] = []
    for module in modules.modules():
        if isinstance(module, Grouped):
            for weight in module.parameter_groups().get("latent", []):
                signs = module.one_bit_signs if isinstance(module, SearchableUnit) else partial(sign, weight)
                found.append((weight, signs))
    return [(weight, signs) for weight, signs in found if weight.requires_grad]


class SilentWeights:
    """The rate t at which each sign of latent weights flips, and the decay of those below the threshold.

    A step that gives a weight no gradient, as a supernet's that samples another method, isn't counted for it.
    """

    def __init__(self, weights: Iterable[SignedWeight], settings: SilenceDecay) -> None:
        self._weights, self._settings = list(weights), settings
        self._rates = [torch.zeros_like(weight) for weight, _ in self._weights]

    @contextmanager
    def updating(self) -> Iterator[None]:
        """Within it the optimizer makes its step: the gradients have the decay, and flips are counted at its end."""
        with torch.no_grad():
            trained = []
            for (weight, signs), rate in zip(self._weights, self._rates, strict=True):
                if weight.grad is not None:
                    silent = (rate < self._settings.threshold).to(rate.dtype)
                    weight.grad.addcmul_(silent, weight, value=self._settings.decay)
                    trained.append((rate, signs, signs()))
            yield
            for rate, signs, before in trained:
                flipped = (signs() != before).to(rate.dtype).view_as(rate)
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
