"""What a detector costs, layer by layer, without a search."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from search.cli.candidate_file import read_candidate
from search.config import ConfigError, load_config
from search.plan.detectors import fixed_candidate, student_spec
from search.plan.latency import cost_table, latency_table
from search.plan.sources import class_names, origin_of_classes, settled
from search.plan.space import Choices
from spaces.candidate import ALL_REAL, Candidate
from spaces.cost import totals
from spaces.cost_table import CostTable
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
    """A detector whose cost is asked for: what it is, where its classes come from, its candidate, its layers' times."""

    detector: DetectorSpec
    origin_of_classes: str
    candidate: Candidate
    latency: LatencyTable | None = None


def costed(
    source: str, overrides: Sequence[str], data_root: Path | None, layers: str | None, file: Path | None
) -> Costed:
    """The detector of the config that `source` names.

    Its candidate is that of `file`, one with the method `layers` everywhere, what the config's `train` section trains
    where it has one, or else all real. Raises ConfigError.
    """
    if layers is not None:
        if file is not None:
            raise ConfigError("--layers was given together with --candidate. Leave one of the two out.")
        overrides = [*overrides, f"train.layers={layers}"]
    config = settled(load_config(source, overrides), data_root, data_needed=False)
    detector = student_spec(config.student, config.data.image_size, len(class_names(config.data)))
    if file is not None:
        candidate = read_candidate(file)
    else:
        candidate = fixed_candidate(config.train, detector) if "train" in config.model_fields_set else ALL_REAL
    latency = latency_table(config.search.latency_table, None)
    return Costed(detector, origin_of_classes(config.data), candidate, latency)


def cost_summary(chosen: Costed, rows: Sequence[Mapping[str, object]]) -> str:
    """What was counted, and by which rule; `rows` are those of `cost_rows`."""
    methods = Counter({str(row["layer"]): row["method"] for row in rows if row["searched"] == "yes"}.values())
    layers = ", ".join(f"{count} {method}" for method, count in methods.most_common())
    return (
        f"Layers that a search may switch: {layers}. {COUNTING_RULE} The classes are {chosen.origin_of_classes}."
        f"{_time(chosen)}"
    )


def _time(chosen: Costed) -> str:
    """What `search.latency_table` predicts, in a sentence; empty where there is none."""
    if chosen.latency is None:
        return ""
    choices: Choices = {prefix: (method,) for prefix, method in chosen.candidate.layers().items()}
    ms = cost_table(chosen.detector, choices, chosen.latency).costs(chosen.candidate)[FIGURE]
    where = f"{chosen.latency.about.get('processor', 'an unnamed machine')}, OpenVINO"
    return f" Predicted time on {where}: {ms:.3g} ms (latency_ms)."


def cost_rows(detector: DetectorSpec, candidate: Candidate = ALL_REAL) -> list[dict[str, object]]:
    """A row for each layer and a total: name, method, MACs by precision, bit_ops, ops, memory_bits, for one image.

    `searched` says what a search may do with the layer: `yes`, nothing (`no`), or only where `space.layers.open` opens
    its group (`open: stem`, `open: heads.cls`). A layer that all levels share has a row for each level.
    The total names the image size, the number of classes and, for a two-stage detector, the number of proposals that it
    is counted with. What the candidate doesn't name is real. Raises ConfigError for a layer that the detector doesn't
    have, and for a method that doesn't exist.
    """
    try:
        table = CostTable.of(detector, {prefix: (method,) for prefix, method in candidate.layers().items()})
        layers = table.layers(candidate)
    except ValueError as error:
        raise ConfigError(f"This candidate doesn't fit the config's detector: {error}") from error
    searched, summed = _searched(detector), totals(layers)
    rows: list[dict[str, object]] = [
        {
            "layer": layer.name,
            "method": layer.method,
            "searched": searched.get(layer.name, "no"),
            **{f"macs_{bits}bit": layer.macs if layer.precision == bits else 0 for bits in summed.shown_widths},
            "bit_ops": layer.bit_ops,
            "ops": round(layer.ops),
            "memory_bits": layer.memory_bits,
        }
        for layer in layers
    ]
    total = {name: round(value) for name, value in summed.as_dict().items()}
    size = f"{detector.image_size} x {detector.image_size}, {detector.num_classes} classes"
    method = size + ("" if table.proposals is None else f", {table.proposals} proposals")
    return [*rows, {"layer": "total", "method": method, "searched": "", **total}]


def _searched(spec: DetectorSpec) -> dict[str, str]:
    """What a search may do with each layer by name; those that multiply nothing are missing."""
    with without_values():
        network = build_detector(spec, lambda _: ("real",))
    parts = {name: f"open: {part}" for part, names in openable(network).items() for name in names}
    return parts | dict.fromkeys(searchable_units(network), "yes")
