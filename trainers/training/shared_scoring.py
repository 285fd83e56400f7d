"""A network's figures, for which the processes of a training share the images."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import nn

from trainers.data.decoded import Decoded
from trainers.data.sample import Target
from trainers.evaluate.figures import scored_figures
from trainers.inference import detect, score_metrics, truths
from trainers.training.processes import Processes


def score_shared(network: nn.Module, data: Decoded, processes: Processes) -> dict[str, float]:
    """`score_metrics` of the first process's network, in every process, number for number as if it were alone.

    Each process runs its part of the batches, and what it detects goes to the first one: 28 bytes a box, 14 MB for
    5,000 images of 100. That one alone matches all of it with the objects, and tells the figures. All take over the
    first one's network, and keep it: with BatchNorm statistics of each process, or on GPUs, theirs may be another.
    """
    if not processes.several:
        return score_metrics(network, data)
    device = next(network.parameters()).device
    processes.take_over(network, device)
    shares = processes.to_first(_packed(detect(network, data, part=processes.part)), device)
    figures = None
    if shares is not None:
        found = list(chain.from_iterable(map(_unpacked, shares)))
        figures = scored_figures(found, truths(data), len(data.class_names), data.rule)
        figures = {name: float(value) for name, value in figures.items()}
    return processes.from_first(figures, device) or {}


def _packed(found: Sequence[Target]) -> dict[str, Any]:
    """The detections of some images behind one another; no image is none."""
    names = found[0] if found else ()
    values = {name: torch.from_numpy(np.concatenate([one[name] for one in found])) for name in names}
    return {"counts": [len(one["labels"]) for one in found], "values": values}


def _unpacked(packed: dict[str, Any]) -> list[Target]:
    ends = np.cumsum(packed["counts"])[:-1]
    values = {name: np.split(value.numpy(), ends) for name, value in packed["values"].items()}
    return [{name: parts[image] for name, parts in values.items()} for image in range(len(packed["counts"]))]
