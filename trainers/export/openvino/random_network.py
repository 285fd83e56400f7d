"""Detectors of random weights as graphs: time depends on shapes and methods, not on what was learnt."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.deployed.describe import describe
from spaces.deployed.form import Convolution
from spaces.detectors import DetectorSpec
from spaces.detectors.single_stage import SingleStage
from spaces.layers.real import FakeQuantized
from spaces.supernet import build_fixed
from trainers.detector_file import DetectorFile
from trainers.export.graphs.walk import Walked, walk
from trainers.export.openvino.graph import build_graph
from trainers.export.openvino.timing import Run, runs
from trainers.seeding import seeded_torch


@dataclass(frozen=True)
class Described:
    """A detector's layers by name, and the steps that it computes."""

    network: nn.Module
    layers: Mapping[str, Convolution]
    walked: Walked


def described(spec: DetectorSpec, candidate: Candidate, network: nn.Module | None = None) -> Described:
    """A candidate with random weights, the same each time, and inputs' ranges of noise; or a network as it is.

    Raises UndescribedError as `describe` and `walk` do.
    """
    network = network or random_network(spec, candidate)
    file = DetectorFile(network, spec, candidate, tuple(map(str, range(spec.num_classes))))
    return Described(network, describe(network), walk(file))


def random_network(spec: DetectorSpec, candidate: Candidate) -> nn.Module:
    """In evaluation mode."""
    with seeded_torch(0):
        network = build_fixed(spec, candidate).eval()
        with torch.no_grad(), ExitStack() as observed:
            for module in network.modules():
                if isinstance(module, FakeQuantized):
                    observed.enter_context(module.observed())
            network([torch.rand(3, spec.image_size, spec.image_size)])
    return network


def whole_run(one: Described, threads: int) -> Run:
    """Runs the whole detector on a picture, up to the raw outputs of its heads."""
    transform = cast(SingleStage, one.network).transform
    mean, std = (list(map(float, values)) for values in (transform.image_mean, transform.image_std))
    graph = build_graph(one.walked.tape, one.layers, mean, std, one.walked.names)
    return runs(graph.model, one.walked.pictures[:1], threads)
