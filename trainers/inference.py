"""Running a detector over decoded images."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from spaces.detectors import keeping
from trainers.data.decoded import Decoded
from trainers.data.sample import Target
from trainers.devices import to_device
from trainers.evaluate.figures import rule_named, scored_figures
from trainers.evaluate.voc import voc_ap


def detect(network: nn.Module, data: Decoded, batch_size: int = 32) -> list[Target]:
    """Detections of every image, in order: boxes (n, 4) xyxy in pixels of the decoded images, scores (n,), labels (n,).

    The network runs in evaluation mode. If the rule of `data` counts more detections per image than the network usually
    returns, it returns as many as the rule counts. Afterwards the network is as it was before.
    """
    detections: list[Target] = []
    with evaluating(network, rule_named(data.rule).counted) as device:
        for batch in data.batches(batch_size, seed=0, epoch=0, augment=False):
            images, _ = to_device(batch, device)
            detections += [{k: v.cpu().numpy() for k, v in image.items()} for image in network(images).detections]
    return detections


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


def voc_metrics(network: nn.Module, data: Decoded, batch_size: int = 32) -> dict[str, float]:
    """VOC's mAP at IoU 0.5 on `data`: all-point as `map50`, 11-point as `map50_11`, both in 0..1."""
    result = voc_ap(detect(network, data, batch_size), truths(data), num_classes=len(data.class_names))
    return {"map50": result.map50, "map50_11": result.map50_11}


def score_metrics(network: nn.Module, data: Decoded) -> dict[str, float]:
    """The metrics of a candidate's score, by the rule of `data`: see `figures.RULES`."""
    return scored_figures(detect(network, data), truths(data), len(data.class_names), data.rule)
