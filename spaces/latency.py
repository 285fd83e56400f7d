"""How long one image takes on a machine, layer by layer: a table that was measured there, as a file."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from spaces.added_cost import AddedCost
from spaces.detectors import DetectorSpec
from spaces.layers import REAL

FIGURE = "latency_ms"
KIND, VERSION, DIGEST = "latency table", 2, "sha256"
READ = (1, 2)
"""Versions of a file. The first has no seams: times of layers alone."""
NANOSECONDS = 1_000_000
"""Of a millisecond."""
REMEASURE = "Measure one: bitfront latency CONFIG -o FILE."


class LatencyError(ValueError):
    """A file that is no table of times, or one that doesn't fit the detector or the space."""


@dataclass(frozen=True)
class Seam:
    """Between a layer and one that reads its result: by the methods of both what they take more than each alone.

    It is mostly less: alone, a layer takes its input and leaves its result in another order, and fuses with nothing.
    """

    before: str
    after: str
    ms: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class LatencyTable:
    """Milliseconds of one image.

    detector: of which the layers are. layers: by name and method; every layer is there as real. rest: what depends on
    no method. about: on what it was measured, how, and how well it predicts; only kept.
    """

    detector: DetectorSpec
    layers: Mapping[str, Mapping[str, float]]
    rest: float
    about: Mapping[str, Any] = field(default_factory=dict)
    seams: tuple[Seam, ...] = ()

    def added(self, spec: DetectorSpec, units: Iterable[str]) -> AddedCost:
        """The cost `latency_ms` of candidates of `spec` whose `units` have a choice; other layers are real.

        Raises LatencyError for a table of another detector.
        """
        own, asked = self.detector.described(), spec.described()
        if self.detector.longest is None and spec.longest is None:  # a letterbox has the times of its square
            own, asked = ({**one, "resize": None} for one in (own, asked))
        keys = [key for key in {**own, **asked} if own.get(key) != asked.get(key)]
        if other := [f"{key} {own.get(key)!r}, not {asked.get(key)!r}" for key in keys]:
            raise LatencyError(f"The table of times is of another detector: {', '.join(other)}. {REMEASURE}")
        chosen = set(units)
        fixed = sum(_nanoseconds(times[REAL]) for name, times in self.layers.items() if name not in chosen)
        layers = {
            name: {method: _nanoseconds(ms) for method, ms in times.items()} for name, times in self.layers.items()
        }
        pairs = {
            (seam.before, seam.after): {
                (before, after): _nanoseconds(ms) for before, own in seam.ms.items() for after, ms in own.items()
            }
            for seam in self.seams
        }
        return AddedCost(FIGURE, NANOSECONDS, layers, _nanoseconds(self.rest) + fixed, pairs)

    def text(self) -> str:
        """The table as JSON, with a digest of its content."""
        content = {
            "kind": KIND,
            "version": VERSION,
            "detector": self.detector.described(),
            **self.about,
            "rest_ms": self.rest,
            "layers": {name: dict(times) for name, times in self.layers.items()},
            "seams": [asdict(seam) for seam in self.seams],
        }
        return json.dumps(content | {DIGEST: _digest(content)}, indent=1)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """What `text` wrote. Raises LatencyError for anything else."""
        try:
            content: Any = json.loads(text)
        except ValueError as error:
            raise LatencyError(f"It is no JSON ({error}).") from error
        if not isinstance(content, dict) or content.get("kind") != KIND:
            raise LatencyError(f"It is no table of times. {REMEASURE}")
        if content.get("version") not in READ:
            known = " and ".join(map(str, READ))
            raise LatencyError(f"It is of version {content.get('version')!r}; this Bitfront reads {known}. {REMEASURE}")
        if content.pop(DIGEST, None) != _digest(content):
            raise LatencyError(f"It was changed or damaged: it isn't what was measured. {REMEASURE}")
        own = {name: content.pop(name) for name in ("detector", "layers", "rest_ms")}
        seams = tuple(Seam(**seam) for seam in content.pop("seams", ()))
        about = {name: value for name, value in content.items() if name not in ("kind", "version")}
        return cls(DetectorSpec(**own["detector"]), own["layers"], own["rest_ms"], about, seams)


def _nanoseconds(ms: float) -> int:
    return round(ms * NANOSECONDS)


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
