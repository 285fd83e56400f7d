"""A table of times of a detector's layers on this machine, and how it predicts whole networks.

The time of a candidate is rest + the sum of its layers' times and of what lies between them, each measured by itself,
times a factor: one for layers on floats, one for bytes, one for bits, one for seams. rest is what hangs on no method:
the picture's normalisation, calling the graph. In a whole network the caches hold other layers' maps and weights: that
is what the factors are for. All are fitted to whole networks.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.latency import LatencyTable, Seam
from spaces.layers import WIDTHS, method
from trainers.export.openvino.layer_times import Choices, LayerTimes, layer_times
from trainers.export.openvino.machine import has_exact_bytes
from trainers.export.openvino.random_network import Described, described, whole_run
from trainers.export.openvino.runtime import processor, version
from trainers.export.openvino.timing import Time, times

NUMBERS = ("floats", "bytes", "bits", "seams")
SEAMS = NUMBERS.index("seams")
DRAWN, SAME = 3e-4, 1e6
"""How much a network draws the factors to each other: a hundredth of what it says of them, or so; or wholly."""


@dataclass(frozen=True)
class Settings:
    """rounds: how many at least, of which the least time counts. seconds: how long at least, layers and whole networks
    each. threads: of a network.
    """

    rounds: int = 20
    seconds: float = 60.0
    threads: int = 1


@dataclass(frozen=True)
class Checked:
    """A candidate's time as a whole network, and what the table says, in ms."""

    candidate: Candidate
    measured: Time
    predicted: float


def measured_table(
    spec: DetectorSpec, choices: Choices, fitted: Sequence[Candidate], checked: Sequence[Candidate], settings: Settings
) -> tuple[LatencyTable, list[Checked]]:
    """The table of a detector, and candidates against whole networks.

    choices: methods by layer or prefix. fitted: from whose whole networks rest and factors follow; of a single one all
    factors are 1. checked: other candidates. Raises UndescribedError for a detector that has no graph.
    """
    alone = layer_times(spec, choices, settings.rounds, settings.seconds, settings.threads)
    networks = [described(spec, one) for one in (*fitted, *checked)]
    whole = times(
        [whole_run(one, settings.threads) for one in networks], settings.rounds, settings.seconds, settings.threads
    )
    sums = np.array([_sums(one, alone) for one in networks])
    rest, factors = fit(sums[: len(fitted)], [one.ms for one in whole[: len(fitted)]])
    predicted = rest + sums[len(fitted) :] @ factors
    rows = [Checked(*one) for one in zip(checked, whole[len(fitted) :], map(float, predicted), strict=True)]
    about = {
        "processor": processor(),
        "openvino": version,
        "exact_products_of_8_bits": has_exact_bytes(),
        **asdict(settings),
        "clock": "processor time" if settings.threads == 1 else "wall clock",
        "factors": dict(zip(NUMBERS, map(float, factors), strict=True)),
        "graphs": alone.graphs,
        "alone_ms": {name: {m: asdict(time) for m, time in own.items()} for name, own in alone.layers.items()},
    }
    layers = {
        name: {m: float(factors[_numbers(m)]) * time.ms for m, time in own.items()}
        for name, own in alone.layers.items()
    }
    seams = tuple(_scaled(seam, float(factors[SEAMS])) for seam in alone.seams)
    return LatencyTable(spec, layers, rest, about, seams), rows


def fit(sums: NDArray[np.float64], whole: Sequence[float]) -> tuple[float, NDArray[np.float64]]:
    """rest and factors with the least squares of relative errors; sums (networks, NUMBERS) and whole are in ms.

    The factors are drawn to a common one, more so where the networks are few. Where one comes out negative, as of
    networks that hardly differ, all are the same, and 1 where that is negative too.
    """
    y = np.array(whole)
    columns = np.concatenate([np.ones((len(y), 1)), sums.sum(1, keepdims=True), sums], axis=1) / y[:, None]
    for drawn in (DRAWN, SAME):
        weights = np.diag([0.0, 0.0, *[drawn * len(y)] * len(NUMBERS)])
        rest, common, *own = np.linalg.lstsq(columns.T @ columns + weights, columns.T @ np.ones(len(y)), rcond=None)[0]
        factors = common + np.array(own)
        if len(y) > 1 and (factors > 0).all():
            return float(rest), factors
    return float(np.mean(y - sums.sum(1))), np.ones(len(NUMBERS))


def _sums(one: Described, alone: LayerTimes) -> NDArray[np.float64]:
    """The sums (NUMBERS,) of a network's layers."""
    sums = np.zeros(len(NUMBERS))
    for name, layer in one.layers.items():
        if name in alone.layers:  # what the outputs don't need isn't run
            sums[_numbers(layer.method)] += alone.layers[name][layer.method].ms
    for seam in alone.seams:
        sums[SEAMS] += seam.ms[one.layers[seam.before].method][one.layers[seam.after].method]
    return sums


def _scaled(seam: Seam, factor: float) -> Seam:
    ms = {before: {after: factor * one for after, one in own.items()} for before, own in seam.ms.items()}
    return replace(seam, ms=ms)


def _numbers(name: str) -> int:
    """On which of `NUMBERS` a method computes."""
    bits = method(name).weight_bits
    return NUMBERS.index("bits" if bits == 1 else "floats" if bits == max(WIDTHS) else "bytes")
