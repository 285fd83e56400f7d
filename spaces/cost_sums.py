"""The sums that add up to a candidate's costs, as whole numbers, so that any order of adding gives the same."""

from collections.abc import Iterable
from itertools import zip_longest

from spaces.cost import Costs, LayerCost, totals
from spaces.layers import WIDTHS

Sums = tuple[int, ...]
"""bit_ops, memory_bits, the MACs at each of `WIDTHS`, and what the table was given besides (`AddedCost`)."""
NOTHING: Sums = (0, 0, *(0 for _ in WIDTHS))


def sums_of(rows: Iterable[LayerCost]) -> Sums:
    """What rows of a counting pass add up to."""
    costs = totals(rows)
    return costs.bit_ops, costs.memory_bits, *(costs.macs[bits] for bits in WIDTHS)


def total_of(parts: Iterable[Sums]) -> Sums:
    """Place by place; parts may lack the last places, which count as 0."""
    return tuple(map(sum, zip_longest(NOTHING, *parts, fillvalue=0)))


def least_of(parts: Iterable[Sums]) -> Sums:
    """The least value of each place."""
    return tuple(map(min, zip(*parts, strict=True)))


def costs_of(sums: Sums) -> Costs:
    """The first places, by name."""
    bit_ops, memory_bits, *macs = sums[: len(NOTHING)]
    return Costs(bit_ops, memory_bits, dict(zip(WIDTHS, macs, strict=True)))
