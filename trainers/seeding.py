"""Seeds: one for each purpose, all derived from the run's seed; and the generators that torch draws from by itself."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch


def seeded(seed: int, *names: object) -> int:
    """A seed for one purpose, named by `names`, from the run's seed: the same on every machine, 31 bits."""
    return random.Random("/".join(map(str, (seed, *names)))).getrandbits(31)


_common_seed: ContextVar[int | None] = ContextVar("the seed that all processes of a training have", default=None)


@contextmanager
def seeded_torch(seed: int, device: torch.device | str = "cpu", common: int | None = None) -> Iterator[None]:
    """Within it torch's global generators, the CPU's and the device's, draw from `seed`; then they are as before.

    common: what `common_seed` gives within, where other processes of a training have another `seed`.
    10 microseconds, less than `torch.manual_seed` takes: that one seeds all devices, and even those that aren't used.
    """
    generators = _generators_of(torch.device(device))
    before = [generator.get_state() for generator in generators]
    token = _common_seed.set(seed if common is None else common)
    try:
        for generator in generators:
            generator.manual_seed(seed)
        yield
    finally:
        _common_seed.reset(token)
        for generator, state in zip(generators, before, strict=True):
            generator.set_state(state)


def common_seed() -> int:
    """The seed of this step, the same in all processes of a training; outside `seeded_torch` torch's own."""
    seed = _common_seed.get()
    return torch.initial_seed() if seed is None else seed


@contextmanager
def callers_generators(device: torch.device | str = "cpu") -> Iterator[None]:
    """Put the global generators of torch, numpy and `random` back at its end: they belong to whoever calls us.

    We seed only torch's, but what we call may draw from any: a module's initialization, Optuna, Ray.
    """
    generators = _generators_of(torch.device(device))
    of_torch = [generator.get_state() for generator in generators]
    of_numpy, of_python = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        for generator, state in zip(generators, of_torch, strict=True):
            generator.set_state(state)
        np.random.set_state(of_numpy)
        random.setstate(of_python)


def _generators_of(device: torch.device) -> list[torch.Generator]:
    """The CPU's, from which initializations draw, and that of a GPU, which this sets up."""
    if device.type != "cuda" or not torch.cuda.is_available():
        return [torch.default_generator]
    torch.cuda.init()  # seeds that the caller has set take effect only now
    number = torch.cuda.current_device() if device.index is None else device.index
    return [torch.default_generator, torch.cuda.default_generators[number]]
