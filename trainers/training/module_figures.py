"""What modules report while they are trained, and how they learn how far the training is."""

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from spaces.layers.signs import sign


@runtime_checkable
class Reporting(Protocol):
    """A module with figures of its own, such as the accuracy of a discriminator."""

    def figures(self) -> Mapping[str, float]:
        """The figures by name since they were last asked for; empty where the module was not used."""


@runtime_checkable
class Annealed(Protocol):
    """A module that computes differently as its training goes on."""

    search_progress: float
    """The share of the training that is done, 0 to 1."""


def mean_figures(modules: Iterable[Reporting]) -> dict[str, float]:
    """Each figure by name, as the mean over the modules that report it."""
    values: dict[str, list[float]] = {}
    for module in modules:
        for name, value in module.figures().items():
            values.setdefault(name, []).append(value)
    return {name: sum(each) / len(each) for name, each in values.items()}


def set_progress(modules: Iterable[Annealed], done: float) -> None:
    """Tell the modules which share of the training is done, 0 to 1."""
    for module in modules:
        module.search_progress = done


class FlippedSigns:
    """The signs of parameters when a training began, to be compared with those they have later."""

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self._parameters = list(parameters)
        self._started = [sign(parameter.detach()) for parameter in self._parameters]

    @torch.no_grad()
    def figures(self) -> dict[str, float]:
        """`flipped`, the share of all signs that differ from the first ones; nothing where no sign is searched.

        A search that flips hardly any sign has only confirmed the signs that it began with.
        """
        if not self._parameters:
            return {}
        pairs = zip(self._parameters, self._started, strict=True)
        flipped = sum(int((sign(parameter) != started).sum()) for parameter, started in pairs)
        return {"flipped": round(flipped / sum(one.numel() for one in self._parameters), 4)}
