"""Which candidates a supernet is trained with: drawn by knobs or by costs, and the cheapest and the dearest."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from spaces.candidate import Candidate, Value
from spaces.space import Knob, SearchSpace

STRATA = 20
TRIES = 100
COST = "bit_ops"

CostsOf = Callable[[Candidate], Mapping[str, float]]
"""A candidate's costs by name; they must be sums over its layer knobs."""


class Draws:
    """Draws full candidates of a space. Every method takes the generator that it draws from.

    costs: of a candidate, see `spaces.cost_table`. by_cost: whether `sample` spreads candidates evenly over the
    logarithm of their bit_ops, see `CostStrata`, or draws each knob uniformly.
    """

    def __init__(self, space: SearchSpace, costs: CostsOf, *, by_cost: bool = False) -> None:
        self.space = space
        self._costs = LayerCosts(space, costs)
        self._strata = CostStrata(self._costs) if by_cost else None

    def sample(self, rng: random.Random) -> Candidate:
        """A random candidate."""
        candidate = self.space.sample(rng)
        return candidate if self._strata is None else candidate.replace(self._strata.sample(rng))

    def cheapest(self, rng: random.Random) -> Candidate:
        """A candidate of the least bit_ops, drawn from all of them: methods of one cost take turns."""
        return self._end(rng, min)

    def dearest(self, rng: random.Random) -> Candidate:
        """A candidate of the most bit_ops, drawn from all of them."""
        return self._end(rng, max)

    def _end(self, rng: random.Random, best: Callable[[Sequence[float]], float]) -> Candidate:
        layers = {}
        for knob in self._costs.knobs:
            costs = self._costs.by_knob[knob.key]
            end = best(costs)
            layers[knob.key] = rng.choice([one for one, cost in zip(knob.choices, costs, strict=True) if cost == end])
        return self.space.sample(rng).replace(layers)


class LayerCosts:
    """What each choice of each layer knob adds to a candidate's bit_ops, above the knob's cheapest choice."""

    def __init__(self, space: SearchSpace, costs: CostsOf) -> None:
        self.knobs = [knob for knob in space.knobs if knob.kind == "layer"]
        base = space.complete(Candidate({}))
        self.by_knob: dict[str, list[float]] = {}
        for knob in self.knobs:
            own = [costs(base.replace({knob.key: choice}))[COST] for choice in knob.choices]
            self.by_knob[knob.key] = [cost - min(own) for cost in own]
        lowest = {knob.key: self._lowest(knob) for knob in self.knobs}
        self.least = costs(base.replace(lowest))[COST]
        self.most = self.least + sum(map(max, self.by_knob.values()))

    def of(self, layers: Mapping[str, Value]) -> float:
        """The bit_ops of these choices, one for each layer knob."""
        return self.least + sum(self.by_knob[k.key][k.choices.index(layers[k.key])] for k in self.knobs)

    def _lowest(self, knob: Knob) -> Value:
        costs = self.by_knob[knob.key]
        return knob.choices[costs.index(min(costs))]


class CostStrata:
    """Draws layer choices evenly over log cost; uniform knobs hardly ever draw the cheap and the dear end.

    The range of log bit_ops is divided into equal parts, each as likely as the others. In a part, choices are drawn
    with probabilities proportional to exp(-tilt cost), the tilt set so that the mean cost is the part's middle, until a
    candidate's cost lies in the part. Candidates of the same cost are equally likely so. After `TRIES` draws the
    nearest one is taken: a part in which no candidate lies, as where one layer is most of the cost, goes to its
    neighbours.
    """

    def __init__(self, costs: LayerCosts) -> None:
        self._costs = costs
        low, high = math.log(costs.least), math.log(costs.most)
        count = STRATA if high > low else 1
        width = (high - low) / count
        self._edges = [low + index * width for index in range(count + 1)]
        middles = [math.exp(self._edges[index] + width / 2) for index in range(count)]
        self._chances = [self._tilted(_tilt(costs, middle)) for middle in middles]

    def sample(self, rng: random.Random) -> dict[str, Value]:
        """A choice for each layer knob."""
        part = rng.randrange(len(self._chances))
        low, high = self._edges[part], self._edges[part + 1]
        nearest: tuple[float, dict[str, Value]] = (math.inf, {})
        for _ in range(TRIES):
            drawn = {k.key: rng.choices(k.choices, self._chances[part][k.key])[0] for k in self._costs.knobs}
            cost = math.log(self._costs.of(drawn))
            distance = max(low - cost, cost - high, 0.0)
            if distance < nearest[0]:
                nearest = distance, drawn
            if distance == 0:
                break
        return nearest[1]

    def _tilted(self, tilt: float) -> dict[str, list[float]]:
        return {key: _shares(costs, tilt) for key, costs in self._costs.by_knob.items()}


def _tilt(costs: LayerCosts, mean: float) -> float:
    """The tilt at which the mean cost is `mean`, to a thousandth of the range or better, by bisection.

    It lies between those that leave no choice but the cheapest and the dearest candidate.
    """
    span = max(costs.most - costs.least, 1.0)
    steps = [step for own in costs.by_knob.values() for step in _steps(own)]
    sharpest = 40.0 / min(steps, default=span)
    low, high = -math.asinh(sharpest * span), math.asinh(sharpest * span)
    for _ in range(60):
        middle = (low + high) / 2
        tilt = math.sinh(middle) / span
        expected = costs.least + sum(
            sum(share * cost for share, cost in zip(_shares(own, tilt), own, strict=True))
            for own in costs.by_knob.values()
        )
        low, high = (middle, high) if expected > mean else (low, middle)
    return math.sinh((low + high) / 2) / span


def _shares(costs: Sequence[float], tilt: float) -> list[float]:
    """Probabilities proportional to exp(-tilt cost)."""
    exponents = [-tilt * cost for cost in costs]
    top = max(exponents)
    weights = [math.exp(one - top) for one in exponents]
    return [weight / sum(weights) for weight in weights]


def _steps(costs: Sequence[float]) -> list[float]:
    """The differences between neighbouring costs of one knob, without zeros."""
    ordered = sorted(set(costs))
    return [high - low for low, high in pairwise(ordered)]
