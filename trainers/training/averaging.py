"""The exponential moving average of a training's weights, which is its result where it is asked for."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class AveragedWeights:
    """The average of parameters: m <- decay m + (1 - decay) w after every step, the first one's w as it is.

    Parameters alone are averaged. Running statistics belong to the weights they were measured with, so the average's
    must be measured anew (`recalibrate`) before it is used alone. A parameter that is all zero up to now has not begun
    (an input's learned step before its first batch, the bias of an alternative that no path has used), so its average
    begins when it does: zeros would be drawn in otherwise.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], decay: float) -> None:
        # A list apart from the modules: AveragedModel copies what it is given, which must not be teachers.
        self._parameters = nn.ParameterList(parameters)
        self._averages = AveragedModel(self._parameters, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=False)
        self._not_begun = self._pairs()

    @torch.no_grad()
    def update(self) -> None:
        """Count in the parameters as they are after a step."""
        self._not_begun = [(parameter, average) for parameter, average in self._not_begun if not average.any()]
        self._averages.update_parameters(self._parameters)
        for parameter, average in self._not_begun:
            average.copy_(parameter)

    @torch.no_grad()
    def apply(self) -> None:
        """Set the parameters to their averages; before the first step they stay as they are."""
        if int(self._averages.n_averaged) > 0:
            for parameter, average in self._pairs():
                parameter.copy_(average)

    def state_dict(self) -> dict[str, Any]:
        """The averages and the number of steps."""
        return self._averages.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self._averages.load_state_dict(state)
        self._not_begun = self._pairs()

    def _pairs(self) -> list[tuple[nn.Parameter, nn.Parameter]]:
        return list(zip(self._parameters.parameters(), self._averages.module.parameters(), strict=True))
