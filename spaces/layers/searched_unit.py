"""The 1-bit alternative whose signs are searched, by logits of its own."""

from typing import Literal

import torch
from torch import Tensor, nn

from spaces.layers.alternative import UnitShape
from spaces.layers.binary_unit import Binary
from spaces.layers.prelu import PReLU
from spaces.layers.weight_rules import Searched, WeightRule

ANNEALED_SHARE, LAST_TEMPERATURE = 0.75, 0.1


def annealed_rule(progress: float) -> Searched:
    """The weight rule of an annealed search at this share of the training, 0 to 1."""
    if progress >= ANNEALED_SHARE:
        return Searched("hard")
    return Searched("soft", temperature=LAST_TEMPERATURE ** (progress / ANNEALED_SHARE))


class DBS(Binary):
    """Differentiable binarization search (LWS-Det, CVPR 2021, section 3.2): each weight's sign is searched.

    sign -> convolution with alpha * sign(d) -> BatchNorm -> + shortcut -> PReLU; the difference d of the logits (Co,
    Ci, k, k) and the learned scale alpha belong to this alternative alone; see `weight_rules.Searched`. The residual
    layout with a PReLU is recalled of the paper's networks, not read. d starts from a real weight, divided by its
    channel's standard deviation, or from N(0, 1) where there is none, or with `normal_start`.

    relaxation says what is convolved in training: `annealed` the relaxed weight, of a temperature that falls from 1 to
    0.1 over the first three quarters of a training (`search_progress`), then the hard one, sign(d); `hard` always
    sign(d); `soft` always the relaxed one. The paper leaves it open; annealed measured best
    (docs/measurements/dbs.md). Evaluation always convolves sign(d).
    """

    owns_weight = True
    folded = ("scale", "logits")
    weighed = ("scale", "logits")

    def __init__(
        self,
        shape: UnitShape,
        *,
        relaxation: Literal["annealed", "hard", "soft"] = "annealed",
        normal_start: bool = False,
        gate: bool = False,
        input_norm: bool = False,
        pad_value: float = 0.0,
    ) -> None:
        super().__init__(
            shape,
            rule=Searched(),
            input_gradient="approx",
            learned_scale=True,
            post=PReLU,
            gate=gate,
            input_norm=input_norm,
            pad_value=pad_value,
        )
        self.logits = nn.Parameter(torch.randn(shape.weight))
        self.relaxation, self.normal_start = relaxation, normal_start
        self.search_progress = 1.0
        """The share of the training that is done, 0 to 1; the trainer sets it."""

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """The logits have a learning rate of their own: they must travel a whole unit to change a sign."""
        return {"logit": [self.logits]}

    def relaxed_until(self, progress: float) -> bool:
        """Whether the steps just before this share of a training convolved the relaxed weight."""
        return self.relaxation == "soft" or (self.relaxation == "annealed" and progress <= ANNEALED_SHARE)

    def clipped_apart(self) -> list[nn.Parameter]:
        """Logits and scale: the layer losses that train them are often larger than all other losses together."""
        return [parameter for parameter in (self.logits, self.scale) if parameter is not None]

    @torch.no_grad()
    def start_from(self, weight: Tensor) -> None:
        super().start_from(weight)
        if not self.normal_start:
            self.logits.copy_(weight / weight.std((1, 2, 3), keepdim=True).clamp(min=1e-8))

    def _own_weight(self, weight: Tensor | None) -> Tensor:
        return self.logits

    def _rule_now(self) -> WeightRule:
        if self.inputs_only:  # logits are no weights: where these shall be real, the relaxed choice stands in
            return Searched("soft")
        return super()._rule_now()

    def _own_rule(self) -> WeightRule:
        if not self.training or self.relaxation == "hard":
            return self.rule
        if self.relaxation == "soft":
            return Searched("soft")
        return annealed_rule(self.search_progress)
