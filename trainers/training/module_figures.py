"""Figures that modules report during training, and the progress of the training that they are given."""

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from spaces.layers.signs import sign

Figure = float | Tensor
"""A number, or a scalar of a GPU, which would be waited for."""


@runtime_checkable
class Reporting(Protocol):
    """A module with figures of its own, such as the accuracy of a discriminator."""

    def figures(self) -> Mapping[str, Figure]:
        """The figures by name since the last call; empty if the module wasn't used."""


@runtime_checkable
class Annealed(Protocol):
    """A module that computes differently as its training goes on."""

    search_progress: float
    """The share of the training that is done, 0 to 1."""


def mean_figures(modules: Iterable[Reporting]) -> dict[str, Figure]:
    """Each figure by name, as the mean over the modules that report it."""
    values: dict[str, list[Figure]] = {}
    for module in modules:
        for name, value in module.figures().items():
            values.setdefault(name, []).append(value)
    return {name: sum(each) / len(each) for name, each in values.items()}


def set_progress(modules: Iterable[Annealed], done: float) -> None:
    """Set the share of the training that is done, 0 to 1, in each module."""
    for module in modules:
        module.search_progress = done


class FlippedSigns:
    """The signs of parameters when a training began, for comparison with their later signs."""

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self._parameters = list(parameters)
        self._first_signs = [sign(parameter.detach()) for parameter in self._parameters]

    @torch.no_grad()
    def figures(self) -> dict[str, float]:
        """`flipped`, the share of all signs that differ from the first ones; empty if no sign is searched.

        A search that flips hardly any sign has only confirmed the signs that it began with.
        """
        if not self._parameters:
            return {}
        pairs = zip(self._parameters, self._first_signs, strict=True)
        flipped = sum(int((sign(parameter) != first).sum()) for parameter, first in pairs)
        return {"flipped": round(flipped / sum(parameter.numel() for parameter in self._parameters), 4)}
