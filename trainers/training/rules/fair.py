"""Strict fairness (FairNAS, arXiv:1907.01845, section 3.2): a step trains every method of every layer."""

import random
from collections.abc import Iterator, Sequence

from spaces.candidate import Candidate, Value
from spaces.space import SearchSpace
from trainers.data.batches import Batch
from trainers.training.paths import Paths
from trainers.training.step import Losses


def fair(paths: Paths, batch: Batch, rng: random.Random) -> Iterator[Losses]:
    """As many passes as the layer with the most methods has; their gradients are added for one update."""
    for candidate in fair_candidates(paths.draws.space, rng):
        yield paths.learn(candidate, batch)[1]


def fair_candidates(space: SearchSpace, rng: random.Random) -> list[Candidate]:
    """Candidates in which every method of every layer occurs, K of them with K the largest number of methods.

    Each knob has a random order of its choices of its own. A layer with m < K methods goes through its order again and
    again, so that each method occurs K / m times, rounded up or down, those of the beginning more often; the order is
    new in each step, so none is preferred in the long run. Teachers and weights are drawn alike: without repetition as
    far as their choices go.
    """
    count = max((len(knob.choices) for knob in space.knobs if knob.kind == "layer"), default=1)
    columns = {knob.key: _cycled(knob.choices, count, rng) for knob in space.knobs}
    return [Candidate({key: column[index] for key, column in columns.items()}) for index in range(count)]


def _cycled(choices: Sequence[Value], count: int, rng: random.Random) -> list[Value]:
    """A random order of the choices, repeated or cut to `count`, and shuffled again: no round meets another knob's."""
    order = rng.sample(choices, len(choices))
    cycled = [order[index % len(order)] for index in range(count)]
    rng.shuffle(cycled)
    return cycled
