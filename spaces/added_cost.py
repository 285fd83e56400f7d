"""A cost that is a sum over layers beside those of the counting pass, such as a time or the size of a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from spaces.pair_costs import Pairs


@dataclass(frozen=True)
class AddedCost:
    """What each layer adds with each of its methods, in whole numbers, so that sums don't depend on their order.

    name: of the figure. per_figure: how many make one of the figure's unit, as 1,000,000 ns make 1 ms. layers: by layer
    and method. rest: what doesn't depend on a method. pairs: what two layers add besides.
    """

    name: str
    per_figure: int
    layers: Mapping[str, Mapping[str, int]]
    rest: int
    pairs: Pairs = field(default_factory=dict)

    def of(self, layer: str, method: str) -> int:
        """What a layer adds. Raises ValueError where it isn't known."""
        known = self.layers.get(layer, {})
        if method not in known:
            has = f"it has {', '.join(known)}" if known else "it doesn't have this layer"
            raise ValueError(f"{self.name} of {layer} as {method} isn't known: {has}.")
        return known[method]
