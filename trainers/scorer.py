"""Scoring: a candidate inherits the supernet's weights, adapts with its own teachers, and is measured on the subset."""

import math
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spaces.candidate import Candidate
from spaces.cost import layer_costs, totals
from spaces.detectors import DetectorSpec
from spaces.supernet import extract
from trainers.data.batches import Batch, batches
from trainers.data.decoded import Decoded
from trainers.data.sample import Rule
from trainers.detector_training import pick_device
from trainers.distill import Distiller
from trainers.distill.adversarial import discriminator_parameters
from trainers.distill.ensemble import Ensemble
from trainers.heap import keep_freed_memory
from trainers.inference import score_metrics
from trainers.loop import DivergedError, check_finite, freeze, to_device
from trainers.recalibrate import recalibrate
from trainers.searched_signs import searched_logits
from trainers.seeding import seeded

LOGIT_RATE = 10.0
"""Searched signs adapt so many times faster than weights, as they are trained by default."""
DISCRIMINATOR_RATE = 0.5
"""Likewise of discriminators."""

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, kw_only=True)
class ScoreSettings:
    """How a candidate is adapted before it is measured."""

    adapt_steps: int = 50  # 0 scores the layers alone
    adapt_learning_rate: float = 5e-4
    batch_size: int = 16
    recalibrate_images: int = 200
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.adapt_steps < 0:
            raise ValueError(f"adapt_steps is {self.adapt_steps}, must be 0 or more.")
        if not 0 < self.adapt_learning_rate < math.inf:
            raise ValueError(f"adapt_learning_rate is {self.adapt_learning_rate}, must be positive and finite.")
        if self.batch_size < 2:
            raise ValueError(
                f"batch_size is {self.batch_size}, must be at least 2: BatchNorm needs more than one image."
            )
        if self.recalibrate_images < 1:
            raise ValueError(f"recalibrate_images is {self.recalibrate_images}, must be at least 1.")


@dataclass(frozen=True)
class Score:
    """metrics in 0..1 (those of the data's rule), costs for one image (see spaces.cost), seconds by phase."""

    metrics: dict[str, float]
    costs: dict[str, float]
    seconds: dict[str, float]


@dataclass(frozen=True)
class ScorerParts:
    """All that a worker needs, broadcast once: plain descriptions, and arrays that workers share and only read."""

    spec: dict[str, Any]
    settings: dict[str, Any]
    terms: dict[str, list[str]]
    ensemble: Ensemble | None
    teachers: dict[str, tuple[dict[str, Any], dict[str, Any]]]
    """By name: the teacher's DetectorSpec and its candidate, both as plain dicts."""
    class_names: tuple[str, ...]
    rule: Rule
    image_ids: dict[str, tuple[str, ...]]
    arrays: Arrays = field(repr=False)
    """Keys `supernet/<tensor>`, `distiller/<tensor>`, `teacher.<name>/<tensor>`, `train/<array>`, `val/<array>`."""


@dataclass(frozen=True)
class Teacher:
    """A trained detector of the pool."""

    network: nn.Module
    spec: DetectorSpec
    candidate: Candidate


def pack(
    *,
    spec: DetectorSpec,
    settings: ScoreSettings,
    supernet: Mapping[str, Tensor],
    distiller: Mapping[str, Tensor],
    terms: Mapping[str, list[str]],
    ensemble: Ensemble | None = None,
    teachers: Mapping[str, Teacher],
    train: Decoded,
    val: Decoded,
) -> ScorerParts:
    """Gather the parts of a scorer. Of `train` only the images that adaptation and recalibration will see are taken."""
    wanted = max(settings.adapt_steps * settings.batch_size, settings.recalibrate_images)
    order = np.random.default_rng(settings.seed).permutation(len(train))[:wanted]
    groups: dict[str, Mapping[str, Any]] = {
        "supernet": supernet,
        "distiller": distiller,
        "train": (train := train.subset(order)).arrays(),
        "val": val.arrays(),
        **{f"teacher.{name}": teacher.network.state_dict() for name, teacher in teachers.items()},
    }
    return ScorerParts(
        spec=asdict(spec),
        settings=asdict(settings),
        terms={term: list(names) for term, names in terms.items()},
        ensemble=ensemble,
        teachers={name: (asdict(teacher.spec), dict(teacher.candidate)) for name, teacher in teachers.items()},
        class_names=train.class_names,
        rule=train.rule,
        image_ids={"train": train.image_ids, "val": val.image_ids},
        arrays={
            f"{group}/{name}": value.detach().cpu().contiguous().numpy() if isinstance(value, Tensor) else value
            for group, members in groups.items()
            for name, value in members.items()
        },
    )


def build_scorer(parts: ScorerParts) -> "Scorer":
    """A scorer over broadcast parts. The arrays may be shared with other processes: nothing is ever written to them."""
    return Scorer(parts)


