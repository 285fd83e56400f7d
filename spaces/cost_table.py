"""Costs of every candidate of a space, by addition: each layer is measured once with each of its methods."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from spaces.added_cost import AddedCost
from spaces.candidate import Candidate, Value
from spaces.cost import BITS_PER_MEGABYTE, LayerCost, layer_costs
from spaces.cost_segments import segments_of, sums_by_method
from spaces.cost_sums import NOTHING, Sums, costs_of, least_of, sums_of, total_of
from spaces.deployed.size import sizes
from spaces.detectors import DetectorSpec, counted_proposals, searchable_units
from spaces.latency import FIGURE as LATENCY
from spaces.latency import LatencyTable
from spaces.layers import REAL
from spaces.layers.opened import group_of
from spaces.pair_costs import PairCosts
from spaces.space import SearchSpace
from spaces.supernet import build_fixed, choice_of, means
from spaces.without_values import without_values, without_work

Choices = Mapping[str, Sequence[str]]
"""Maps a layer, or a prefix of layers, to the methods that it may have."""


@dataclass(frozen=True)
class LayerShare:
    """What one layer adds to a candidate's costs with one of its methods.

    choice: the knob that decides on the method; empty where none does. kind: `block` for a unit that is searched by
    default, the group of an opened one, `fixed` for a layer that has no choice of methods. latency_ms: None without a
    table of times; what lies between layers isn't in it.
    """

    layer: str
    choice: str
    kind: str
    method: str
    macs: int
    bit_ops: int
    ops: float
    memory_bits: int
    latency_ms: float | None = None


class CostTable:
    """The costs of a space's candidates, for one image of the detector's `input_size`, without building a network.

    A layer's cost depends on its own method alone, so a candidate's cost is a sum. Every figure equals that of
    `layer_costs` on the network that `build_fixed` makes of the candidate.

    units: the searchable units by name. choices: the methods by layer or prefix. passes: the rows of counting passes
    that between them measure each unit as real and with each of its methods. proposals: how many a two-stage detector
    is counted with; None for other detectors. added: other costs; raises ValueError where one lacks a layer's method.
    """

    def __init__(
        self,
        units: Mapping[str, nn.Module],
        choices: Choices,
        passes: Iterable[Sequence[LayerCost]],
        proposals: int | None = None,
        added: Sequence[AddedCost] = (),
    ) -> None:
        self.proposals = proposals
        self._more = tuple(added)
        self._segments = segments_of(passes)
        self._groups = {name: group_of(unit) for name, unit in units.items()}
        self._by_unit = {unit: self._with_more(unit) for unit in units}
        self.knob_of = self._by_layer({prefix: prefix for prefix in choices}, missing="")
        """The choice that each unit follows, by the unit's name; empty where there is none."""
        rest = [rows for s in self._segments if s.layer not in units for rows in s.rows.values()]
        self._constant = sums_of(row for rows in rest for row in rows) + tuple(one.rest for one in added)
        """The layers that have no choice of methods."""
        unnamed = (self._by_unit[unit][REAL] for unit, knob in self.knob_of.items() if not knob)
        self._unnamed = total_of([self._constant, *unnamed])
        """The same, and the units that no choice names."""
        self._by_knob: dict[str, dict[Value, Sums]] = {}
        for prefix, offered in choices.items():
            own = [self._by_unit[unit] for unit, knob in self.knob_of.items() if knob == prefix]
            self._by_knob[f"layer/{prefix}"] = {m: total_of(methods[m] for methods in own) for m in offered}
        knobs = {unit: f"layer/{knob}" if knob else "" for unit, knob in self.knob_of.items()}
        methods = {f"layer/{prefix}": offered for prefix, offered in choices.items()}
        self._pairs = {
            place: PairCosts(one.name, one.pairs, knobs, methods)
            for place, one in enumerate(self._more, len(NOTHING))
            if one.pairs
        }
        """What neighbours add to some of the sums, by the place of these."""

    @classmethod
    def of(cls, spec: DetectorSpec, space: SearchSpace | Choices, latency: LatencyTable | None = None) -> "CostTable":
        """The table of a space, or of methods by layer or prefix (the longest prefix wins).

        Runs every method once, in all layers that offer it, on a network without memory. Has `size_mb` where a packed
        file can hold the detector; latency: adds `latency_ms`. Raises ValueError for a prefix that names no layer of
        the detector, and for a table of times that doesn't fit.
        """
        choices = _layer_choices(space) if isinstance(space, SearchSpace) else space
        image = torch.zeros(3, *spec.input_size, device="meta")

        def build(method: str) -> nn.Module:
            chosen = {f"layer/{prefix}": method if method in offered else REAL for prefix, offered in choices.items()}
            with without_values():
                return build_fixed(spec, Candidate(chosen))

        methods = dict.fromkeys(method for offered in choices.values() for method in offered)
        real = build(REAL)
        networks = [real, *(build(method) for method in methods if method != REAL)]
        with without_work():
            passes = [layer_costs(network, [image]) for network in networks]
            added = sizes(spec, networks, choices)
        units = searchable_units(real)
        if latency is not None:
            added.append(latency.added(spec, units))
        return cls(units, choices, passes, counted_proposals(real), added)

    def costs(self, candidate: Candidate) -> dict[str, float]:
        """The totals of `cost.Costs`, `memory_mb` and the added costs.

        Raises ValueError for a choice that the table doesn't hold.
        """
        try:
            shares = [methods[candidate[knob]] for knob, methods in self._by_knob.items()]
        except KeyError:
            return self._costs_by_unit(candidate)
        if len(shares) < sum(key.startswith("layer/") for key in candidate):
            return self._costs_by_unit(candidate)
        chosen = {knob: str(candidate[knob]) for knob in self._by_knob} if self._pairs else {}
        pairs = {place: one.by_knob(chosen) for place, one in self._pairs.items()}
        return self._figures(total_of([self._unnamed, *shares]), pairs)

    def least(self) -> dict[str, float]:
        """The least value of each cost. No single candidate need have all of them: the cheapest may differ by cost."""
        offered = [list(methods.values()) for methods in self._by_knob.values()]
        ops = costs_of(self._unnamed).ops + sum(min(costs_of(sums).ops for sums in methods) for methods in offered)
        least = total_of([self._unnamed, *map(least_of, offered)])
        pairs = {place: self._least_of_pairs(place) - least[place] for place in self._pairs}
        return self._figures(least, pairs) | {"ops": ops}

    def _least_of_pairs(self, place: int) -> int:
        own = {knob: {str(m): sums[place] for m, sums in methods.items()} for knob, methods in self._by_knob.items()}
        return self._unnamed[place] + self._pairs[place].least(own)

    def ends(self) -> tuple[Candidate, Candidate]:
        """The candidates of least and of most bit_ops; of methods that cost the same, with the one named first."""
        bit_ops = {knob: {method: sums[0] for method, sums in one.items()} for knob, one in self._by_knob.items()}
        cheapest = Candidate({knob: min(methods, key=lambda m: methods[m]) for knob, methods in bit_ops.items()})
        return cheapest, Candidate({knob: max(methods, key=lambda m: methods[m]) for knob, methods in bit_ops.items()})

    def layers(self, candidate: Candidate) -> list[LayerCost]:
        """The rows of the counting pass, in its order. Raises ValueError as `costs` does."""
        chosen = self._methods(candidate)
        rows: list[LayerCost] = []
        for segment in self._segments:
            if segment.layer in chosen:
                rows += segment.rows.get(chosen[segment.layer], ())
            else:
                rows += next(iter(segment.rows.values()))
        return rows

    def shares(self) -> list[LayerShare]:
        """Each layer with each method that a candidate may give it, layers in the order of the counting pass.

        A candidate's costs are the sums over the shares that it chooses and over those without a choice.
        """
        found = []
        for layer in dict.fromkeys(segment.layer for segment in self._segments):
            knob = self.knob_of.get(layer, "")
            kind = (self._groups[layer] or "block") if layer in self._groups else "fixed"
            methods = self._by_unit.get(layer) or sums_by_method(s for s in self._segments if s.layer == layer)
            for method in self._by_knob[f"layer/{knob}"] if knob else [REAL] if layer in self._groups else methods:
                costs = costs_of(methods[str(method)])
                total = sum(costs.macs.values())
                shares = (total, costs.bit_ops, costs.ops, costs.memory_bits, self.latency_of(layer, str(method)))
                found.append(LayerShare(layer, f"layer/{knob}" if knob else "", kind, str(method), *shares))
        return found

    def latency_of(self, layer: str, method: str) -> float | None:
        """What a layer takes by itself, in ms: 0 where it wasn't measured, such as a norm; None without a table."""
        times = next((one for one in self._more if one.name == LATENCY), None)
        if times is None:
            return None
        own = times.layers.get(layer, {})
        return own.get(method if layer in self._groups else REAL, 0) / times.per_figure

    def _with_more(self, unit: str) -> dict[str, Sums]:
        """A unit's sums by method, the added costs among them."""
        counted = sums_by_method(s for s in self._segments if s.layer == unit)
        return {name: sums + tuple(one.of(unit, name) for one in self._more) for name, sums in counted.items()}

    def _figures(self, sums: Sums, pairs: Mapping[int, int]) -> dict[str, float]:
        """pairs: what is added to some of the sums, by place."""
        costs = costs_of(sums)
        sums = tuple(value + pairs.get(place, 0) for place, value in enumerate(sums))
        more = zip(self._more, sums[len(NOTHING) :], strict=True)
        added = {one.name: value / one.per_figure for one, value in more}
        return costs.as_dict() | {"memory_mb": costs.memory_bits / BITS_PER_MEGABYTE} | added

    def _costs_by_unit(self, candidate: Candidate) -> dict[str, float]:
        """As `costs`, for a candidate that leaves choices out or names layers that are no knobs of the space."""
        chosen = self._methods(candidate)
        pairs = {place: one.by_layer(chosen) for place, one in self._pairs.items()}
        return self._figures(total_of([self._constant, *(self._by_unit[unit][m] for unit, m in chosen.items())]), pairs)

    def _methods(self, candidate: Candidate) -> dict[str, str]:
        """Each unit's method. Raises ValueError for a layer or a method that the table doesn't hold."""
        layers = candidate.layers()
        for prefix in layers:
            if not any(means(prefix, name, group) for name, group in self._groups.items()):
                raise ValueError(f"The cost table has no layer called {prefix}. It has: {', '.join(self._by_unit)}.")
        chosen = self._by_layer(layers, missing=REAL)
        for unit, method in chosen.items():
            if method not in self._by_unit[unit]:
                raise ValueError(f"{unit} is {method!r}; the cost table has {', '.join(self._by_unit[unit])}.")
        return chosen

    def _by_layer(self, named: Mapping[str, str], missing: str) -> dict[str, str]:
        """Maps each unit to what `named` gives it, see `choice_of`."""
        return {name: choice_of(name, group, named) or missing for name, group in self._groups.items()}


def _layer_choices(space: SearchSpace) -> Choices:
    return {knob.name: tuple(map(str, knob.choices)) for knob in space.knobs if knob.kind == "layer"}
