"""What a detector costs, layer by layer, without a search."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from results.layers import BETWEEN
from search.cli.candidate_file import read_candidate
from search.config import ConfigError, load_config
from search.plan.detectors import fixed_candidate, student_spec
from search.plan.latency import cost_table, latency_table
from search.plan.sources import class_names, origin_of_classes, settled
from search.plan.space import Choices
from spaces.candidate import ALL_REAL, Candidate
from spaces.cost import LayerCost, totals
from spaces.cost_table import CostTable
from spaces.deployed.size import FIGURE as SIZE
from spaces.detectors import DetectorSpec, build_detector, openable, searchable_units
from spaces.latency import FIGURE, LatencyTable
from spaces.without_values import without_values

COUNTING_RULE = (
    "For one image. One multiply-accumulate (MAC) is one operation; bit_ops = MACs x weight bits x input bits; "
    "ops = MACs at 32 bits + at 8 bits / 8 + at 4 bits / 16 + at 2 bits / 32 + at 1 bit / 64. "
    "BatchNorm, biases, additions and pooling are not counted. None of it is a time."
)


@dataclass(frozen=True)
class Costed:
    """A detector whose cost is asked for: what it is, where its classes come from, its candidate, and what it costs.

    latency: its layers' times, where there are any.
    """

    detector: DetectorSpec
    origin_of_classes: str
    candidate: Candidate
    table: CostTable
    latency: LatencyTable | None = None


def costed(
    source: str, overrides: Sequence[str], data_root: Path | None, layers: str | None, file: Path | None
) -> Costed:
    """The detector of the config that `source` names.

    Its candidate is that of `file`, one with the method `layers` everywhere, what the config's `train` section trains
    where it has one, or else all real. Raises ConfigError, also for a layer that the detector doesn't have and for a
    method that doesn't exist.
    """
    if layers is not None:
        if file is not None:
            raise ConfigError("--layers was given together with --candidate. Leave one of the two out.")
        overrides = [*overrides, f"train.layers={layers}"]
    config = settled(load_config(source, overrides), data_root, data_needed=False)
    detector = student_spec(config.student, config.data, len(class_names(config.data)))
    if file is not None:
        candidate = read_candidate(file)
    else:
        candidate = fixed_candidate(config.train, detector) if "train" in config.model_fields_set else ALL_REAL
    latency = latency_table(config.search.latency_table, None)
    return Costed(detector, origin_of_classes(config.data), candidate, _table(detector, candidate), latency)


def cost_summary(chosen: Costed, rows: Sequence[Mapping[str, object]]) -> str:
    """What was counted, and by which rule; `rows` are those of `cost_rows`."""
    methods = Counter({str(row["layer"]): row["method"] for row in rows if row["searched"] == "yes"}.values())
    layers = ", ".join(f"{count} {method}" for method, count in methods.most_common())
    return (
        f"Layers that a search may switch: {layers}. {COUNTING_RULE} The classes are {chosen.origin_of_classes}."
        f"{_size(chosen)}{_time(chosen)}"
    )


def _size(chosen: Costed) -> str:
    """What its packed file would have, in a sentence; empty where there can be none."""
    size = chosen.table.costs(chosen.candidate).get(SIZE)
    return "" if size is None else f" Its packed file has {size:.4g} MB (size_mb)."


def _time(chosen: Costed) -> str:
    """What `search.latency_table` predicts, in a sentence; empty where there is none."""
    if chosen.latency is None:
        return ""
    ms = _Times.of(chosen).total()[FIGURE]
    where = f"{chosen.latency.about.get('processor', 'an unnamed machine')}, OpenVINO"
    return f" Predicted time on {where}: {ms:.3g} ms (latency_ms)."


def _table(detector: DetectorSpec, candidate: Candidate) -> CostTable:
    try:
        table = CostTable.of(detector, {prefix: (method,) for prefix, method in candidate.layers().items()})
        table.costs(candidate)
    except ValueError as error:
        raise ConfigError(f"This candidate doesn't fit the config's detector: {error}") from error
    return table


def cost_rows(chosen: Costed) -> list[dict[str, object]]:
    """A row for each layer and a total: name, method, MACs by precision, bit_ops, ops, memory_bits, for one image.

    Where there is a table of times, latency_ms too, with a row for what lies between layers. `searched` says what a
    search may do with the layer: `yes`, nothing (`no`), or only where `space.layers.open` opens its group (`open:
    stem`, `open: heads.cls`). A layer that all levels share has a row for each level.
    The total names the image size, the number of classes and, for a two-stage detector, the number of proposals that it
    is counted with. What the candidate doesn't name is real.
    """
    detector, table, layers = chosen.detector, chosen.table, chosen.table.layers(chosen.candidate)
    searched, summed, times = _searched(detector), totals(layers), _Times.of(chosen)
    rows: list[dict[str, object]] = [
        {
            "layer": layer.name,
            "method": layer.method,
            "searched": searched.get(layer.name, "no"),
            **{f"macs_{bits}bit": layer.macs if layer.precision == bits else 0 for bits in summed.shown_widths},
            "bit_ops": layer.bit_ops,
            "ops": round(layer.ops),
            "memory_bits": layer.memory_bits,
            **times.of_layer(layer),
        }
        for layer in layers
    ]
    total = {name: round(value) for name, value in summed.as_dict().items()}
    size = f"{' x '.join(map(str, detector.input_size))}, {detector.num_classes} classes"
    method = size + ("" if table.proposals is None else f", {table.proposals} proposals")
    between = {"layer": BETWEEN["layer"], "method": "", "searched": "", **dict.fromkeys(total, 0), **times.between()}
    last = {"layer": "total", "method": method, "searched": "", **total, **times.total()}
    return [*rows, *([between] if times.table else []), last]


class _Times:
    """The column latency_ms of a detector's rows; empty without a table of times.

    A layer that several levels share has its time in the first of its rows.
    """

    def __init__(self, table: CostTable | None, candidate: Candidate) -> None:
        self.table, self._candidate = table, candidate
        self._shown: dict[str, float] = {}

    @classmethod
    def of(cls, chosen: Costed) -> "_Times":
        if chosen.latency is None:
            return cls(None, chosen.candidate)
        choices: Choices = {prefix: (method,) for prefix, method in chosen.candidate.layers().items()}
        return cls(cost_table(chosen.detector, choices, chosen.latency), chosen.candidate)

    def of_layer(self, row: LayerCost) -> dict[str, float]:
        if self.table is None:
            return {}
        own = 0.0 if row.name in self._shown else self.table.latency_of(row.name, row.method) or 0.0
        self._shown.setdefault(row.name, own)
        return {FIGURE: round(own, 6)}

    def between(self) -> dict[str, float]:
        """What is left, once all layers had their rows."""
        return {name: round(whole - sum(self._shown.values()), 6) for name, whole in self.total().items()}

    def total(self) -> dict[str, float]:
        return {} if self.table is None else {FIGURE: self.table.costs(self._candidate)[FIGURE]}


def _searched(spec: DetectorSpec) -> dict[str, str]:
    """What a search may do with each layer by name; those that multiply nothing are missing."""
    with without_values():
        network = build_detector(spec, lambda _: ("real",))
    parts = {name: f"open: {part}" for part, names in openable(network).items() for name in names}
    return parts | dict.fromkeys(searchable_units(network), "yes")