class Scorer:
    """Scores candidates, each from the same untouched supernet and on the same batches."""

    def __init__(self, parts: ScorerParts) -> None:
        keep_freed_memory()
        self._spec = DetectorSpec(**parts.spec)
        self._settings = ScoreSettings(**parts.settings)
        self._device = pick_device(self._settings.device)
        self._supernet = self._tensors(parts, "supernet")
        self._distiller = self._tensors(parts, "distiller")
        self._terms, self._ensemble = parts.terms, parts.ensemble
        self._train, self._val = (
            Decoded.from_arrays(_group(parts, split), parts.image_ids[split], parts.class_names, parts.rule)
            for split in ("train", "val")
        )
        recalibrated = min(self._settings.recalibrate_images, len(self._train))
        self._recalibration = self._train.subset(np.arange(recalibrated))
        self._teachers = {
            name: freeze(extract(self._tensors(parts, f"teacher.{name}"), DetectorSpec(**spec), Candidate(candidate)))
            for name, (spec, candidate) in parts.teachers.items()
        }

    def score(self, candidate: Candidate) -> Score:
        """Adapt, recalibrate, measure and count. Raises DivergedError when a loss or a weight isn't finite."""
        network = extract(self._supernet, self._spec, candidate)
        started = time.perf_counter()
        self._adapt(network, candidate)
        adapted = time.perf_counter()
        recalibrate(network, (images for images, _ in self._batches(self._recalibration)))
        _check_weights(network)
        recalibrated = time.perf_counter()
        metrics = score_metrics(network, self._val)
        measured = time.perf_counter()
        blank = torch.zeros(3, self._spec.image_size, self._spec.image_size, device=self._device)
        costs = totals(layer_costs(network, [blank])).as_dict()
        seconds = {
            "adapt": adapted - started,
            "recalibrate": recalibrated - adapted,
            "evaluate": measured - recalibrated,
        }
        return Score(metrics, costs, seconds)

    def _adapt(self, network: nn.Module, candidate: Candidate) -> None:
        """Train on the candidate's own losses for a few steps.

        With Adam the size of a step depends on the learning rate alone, not on how large the loss weights are: a
        heavier distillation term turns the step, it doesn't lengthen it.
        """
        if self._settings.adapt_steps == 0:
            return
        distiller = Distiller(network, self._teachers, self._terms, self._ensemble).to(self._device)
        distiller.load_state_dict(self._distiller)
        rate = self._settings.adapt_learning_rate
        logits = list(searched_logits(network).values())
        discriminators = discriminator_parameters(distiller)
        known = {id(one) for one in (*logits, *discriminators)}
        others = [one for one in (*network.parameters(), *distiller.parameters()) if id(one) not in known]
        groups: list[dict[str, Any]] = [{"params": others}]
        if logits:
            groups.append({"params": logits, "lr": rate * LOGIT_RATE})
        if discriminators:
            groups.append({"params": discriminators, "lr": rate * DISCRIMINATOR_RATE})
        optimizer = torch.optim.Adam(groups, lr=rate)
        network.train()
        for step, (images, targets) in enumerate(self._steps()):
            torch.manual_seed(seeded(self._settings.seed, "adapt", step))  # for what a detector draws
            with distiller.tracing(candidate, network):
                output = network(images, targets)
            losses = output.losses | distiller.losses(candidate, images, targets, output)
            check_finite(losses, "the adaptation", 0, step)
            optimizer.zero_grad(set_to_none=True)
            torch.stack(list(losses.values())).sum().backward()
            optimizer.step()
        network.eval()

    def _steps(self) -> Iterator[Batch]:
        """The same `adapt_steps` batches for every candidate; the images are gone through again when they run out."""
        done = 0
        while done < self._settings.adapt_steps:
            for batch in self._batches(self._train, drop_last=True):
                if done == self._settings.adapt_steps:
                    return
                yield batch
                done += 1

    def _batches(self, data: Decoded, *, drop_last: bool = False) -> Iterator[Batch]:
        size = min(self._settings.batch_size, len(data))
        for batch in batches(data, size, seed=0, epoch=0, augment=False, drop_last=drop_last):
            yield to_device(batch, self._device)

    def _tensors(self, parts: ScorerParts, group: str) -> dict[str, Tensor]:
        with warnings.catch_warnings():
            # Shared arrays are read-only; the tensors over them are only ever copied from.
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return {name: torch.from_numpy(array).to(self._device) for name, array in _group(parts, group).items()}


def _check_weights(network: nn.Module) -> None:
    for name, tensor in network.state_dict().items():
        if not bool(tensor.isfinite().all()):
            raise DivergedError(f"After adaptation and recalibration {name} is not finite.")


def _group(parts: ScorerParts, group: str) -> Arrays:
    prefix = f"{group}/"
    return {name.removeprefix(prefix): array for name, array in parts.arrays.items() if name.startswith(prefix)}
