"""Candidates that have not been proposed yet: near a given one, else at random, else by counting through the space."""

import itertools
import random
from collections.abc import Container, Iterator

from spaces.candidate import NO_TEACHER, Candidate, Value
from spaces.space import Knob, SearchSpace

NEAR_ATTEMPTS = 60
RANDOM_ATTEMPTS = 60


def new_candidate_near(
    space: SearchSpace, start: Candidate, proposed: Container[Candidate], rng: random.Random
) -> Candidate:
    """A full candidate whose canonical form is not in `proposed`, close to `start` where chance finds one.

    Every ten attempts one more knob is changed; then come random candidates; then `every_candidate`, which always finds
    one where one is left. Raises LookupError when none is.
    """
    near = (space.mutate(start, rng, 1 + attempt // 10) for attempt in range(NEAR_ATTEMPTS))
    anywhere = (space.sample(rng) for _ in range(RANDOM_ATTEMPTS))
    for candidate in itertools.chain(near, anywhere, every_candidate(space)):
        if space.canonical(candidate) not in proposed:
            return candidate
    raise LookupError("Every candidate of the space has been proposed.")


class Exhaustion:
    """Whether every canonical candidate of `space` is in `proposed`, which may grow but not shrink.

    Holds one candidate that is not in it, and looks for the next only when that one has been proposed: a whole search
    counts through no more of the space than it proposes.
    """

    def __init__(self, space: SearchSpace, proposed: Container[Candidate]) -> None:
        self._proposed = proposed
        self._candidates = map(space.canonical, every_candidate(space))
        self._left = next(self._candidates, None)

    def reached(self) -> bool:
        while self._left is not None and self._left in self._proposed:
            self._left = next(self._candidates, None)
        return self._left is None


def every_candidate(space: SearchSpace) -> Iterator[Candidate]:
    """Full candidates, one for each canonical candidate of the space."""
    layers = [knob for knob in space.knobs if knob.kind == "layer"]
    weights = {knob.name: knob for knob in space.knobs if knob.kind == "weight"}
    teachers = [knob for knob in space.knobs if knob.kind == "teacher"]
    terms = {knob.name: _term_choices(knob, weights.get(knob.name)) for knob in teachers}
    for methods in itertools.product(*(knob.choices for knob in layers)):
        chosen = {knob.key: method for knob, method in zip(layers, methods, strict=True)}
        offered = [choices if _has_effect(space, term, methods) else choices[:1] for term, choices in terms.items()]
        for parts in itertools.product(*offered):
            yield space.complete(Candidate(chosen | {key: value for part in parts for key, value in part.items()}))


def _has_effect(space: SearchSpace, term: str, methods: tuple[Value, ...]) -> bool:
    acts_on = space.layer_terms.get(term)
    return acts_on is None or any(acts_on(str(method)) for method in methods)


def _term_choices(teacher: Knob, weight: Knob | None) -> list[dict[str, Value]]:
    """A term's teachers, each with every weight that has an effect under it."""
    choices: list[dict[str, Value]] = []
    for name in teacher.choices:
        if name == NO_TEACHER or weight is None:
            choices.append({teacher.key: name})
        else:
            choices += [{teacher.key: name, weight.key: value} for value in weight.choices]
    return choices
