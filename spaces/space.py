"""The search space: the knobs with their domains, and which of them have an effect together."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from spaces.candidate import KINDS, NO_TEACHER, Candidate, Value
from spaces.lookup import did_you_mean

STEPS_PER_DECADE = 3

ActsOn = Callable[[str], bool]
"""Whether a distillation term has an effect on a layer of this method."""


@dataclass(frozen=True)
class Knob:
    """One named choice: `layer/<module or prefix>`, `teacher/<term>` or `weight/<term>`, and what it may be."""

    key: str
    choices: tuple[Value, ...]

    def __post_init__(self) -> None:
        if self.kind not in KINDS or not self.name:
            raise ValueError(f"A knob is called {self.key!r}; allowed are 'layer/...', 'teacher/...' and 'weight/...'.")
        if not self.choices or len(set(self.choices)) != len(self.choices):
            raise ValueError(f"{self.key} offers {self.choices}; it needs one choice or more, each once.")

    @property
    def kind(self) -> str:
        return self.key.partition("/")[0]

    @property
    def name(self) -> str:
        return self.key.partition("/")[2]


def weight_grid(low: float, high: float) -> tuple[float, ...]:
    """Loss weights from `low` to `high`, three steps a decade (…, 0.1, 0.215, 0.464, 1, …), so that equal means equal.

    The grid is anchored at 1, so that ranges of different terms share their values; at least one grid point must lie
    in the range. Raises ValueError otherwise.
    """
    if not 0 < low <= high < math.inf:
        raise ValueError(f"A weight range is {low} to {high}; it must be positive, finite and rising.")
    first, last = (math.log10(end) * STEPS_PER_DECADE for end in (low, high))
    steps = range(math.floor(first) - 1, math.ceil(last) + 2)
    # The rounded values are what people read and write: a range that ends at 0.215 holds 0.215.
    grid = (float(f"{10 ** (step / STEPS_PER_DECADE):.3g}") for step in steps)
    weights = tuple(weight for weight in grid if low <= weight <= high)
    if not weights:
        raise ValueError(f"No weight lies between {low} and {high} on a grid of {STEPS_PER_DECADE} steps a decade.")
    return weights


class SearchSpace:
    """The knobs of a search and the rules that bind them.

    `knobs` keep the given order. `layer_terms` are the distillation terms that compare layers, each with the
    methods that it acts on: it has no effect when a candidate has no such layer. A full candidate has a value for every
    knob; a canonical one only for those that have an effect, so that candidates that would train alike compare equal.
    """

    def __init__(self, knobs: Sequence[Knob], *, layer_terms: Mapping[str, ActsOn] | None = None) -> None:
        self.knobs = tuple(knobs)
        self.layer_terms = dict(layer_terms or {})
        self._exact = {knob.key: {choice: choice for choice in knob.choices} for knob in self.knobs}
        if len(self._exact) != len(self.knobs):
            raise ValueError("Two knobs have the same key.")
        self._layers = tuple(knob.key for knob in self.knobs if knob.kind == "layer")
        self._terms = tuple((knob.key, knob.name, knob.kind) for knob in self.knobs if knob.kind != "layer")
        for knob in self.knobs:
            if knob.kind == "weight" and f"teacher/{knob.name}" not in self._exact:
                raise ValueError(f"{knob.key} has no knob 'teacher/{knob.name}' beside it.")

    def sample(self, rng: random.Random) -> Candidate:
        """A full candidate, each knob drawn uniformly."""
        return Candidate({knob.key: rng.choice(knob.choices) for knob in self.knobs})

    def mutate(self, candidate: Candidate, rng: random.Random, count: int = 1) -> Candidate:
        """A full candidate that differs from `candidate` in up to `count` knobs that can differ."""
        full = self.complete(candidate)
        open_knobs = [knob for knob in self.knobs if len(knob.choices) > 1]
        chosen = rng.sample(open_knobs, min(count, len(open_knobs)))
        return full.replace({k.key: rng.choice([c for c in k.choices if c != full[k.key]]) for k in chosen})

    def validate(self, candidate: Candidate) -> None:
        """Raise ValueError unless `candidate` holds known knobs with allowed values, and every knob that matters."""
        self._check(candidate, self._open_terms(candidate))

    def canonical(self, candidate: Candidate) -> Candidate:
        """Drop the choices without an effect: the weight of a term whose teacher is `none`, and teacher and weight of a
        layer term that acts on none of the candidate's layers.

        Values become those of the knob (1 becomes 1.0 where the knob offers 1.0). Raises ValueError as `validate` does.
        """
        opened = self._open_terms(candidate)
        self._check(candidate, opened)
        return Candidate({key: self._exact[key][candidate[key]] for key in (*self._layers, *opened)})

    def complete(self, candidate: Candidate) -> Candidate:
        """The full candidate: dropped knobs get `none` (teachers) or their first choice."""
        return Candidate({k.key: candidate.get(k.key, self._idle_choice(k)) for k in self.knobs})

    def uniform(self, method: str, beside: str | None = None) -> Candidate:
        """The full candidate with `method` in every layer that offers it, and no teacher.

        Elsewhere it has `beside` where that is offered, and first choices. Raises ValueError when no layer offers it.
        """
        layers = [knob for knob in self.knobs if knob.kind == "layer"]
        if not any(method in knob.choices for knob in layers):
            raise ValueError(f"No layer of the space offers {method!r}.")
        wanted = {knob.key: [one for one in (method, beside) if one in knob.choices] for knob in layers}
        return self.complete(Candidate({key: found[0] for key, found in wanted.items() if found}))

    def choose(self, methods: Mapping[str, str]) -> Candidate:
        """The full candidate with these methods by layer knob, or by what it lies in; no teacher.

        A name is that of a module, a prefix of modules or a group (`backbone`, `depthwise`); the longest one that
        fits a knob and whose method it offers wins. Other knobs have their first choice. Raises ValueError for a name
        that fits no knob, or whose method none of its knobs offers.
        """
        places = {knob.name: knob for knob in self.knobs if knob.kind == "layer"}
        chosen: dict[str, Value] = {}
        for name in sorted(methods, key=len):
            reached = [knob for place, knob in places.items() if place == name or place.startswith(f"{name}.")]
            if not reached:
                raise ValueError(_no_place(name, list(places)))
            taking = [knob for knob in reached if methods[name] in knob.choices]
            if not taking:
                allowed = ", ".join(map(repr, reached[0].choices))
                raise ValueError(f"{name} is {methods[name]!r}; {reached[0].key} allows {allowed}.")
            chosen.update({knob.key: methods[name] for knob in taking})
        return self.complete(Candidate(chosen))

    def _idle_choice(self, knob: Knob) -> Value:
        return NO_TEACHER if knob.kind == "teacher" and NO_TEACHER in knob.choices else knob.choices[0]

    def _check(self, candidate: Candidate, opened: Sequence[str]) -> None:
        for key, value in candidate.items():
            if key not in self._exact:
                raise ValueError(f"The space has no knob {key!r}. It has: {', '.join(self._exact)}.")
            if value not in self._exact[key]:
                allowed = ", ".join(map(repr, self._exact[key]))
                raise ValueError(f"{key} is {value!r}; allowed are {allowed}.")
        missing = [key for key in (*self._layers, *opened) if key not in candidate]
        if missing:
            raise ValueError(f"The candidate does not say what {', '.join(missing)} should be.")

    def _open_terms(self, candidate: Candidate) -> list[str]:
        """The teacher and weight knobs that have an effect in `candidate`."""
        methods = set(candidate.layers().values()) if self.layer_terms else set()
        opened = []
        for key, name, kind in self._terms:
            acts_on = self.layer_terms.get(name)
            if acts_on is not None and not any(map(acts_on, methods)):
                continue
            if kind == "teacher" or candidate.get(f"teacher/{name}", NO_TEACHER) != NO_TEACHER:
                opened.append(key)
        return opened


def _no_place(name: str, places: Sequence[str]) -> str:
    """That no layer knob is called `name` or lies in it, and what may be meant."""
    for place in places:
        if name.startswith(f"{place}."):
            return f"{name!r} is a part of {place}, which has one method. Name that."
    parts = dict.fromkeys(place.rsplit(".", cut)[0] for place in places for cut in range(place.count(".") + 1))
    return f"No layer of the space is {name!r} or lies in it.{did_you_mean(name, parts)} It has {', '.join(places)}."
