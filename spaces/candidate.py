"""A candidate: one immutable flat mapping of choices, the same in Optuna, Ray Tune, JSON and a DataFrame row."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

Value = str | int | float | bool
Choice = TypeVar("Choice")

NO_TEACHER = "none"
"""The teacher of a term that is switched off."""


@dataclass(frozen=True)
class Taught:
    """Who supervises a distillation term, and its loss weight."""

    teacher: str
    weight: float = 1.0


class Candidate(Mapping[str, Value]):
    """An immutable flat mapping `{"layer/backbone.layer1.0": "sign", "weight/hint": 0.46, ...}`.

    Keys have the form `<kind>/<name>` with kind `layer`, `teacher` or `weight`; values are str, int, float or bool,
    and a weight is a number.
    Two candidates are equal when they hold the same choices, in whatever order they were given.
    Raises ValueError for other keys or values, and for floats that JSON can't carry (NaN, infinities).
    """

    __slots__ = ("_choices", "_id", "_text")

    def __init__(self, choices: Mapping[str, Value]) -> None:
        for key, value in choices.items():
            kind, _, name = str(key).partition("/")
            if kind not in KINDS or not name:
                raise ValueError(
                    f"A choice is called {key!r}; allowed are 'layer/...', 'teacher/...' and 'weight/...'."
                )
            if not isinstance(value, str | int | float | bool):
                raise ValueError(f"{key} is {value!r}; a choice is a str, int, float or bool.")
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{key} is {value!r}; a choice must be finite.")
            if kind == "weight" and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise ValueError(f"{key} is {value!r}; a loss weight is a number.")
        self._choices = {key: choices[key] for key in sorted(choices)}
        self._text = json.dumps(self._choices, separators=(",", ":"))
        self._id = hashlib.sha256(self._text.encode()).hexdigest()[:ID_LENGTH]

    @property
    def id(self) -> str:
        """Ten hexadecimal digits that depend on the choices alone: the same on every machine and in every run."""
        return self._id

    def to_json(self) -> str:
        """One line, keys sorted: equal candidates give equal text."""
        return self._text

    @classmethod
    def from_json(cls, text: str) -> "Candidate":
        """Read what `to_json` wrote. Raises ValueError when `text` is no flat JSON object of choices."""
        try:
            choices = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"A candidate is a JSON object of choices; this text is no JSON: {error}.") from error
        if not isinstance(choices, dict):
            raise ValueError(f"A candidate is a JSON object of choices; got {type(choices).__name__}.")
        return cls(choices)

    @classmethod
    def of(cls, layers: Mapping[str, str], terms: Mapping[str, Taught]) -> "Candidate":
        """The candidate with these layer choices, by module or prefix, and these terms. `NO_TEACHER` has no weight."""
        choices: dict[str, Value] = {f"layer/{prefix}": method for prefix, method in layers.items()}
        for name, taught in terms.items():
            choices[f"teacher/{name}"] = taught.teacher
            if taught.teacher != NO_TEACHER:
                choices[f"weight/{name}"] = taught.weight
        return cls(choices)

    def replace(self, changes: Mapping[str, Value]) -> "Candidate":
        """A new candidate with `changes` made."""
        return Candidate({**self._choices, **changes})

    def layers(self) -> dict[str, str]:
        """The layer choices alone, by module or module prefix: `{"backbone.layer1.0": "sign"}`."""
        return {key.partition("/")[2]: str(value) for key, value in self._choices.items() if key.startswith("layer/")}

    def terms(self) -> dict[str, Taught]:
        """The terms that a teacher supervises: `{"hint": Taught("twin", 0.46)}`. A missing weight is 1."""
        named = {key.partition("/")[2]: str(value) for key, value in self.items() if key.startswith("teacher/")}
        return {
            term: Taught(teacher, float(self._choices.get(f"weight/{term}", 1.0)))
            for term, teacher in named.items()
            if teacher != NO_TEACHER
        }

    def __getitem__(self, key: str) -> Value:
        return self._choices[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._choices)

    def __len__(self) -> int:
        return len(self._choices)

    def __hash__(self) -> int:
        return hash(self._id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Candidate) and self._text == other._text

    def __repr__(self) -> str:
        return f"Candidate({self._id}, {self._choices})"

    def __reduce__(self) -> tuple[type, tuple[dict[str, Value]]]:
        return Candidate, (dict(self._choices),)


KINDS = ("layer", "teacher", "weight")
ID_LENGTH = 10

ALL_REAL = Candidate({})
"""Every layer real, no teacher: what a real-valued detector is."""


def method_of(unit: str, layers: Mapping[str, Choice]) -> Choice | None:
    """What choices by module or prefix give to `unit`: the longest prefix wins; None when none fits."""
    name = unit
    while name:
        if name in layers:
            return layers[name]
        name = name.rpartition(".")[0]
    return None
