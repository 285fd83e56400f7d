"""The rows of several counting passes, by layer and method, in the one order that they have in common."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from spaces.cost import LayerCost
from spaces.cost_sums import Sums, sums_of
from spaces.detectors.openable import INSIDE_A_UNIT


@dataclass(frozen=True)
class Segment:
    """Neighbouring rows of the counting pass that come from one layer, by the layer's method."""

    layer: str
    rows: Mapping[str, Sequence[LayerCost]]


def segments_of(passes: Iterable[Sequence[LayerCost]]) -> list[Segment]:
    """The rows of all passes, in the order that they have in common.

    A layer's own row stands in every pass. Rows of modules inside a unit's alternative stand only where the unit has
    this method; they are placed in front of the next row that stands in every pass. Where two units have such rows in
    one place, one unit lies inside the other and comes later.
    """
    segments: dict[tuple[int, bool, int, str], dict[str, list[LayerCost]]] = {}
    for rows in passes:
        place = 0
        measured: dict[tuple[int, bool, int, str], tuple[str, list[LayerCost]]] = {}
        for row in rows:
            layer, inside, rest = row.name.partition(INSIDE_A_UNIT)
            method = rest.partition(".")[0] if inside else row.method
            measured.setdefault((place, not inside, len(layer), layer), (method, []))[1].append(row)
            place += not inside
        for key, (method, own) in measured.items():
            segments.setdefault(key, {})[method] = own
    return [Segment(key[-1], segments[key]) for key in sorted(segments)]


def sums_by_method(segments: Iterable[Segment]) -> dict[str, Sums]:
    """The sums of one unit's rows, by its method."""
    rows: dict[str, list[LayerCost]] = {}
    for segment in segments:
        for method, own in segment.rows.items():
            rows.setdefault(method, []).extend(own)
    return {method: sums_of(own) for method, own in rows.items()}
