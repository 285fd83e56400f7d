"""Looking at one thing without a search: what a candidate costs, how good a checkpoint is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from search.cli.candidate_file import read_candidate
from search.config import Config, ConfigError, load_config
from search.plan.sources import class_names, origin_of_classes, settled
from search.plan.space import fixed_candidate, student_spec
from search.stages.data import Reading, decode_split, told_of_defects
from search.stages.detector_result import figures_on
from spaces.candidate import ALL_REAL, Candidate
from spaces.cost import counted_proposals, layer_costs, totals
from spaces.detectors import DetectorSpec, build_detector, searchable_units
from spaces.layers.opened import openable
from spaces.supernet import build_fixed
from trainers.data.errors import REPAIR_OR_SKIP, DataError
from trainers.data.voc_annotation import NAME_ALL_CLASSES
from trainers.detector_file import load_detector
from trainers.devices import pick_device
from trainers.progress import Progress

COUNTING_RULE = (
    "For one image. One multiply-accumulate (MAC) is one operation; bit_ops = MACs x weight bits x input bits; "
    "ops = MACs at 32 bits + at 8 bits / 8 + at 1 bit / 64. BatchNorm, biases, additions and pooling are not counted. "
    "None of it is a time."
)


def costed(
    source: str, overrides: Sequence[str], data_root: Path | None, layers: str | None, file: Path | None
) -> tuple[Config, Candidate]:
    """The settled config that `source` names, and the candidate whose cost is asked for.

    That of `file`, one with the method `layers` everywhere, what the config's `train` section trains where it has one,
    or else all real. Raises ConfigError.
    """
    if layers is not None:
        if file is not None:
            raise ConfigError("--layers was given together with --candidate. Leave one of the two out.")
        overrides = [*overrides, f"train.layers={layers}"]
    config = settled(load_config(source, overrides), data_root, data_needed=False)
    if file is not None:
        return config, read_candidate(file)
    return config, fixed_candidate(config) if "train" in config.model_fields_set else ALL_REAL


def said_of_costs(config: Config, rows: Sequence[Mapping[str, object]]) -> str:
    """What was counted, and by which rule; `rows` are those of `cost_rows`."""
    methods = Counter({str(row["layer"]): row["method"] for row in rows if row["searched"] == "yes"}.values())
    layers = ", ".join(f"{count} {method}" for method, count in methods.most_common())
    return (
        f"Of the layers that a search may switch: {layers}. {COUNTING_RULE} "
        f"The classes are {origin_of_classes(config)}."
    )


def cost_rows(config: Config, candidate: Candidate | None = None) -> list[dict[str, object]]:
    """A row a layer and a total: name, method, MACs by precision, bit_ops, ops, memory_bits, for one image.

    `searched` says what a search may do with the layer: `yes`, nothing (`no`), or only where `space.layers.open` opens
    its part (`open: stem`, `open: shortcuts`, `open: heads`). A layer that all levels share has a row a level.
    The total names the image size, the number of classes and, of a two-stage detector, that of the proposals that it
    is counted with. The config is a settled one: the classes are those of the data that it names.
    What the candidate doesn't name is real. Raises ConfigError for a layer that the detector doesn't have, and for a
    method that doesn't exist.
    """
    spec = student_spec(config, len(class_names(config)))
    chosen = candidate if candidate is not None else ALL_REAL
    try:
        network = build_fixed(spec, Candidate({k: v for k, v in chosen.items() if k.startswith("layer/")}))
    except ValueError as error:
        raise ConfigError(f"The candidate is none of this config's: {error}") from error
    layers = layer_costs(network, [torch.zeros(3, spec.image_size, spec.image_size)])
    searched, summed = _searched(spec), totals(layers)
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
    count = counted_proposals(network)
    size = f"{spec.image_size} x {spec.image_size}, {spec.num_classes} classes"
    method = size + ("" if count is None else f", {count} proposals")
    return [*rows, {"layer": "total", "method": method, "searched": "", **total}]


def _searched(spec: DetectorSpec) -> dict[str, str]:
    """What a search may do with each layer by name; those that always stay real are missing."""
    with torch.device("meta"):
        network = build_detector(spec, lambda _: ("real",))
    parts = {name: f"open: {part}" for part, names in openable(network).items() for name in names}
    return parts | dict.fromkeys(searchable_units(network), "yes")


def run_evaluate(
    checkpoint: Path, data_root: Path, split: str, reading: Reading, device: str, progress: Progress
) -> dict[str, float]:
    """The figures of a detector of ours on an image set, by the rule of the data's format, all in 0..1.

    Classes and image size are those that the checkpoint names; what is skipped of the images is noted. Raises
    CheckpointError, DataError, and ConfigError for a device that isn't there.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device is 'cuda', but this machine has no GPU; allowed are auto and cpu.")
    detector = load_detector(checkpoint)
    network, spec, classes = detector.network, detector.spec, detector.classes
    try:
        data = decode_split(reading, data_root, split, classes, spec.image_size, progress)
    except DataError as error:
        if error.way_out in (NAME_ALL_CLASSES, REPAIR_OR_SKIP):  # no config says how images are read here
            known = f"The detector's classes are {', '.join(classes)}: it can be measured where there are no others"
            way_out = known if error.way_out == NAME_ALL_CLASSES else "Repair or remove it, or give --on-bad-data skip"
            raise DataError(error.where, error.reason, way_out) from error
        raise
    if data.defects:
        progress.note(told_of_defects(split, data))
    return figures_on(network.to(pick_device(device)), data)
