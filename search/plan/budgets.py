"""Whether a search's budgets leave any candidate: what the cheapest one of its space costs."""

from functools import cache

import torch

from search.config import Config, ConfigError
from search.plan.sources import class_names
from search.plan.space import student_spec
from spaces.candidate import Candidate, method_of
from spaces.cost import Costs, layer_costs, totals
from spaces.detectors import DetectorSpec
from spaces.space import Knob, SearchSpace
from spaces.supernet import build_fixed

BITS_PER_MEGABYTE = 8e6

ELSEWHERE = ""
"""For the layers that no knob switches."""


def check_budgets(config: Config, space: SearchSpace) -> None:
    """Raise ConfigError for upper bounds in `search.constraints` that no candidate of the space keeps.

    Each is held against the space by itself: two that can't be kept together are not found.
    """
    bounds = config.search.constraints
    if not bounds:
        return
    spec = student_spec(config, len(class_names(config)))
    least = least_costs(spec, tuple(knob for knob in space.knobs if knob.kind == "layer"))
    low = {name: bound for name, bound in bounds.items() if bound < least[name]}
    if low:
        told = ", ".join(f"{name} is {_exactly(low[name])}, the least is {_exactly(least[name])}" for name in low)
        raise ConfigError(
            f"search.constraints: no candidate of this space is so cheap: {told}. Give the least or more, or let more "
            "layers have cheaper methods (space.layers)."
        )


@cache
def least_costs(spec: DetectorSpec, layers: tuple[Knob, ...]) -> dict[str, float]:
    """By budget the least that a candidate can cost, for one image: each knob's share is its own and is added up.

    Every method is measured once, in all layers that offer it.
    """
    shares: dict[str, list[Costs]] = {}
    for method in dict.fromkeys(str(choice) for knob in layers for choice in knob.choices):
        chosen = {knob.name: method if method in knob.choices else str(knob.choices[0]) for knob in layers}
        for name, share in _shares(spec, chosen).items():
            shares.setdefault(name, []).append(share)
    bits = sum(min(one.memory_bits for one in offered) for offered in shares.values())
    return {
        "bit_ops": sum(min(one.bit_ops for one in offered) for offered in shares.values()),
        "ops": sum(min(one.ops for one in offered) for offered in shares.values()),
        "memory_mb": bits / BITS_PER_MEGABYTE,
    }


def _shares(spec: DetectorSpec, chosen: dict[str, str]) -> dict[str, Costs]:
    """The costs of a candidate, by the knob that its layers belong to."""
    network = build_fixed(spec, Candidate({f"layer/{name}": method for name, method in chosen.items()}))
    rows = layer_costs(network, [torch.zeros(3, spec.image_size, spec.image_size)])
    owners = [method_of(row.name, {name: name for name in chosen}) or ELSEWHERE for row in rows]
    return {name: totals(r for r, owner in zip(rows, owners, strict=True) if owner == name) for name in set(owners)}


def _exactly(value: float) -> str:
    """All digits: what is shown as the least is a bound that can be kept."""
    return repr(float(value)).removesuffix(".0")
