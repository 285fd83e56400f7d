"""The real scores of a box, in a file that the box makes itself."""

import gzip
import itertools
import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from spaces.candidate import Candidate
from spaces.space import Knob


class RecordedScores:
    """Candidates with their figures: `knobs`, and for each candidate of `every` the bit_ops, then its scores.

    check: raises ValueError for contents that aren't whole. missing: what to do where there is no file.
    """

    def __init__(
        self, file: Path, missing: str, check: Callable[[dict[str, Any]], None] = lambda contents: None
    ) -> None:
        self._file, self._missing, self._check = file, missing, check

    @cached_property
    def contents(self) -> dict[str, Any]:
        """What the file holds. Raises ValueError where there is none, or where it isn't whole."""
        if not self._file.exists():
            raise ValueError(self._missing)
        contents: dict[str, Any] = json.loads(gzip.decompress(self._file.read_bytes()))
        self._check(contents)
        return contents

    @cached_property
    def _by_candidate(self) -> dict[Candidate, list[float]]:
        candidates = map(Candidate, every(self.contents["knobs"]))
        return dict(zip(candidates, self.contents["figures"], strict=True))

    def of(self, candidate: Candidate) -> list[float]:
        return self._by_candidate[candidate]

    def knobs(self) -> list[Knob]:
        return [Knob(key, tuple(choices)) for key, choices in self.contents["knobs"]]

    def reference(self) -> dict[str, float]:
        """The cost of the dearest candidate, and no accuracy at all."""
        return {"bit_ops": max(row[0] for row in self.contents["figures"]), "map50": 0.0}

    def costs(self, candidate: Candidate) -> dict[str, float]:
        return {"bit_ops": self.of(candidate)[0]}

    def score(self, candidate: Candidate) -> dict[str, float]:
        """The last of its scores."""
        return {"map50": self.of(candidate)[-1]}


def every(described: list[list[Any]]) -> list[dict[str, str]]:
    """The choices of all candidates of these knobs, given as pairs of key and choices."""
    keys, choices = zip(*described, strict=True)
    return [dict(zip(keys, chosen, strict=True)) for chosen in itertools.product(*choices)]
