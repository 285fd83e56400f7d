"""Measuring a detector on images: the figures of a table, and what lies behind them by class and by size."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from trainers.data.decoded import Decoded
from trainers.data.sample import Target
from trainers.evaluate.class_result import ClassResult
from trainers.evaluate.figures import all_figures, details
from trainers.inference import detect, timed_detect, truths


@dataclass(frozen=True)
class Measured:
    """What a detector can do on some images.

    figures: average precisions by the rule of the data. sizes: COCO's by the size of objects, and average recall; NaN
    where there is no such object. classes: by name, of those with objects that count. detections: of every image, in
    decoded pixels. images_per_second: of the network with the decoding of its outputs, in batches of 32 images that are
    in memory. device: on what.
    """

    figures: dict[str, float]
    sizes: Mapping[str, float]
    classes: Mapping[str, ClassResult]
    detections: list[Target]
    images_per_second: float
    device: str


def measure(network: nn.Module, data: Decoded) -> Measured:
    """The network's figures on `data` with all that lies behind them."""
    found, per_second = timed_detect(network, data)
    asked = found, truths(data), len(data.class_names), data.rule
    told = details(*asked, scale=data.areas)
    return Measured(
        figures=all_figures(*asked),
        sizes=told.sizes,
        classes={data.class_names[label - 1]: one for label, one in told.classes.items()},
        detections=found,
        images_per_second=per_second,
        device=_device_text(next(network.parameters()).device),
    )


def figures_on(network: nn.Module, data: Decoded) -> dict[str, float]:
    """All average precisions that the rule of `data` gives, in 0..1."""
    return all_figures(detect(network, data), truths(data), len(data.class_names), data.rule)


def classes_as_plain(measured: Measured) -> dict[str, dict[str, Any]]:
    """The figures of each class with the number of its objects, as JSON can hold them."""
    return {name: {"objects": one.objects, **one.figures} for name, one in measured.classes.items()}


def curves_as_plain(measured: Measured) -> dict[str, dict[str, list[float]]]:
    """Precision against recall of each class, as JSON can hold it."""
    curves = {name: one.curve() for name, one in measured.classes.items()}
    return {
        name: {"recall": list(one.recall), "precision": list(one.precision), "score": list(one.score)}
        for name, one in curves.items()
    }


def sizes_as_plain(measured: Measured) -> dict[str, float | None]:
    """The figures of sizes, None where there is no such object: JSON has no NaN."""
    return {name: None if math.isnan(value) else value for name, value in measured.sizes.items()}


def _device_text(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"the CPU with {threads} thread{'s' if threads > 1 else ''}"
