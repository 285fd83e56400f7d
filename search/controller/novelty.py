"""A candidate that nobody has scored yet: near a given one, else at random, else by counting."""

import itertools
import random
from collections.abc import Container, Iterator

from spaces.candidate import NO_TEACHER, Candidate, Value
from spaces.space import Knob, SearchSpace

NEAR_ATTEMPTS = 60
RANDOM_ATTEMPTS = 60


def unseen_near(space: SearchSpace, start: Candidate, seen: Container[Candidate], rng: random.Random) -> Candidate:
    """A full candidate whose canonical form is not in `seen`, as close to `start` as chance finds quickly.

    Every ten attempts one more knob is changed; then come random candidates; then all candidates are counted through,
    which always finds one where one is left. Raises LookupError when none is.
    """
    near = (space.mutate(start, rng, 1 + attempt // 10) for attempt in range(NEAR_ATTEMPTS))
    anywhere = (space.sample(rng) for _ in range(RANDOM_ATTEMPTS))
    for candidate in itertools.chain(near, anywhere, every_candidate(space)):
        if space.canonical(candidate) not in seen:
            return candidate
    raise LookupError("Every candidate of the space has been scored.")


def every_candidate(space: SearchSpace) -> Iterator[Candidate]:
    """All full candidates, without the repetitions that differ only in the weight of a term that has no teacher."""
    for parts in itertools.product(*_groups(space)):
        yield space.complete(Candidate({key: value for part in parts for key, value in part.items()}))


def _groups(space: SearchSpace) -> list[list[dict[str, Value]]]:
    """Per layer knob its choices; per term its teachers, each with every weight that has an effect under it."""
    weights = {knob.name: knob for knob in space.knobs if knob.kind == "weight"}
    groups: list[list[dict[str, Value]]] = []
    for knob in space.knobs:
        if knob.kind == "layer":
            groups.append([{knob.key: choice} for choice in knob.choices])
        elif knob.kind == "teacher":
            groups.append(_term_choices(knob, weights.get(knob.name)))
    return groups


def _term_choices(teacher: Knob, weight: Knob | None) -> list[dict[str, Value]]:
    choices: list[dict[str, Value]] = []
    for name in teacher.choices:
        if name == NO_TEACHER or weight is None:
            choices.append({teacher.key: name})
        else:
            choices += [{teacher.key: name, weight.key: value} for value in weight.choices]
    return choices
