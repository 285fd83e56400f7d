"""Measuring a detector on images: the figures of a table, and what lies behind them by class and by size."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from search.config import Config
from trainers.data.decoded import Decoded
from trainers.data.sample import Target
from trainers.devices import device_text
from trainers.evaluate.class_result import ClassResult
from trainers.evaluate.figures import all_figures, details, scored_figures
from trainers.inference import timed_detect, truths

LEAST_IMAGES = 256
"""A process takes some ten seconds to start: with fewer images for each, one process is done as soon."""


@dataclass(frozen=True)
class Spread:
    """In how many processes a detector is measured, each on its part of the images; one is this process, without Ray.

    least: the fewest images for which a process is started. address: of a Ray cluster's head; None is this machine.
    """

    workers: int = 1
    least: int = LEAST_IMAGES
    address: str | None = None

    @classmethod
    def of(cls, config: Config) -> "Spread":
        """Over as many processes as share a training."""
        return cls(config.training.workers, address=config.search.address)

    def detect(self, network: nn.Module, data: Decoded) -> tuple[list[Target], float, str]:
        """What `timed_detect` gives, the same whatever the number of processes, and on what it ran."""
        count = min(self.workers, len(data) // self.least)
        if count <= 1:
            found, pace = timed_detect(network, data)
            return found, pace, device_text(next(network.parameters()).device)
        from search.workers.detecting import detect_in_processes  # Ray takes seconds to import

        return detect_in_processes(network, data, workers=count, address=self.address)


ALONE = Spread()


@dataclass(frozen=True)
class Measured:
    """What a detector can do on some images.

    figures: average precisions by the rule of the data. sizes: COCO's by the size of objects, and average recall; NaN
    where there is no such object. classes: by name, of those with objects that count. detections: of every image, in
    decoded pixels. images_per_second: of the network with the decoding of its outputs, in batches of 32 images that are
    in memory; of several processes, together. device: on what.
    """

    figures: dict[str, float]
    sizes: Mapping[str, float]
    classes: Mapping[str, ClassResult]
    detections: list[Target]
    images_per_second: float
    device: str


def measure(network: nn.Module, data: Decoded, spread: Spread = ALONE) -> Measured:
    """The network's figures on `data` with all that lies behind them."""
    found, per_second, device = spread.detect(network, data)
    asked = found, truths(data), len(data.class_names), data.rule
    told = details(*asked, scale=data.areas)
    return Measured(
        figures=all_figures(*asked),
        sizes=told.sizes,
        classes={data.class_names[label - 1]: one for label, one in told.classes.items()},
        detections=found,
        images_per_second=per_second,
        device=device,
    )


def figures_on(network: nn.Module, data: Decoded, spread: Spread = ALONE) -> dict[str, float]:
    """All average precisions that the rule of `data` gives, in 0..1."""
    return all_figures(spread.detect(network, data)[0], truths(data), len(data.class_names), data.rule)


def scores_on(network: nn.Module, data: Decoded, spread: Spread = ALONE) -> dict[str, float]:
    """The average precisions that candidates are scored by, in 0..1."""
    return scored_figures(spread.detect(network, data)[0], truths(data), len(data.class_names), data.rule)


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
