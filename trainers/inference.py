"""Running a detector over decoded images."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import numpy as np
import torch
from torch import nn

from spaces.detectors import keeping
from trainers.data.batches import WHOLE, Part, part_of
from trainers.data.decoded import Decoded
from trainers.data.sample import Target
from trainers.devices import to_device
from trainers.evaluate.figures import rule_named, scored_figures
from trainers.evaluate.voc import voc_ap

BATCH = 32
"""The images that go through a network at once."""


def detect(network: nn.Module, data: Decoded, batch_size: int = BATCH, part: Part = WHOLE) -> list[Target]:
    """As `timed_detect`, without the time."""
    return timed_detect(network, data, batch_size, part)[0]


def timed_detect(
    network: nn.Module, data: Decoded, batch_size: int = BATCH, part: Part = WHOLE
) -> tuple[list[Target], float]:
    """Detections of every image, in order: boxes (n, 4) xyxy in pixels of the decoded images, scores (n,), labels (n,).

    The network runs in evaluation mode. If the rule of `data` counts more detections per image than the network usually
    returns, it returns as many as the rule counts. Afterwards the network is as it was before.

    With `part` only that part of the batches is taken, which may be none: all parts one after the other are what one
    process finds, to the bit, since its batches stay whole.

    Second comes how many images a second the network took, with the decoding of its outputs to boxes and their way to
    the CPU: the first batch, in which memory is allocated, counts only if there is no other.

    Images of their own shapes go through one by one: what is found on one doesn't depend on how far others pad it.
    """
    batch_size = batch_size if data.resized.to_one_shape else 1
    mine = part_of(np.arange(batches_of(len(data), batch_size)), part)
    skip = int(mine[0]) if len(mine) else 0
    first = skip * batch_size
    detections: list[Target] = []
    seconds: list[float] = []
    with evaluating(network, rule_named(data.rule).counted) as device:
        for batch in islice(data.batches(batch_size, seed=0, epoch=0, augment=False, skip=skip), len(mine)):
            images, _ = to_device(batch, device)
            started = time.perf_counter()
            found = [{k: v.cpu().numpy() for k, v in image.items()} for image in network(images).detections]
            seconds.append(time.perf_counter() - started)
            detections += [data.detected(first + len(detections) + place, one) for place, one in enumerate(found)]
    warm, images_then = (seconds[1:], len(detections) - batch_size) if len(seconds) > 1 else (seconds, len(detections))
    return detections, images_then / max(sum(warm), 1e-9)


def batches_of(images: int, batch_size: int) -> int:
    """In how many batches so many images are looked at."""
    return -(-images // batch_size)


@contextmanager
def evaluating(network: nn.Module, detections: int) -> Iterator[torch.device]:
    """Within this context a detector is in evaluation mode, without gradients, and keeps `detections` per image.

    It keeps its own number if that is larger. Yields the network's device. Afterwards the network is as it was before.
    """
    training = network.training
    network.eval()
    try:
        with torch.no_grad(), keeping(network, detections):
            yield next(network.parameters()).device
    finally:
        network.train(training)


def truths(data: Decoded) -> list[Target]:
    """The objects of every image, in order."""
    return [data.target(index) for index in range(len(data))]


def voc_metrics(network: nn.Module, data: Decoded, batch_size: int = BATCH) -> dict[str, float]:
    """VOC's mAP at IoU 0.5 on `data`: all-point as `map50`, 11-point as `map50_11`, both in 0..1."""
    result = voc_ap(detect(network, data, batch_size), truths(data), num_classes=len(data.class_names))
    return {"map50": result.map50, "map50_11": result.map50_11}


def score_metrics(network: nn.Module, data: Decoded) -> dict[str, float]:
    """The metrics of a candidate's score, by the rule of `data`: see `figures.RULES`."""
    return scored_figures(detect(network, data), truths(data), len(data.class_names), data.rule)
