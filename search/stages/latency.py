"""Measures how long a detector takes on this machine, layer by layer, and how well the layers' sum predicts it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from results.statistics import kendall_tau_b
from search.config import load_config
from search.errors import RunError
from search.plan.detectors import student_spec
from search.plan.initial_candidates import uniform_candidates
from search.plan.sources import class_names, settled
from search.plan.space import Choices, build_space, layer_choices
from spaces.candidate import ALL_REAL, Candidate
from spaces.deployed.describe import UndescribedError
from spaces.detectors import DetectorSpec, build_detector
from spaces.detectors.contract import is_two_stage
from spaces.latency import LatencyTable
from spaces.layers import REAL
from spaces.without_values import without_values
from trainers.data.resizing import Resizing
from trainers.detector_file import load_detector

if TYPE_CHECKING:
    from trainers.export.openvino.latency import Checked

FITTED = 16
"""Random candidates, beside those of one method, to which the sum over layers is fitted."""


@dataclass(frozen=True)
class Measured:
    """A table, and candidates that it wasn't fitted to. Figures are NaN where there are too few of these.

    mean_error: of predictions, a share. tau: Kendall's, of predicted against measured times.
    """

    table: LatencyTable
    checked: "Sequence[Checked]"
    mean_error: float
    tau: float


@dataclass(frozen=True)
class _Asked:
    spec: DetectorSpec
    choices: Choices
    fitted: list[Candidate]
    checked: list[Candidate]


def run_latency(
    source: str,
    overrides: Sequence[str] = (),
    data_root: Path | None = None,
    *,
    rounds: int = 20,
    seconds: float = 60.0,
    threads: int = 1,
    check: int = 20,
) -> Measured:
    """Measure the layers of a config's space, or of a trained detector, in OpenVINO.

    source: a config, a preset, or the .safetensors file of a detector: then the check is this detector itself. rounds
    and seconds: of measuring, how many and how long at least; layers and whole networks each. check: how many random
    candidates are held against the sum. Raises ConfigError, CheckpointError or RunError.
    """
    if find_spec("openvino") is None:
        raise RunError("OpenVINO isn't installed. Install it: pip install '.[openvino]'.")
    from trainers.export.openvino.latency import Settings, measured_table

    asked = _of_checkpoint(Path(source)) if source.endswith(".safetensors") else None
    asked = asked or _of_config(source, overrides, data_root, check)
    with without_values():
        two_stages = is_two_stage(build_detector(asked.spec, lambda _: (REAL,)))
    if two_stages:
        raise RunError(f"{asked.spec.detector} has two stages, which a graph of fixed sizes can't hold.")
    if not Resizing.of(asked.spec).to_one_shape:
        raise RunError(
            "data.resize is shortest_edge, and a graph has one input size. Measure squares: --set "
            "data.resize=letterbox --set data.longest=null."
        )
    try:
        settings = Settings(rounds, seconds, threads)
        table, checked = measured_table(asked.spec, asked.choices, asked.fitted, asked.checked, settings)
    except UndescribedError as error:
        raise RunError(f"{asked.spec.detector} can't be measured: {error}") from error
    measured = np.array([one.measured.ms for one in checked])
    predicted = np.array([one.predicted for one in checked])
    off = float(np.mean(np.abs(predicted / measured - 1))) if len(checked) else float("nan")
    tau = kendall_tau_b(predicted, measured) if len(checked) > 1 else float("nan")
    known = {"checked": len(checked), "mean_error": _known(off), "tau": _known(tau)}
    return Measured(replace(table, about={**table.about, **known}), checked, off, tau)


def _of_config(source: str, overrides: Sequence[str], data_root: Path | None, check: int) -> _Asked:
    config = settled(load_config(source, overrides), data_root, data_needed=False)
    spec = student_spec(config.student, config.data, len(class_names(config.data)))
    choices = layer_choices(config.space, spec)
    space, rng = build_space(choices, {}), random.Random(config.seed)
    uniform = uniform_candidates(config.space.layers.methods, space).values()
    fitted = dict.fromkeys([*uniform, *(space.sample(rng) for _ in range(FITTED))])
    others = dict.fromkeys(space.sample(rng) for _ in range(check))
    return _Asked(spec, choices, list(fitted), [one for one in others if one not in fitted])


def _of_checkpoint(path: Path) -> _Asked:
    file = load_detector(path)
    layers = file.candidate.layers()
    choices: Choices = {prefix: (method,) for prefix, method in layers.items()}
    own = Candidate({f"layer/{prefix}": method for prefix, method in layers.items()})
    return _Asked(file.spec, choices, [ALL_REAL], [own])


def _known(figure: float) -> float | None:
    return None if np.isnan(figure) else figure
