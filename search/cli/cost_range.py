"""How far the costs of a config's space reach: its cheapest and its dearest candidate, layer by layer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from search.config import ConfigError, load_config
from search.plan.detectors import student_spec
from search.plan.initial_candidates import uniform_candidates
from search.plan.latency import cost_table, latency_table
from search.plan.sources import class_names, settled
from search.plan.space import build_space, layer_choices
from spaces.cost import LayerCost
from spaces.cost_table import CostTable
from spaces.detectors.openable import INSIDE_A_UNIT

FIXED = "none"
"""The knob of layers that are the same in every candidate."""

SHOWN = ("bit_ops", "ops", "memory_mb", "size_mb", "latency_ms")
"""Of these what there is."""


@dataclass(frozen=True)
class CostRange:
    """rows: one a layer, with what it costs at both ends, and the totals. figures: what the summary says of each end
    and of the candidates between them that a search tries first, by name."""

    rows: list[dict[str, object]]
    figures: Mapping[str, Mapping[str, float]]

    def summary(self) -> str:
        """The ends and their ratios, a line for each of the candidates, and what the columns mean."""
        least, most = self.figures["cheapest"], self.figures["dearest"]
        shown = [cost for cost in SHOWN if cost in least]
        ratios = ", ".join(f"{most[cost] / least[cost]:.1f} in {cost}" for cost in shown)
        lines = [
            f"{name}: {', '.join(f'{costs[cost]:.4g} {cost}' for cost in shown)}"
            for name, costs in self.figures.items()
        ]
        return "\n".join(
            [
                *lines,
                f"The dearest costs as much as the cheapest times {ratios}.",
                "Cheapest and dearest are by bit_ops, for one image; the share is of the cheapest's bit_ops.",
            ]
        )


def cost_range(
    source: str, overrides: Sequence[str], data_root: Path | None, layers: str | None = None, file: Path | None = None
) -> CostRange:
    """The range of the space of the config that `source` names. Raises ConfigError, also where one candidate is named.

    layers, file: see `costs.costed`.
    """
    if layers is not None or file is not None:
        named = "--candidate" if layers is None else "--layers"
        raise ConfigError(f"--range was given together with {named}, which is about one candidate. Leave one out.")
    config = settled(load_config(source, overrides), data_root, data_needed=False)
    detector = student_spec(config.student, config.data, len(class_names(config.data)))
    space = build_space(layer_choices(config.space, detector), {})
    table = cost_table(detector, space, latency_table(config.search.latency_table, None))
    cheapest, dearest = table.ends()
    ends = {"cheapest": cheapest, "dearest": dearest}
    candidates = ends | uniform_candidates(config.space.layers.methods, space)
    rows = _rows(table, _by_layer(table.layers(cheapest)), _by_layer(table.layers(dearest)))
    return CostRange(rows, {name: table.costs(candidate) for name, candidate in candidates.items()})


@dataclass
class _Share:
    method: str
    bit_ops: int


def _by_layer(rows: Iterable[LayerCost]) -> dict[str, _Share]:
    """bit_ops by layer: runs on several levels and the modules inside a unit count as the layer's."""
    layers: dict[str, _Share] = {}
    for row in rows:
        if row.macs:
            layer = row.name.partition(INSIDE_A_UNIT)[0]
            share = layers.setdefault(layer, _Share(row.method, 0))
            share.bit_ops += row.bit_ops
            if layer == row.name:
                share.method = row.method
    return layers


def _rows(table: CostTable, least: Mapping[str, _Share], most: Mapping[str, _Share]) -> list[dict[str, object]]:
    whole = _Share("", sum(one.bit_ops for one in least.values()))
    dearest = _Share("", sum(one.bit_ops for one in most.values()))
    rows = [_row(name, table.knob_of.get(name) or FIXED, one, most[name], whole) for name, one in least.items()]
    return [*rows, _row("total", "", whole, dearest, whole)]


def _row(layer: str, knob: str, least: _Share, most: _Share, whole: _Share) -> dict[str, object]:
    return {
        "layer": layer,
        "knob": knob,
        "cheapest": least.method,
        "bit_ops": least.bit_ops,
        "share": round(least.bit_ops / whole.bit_ops, 4),
        "dearest": most.method,
        "bit_ops_dearest": most.bit_ops,
        "ratio": round(most.bit_ops / least.bit_ops, 1),
    }
