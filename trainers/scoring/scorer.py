"""Scoring: a candidate inherits the supernet's weights, adapts with its own teachers, and is measured on the subset."""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorOutput, DetectorSpec, searchable_units
from spaces.precision import computing_in
from spaces.supernet import extract
from trainers.data.batches import Batch
from trainers.data.decoded import Decoded
from trainers.devices import freeze, pick_device, to_device
from trainers.distill import Distiller
from trainers.distill.teacher_cache import KnownOutputs
from trainers.inference import score_metrics
from trainers.scoring.parts import ScorerParts, ScoreSettings, group_of, images_of
from trainers.seeding import callers_generators, seeded, seeded_torch
from trainers.training import fused
from trainers.training.finiteness import DivergedError, check_finite
from trainers.training.memory import keep_freed_memory
from trainers.training.parameter_groups import optimizer_groups
from trainers.training.recalibrate import recalibrate
from trainers.training.schedule import warmed_cosine


@dataclass(frozen=True)
class Score:
    """A candidate's measurements: the metrics of the data's rule, in 0..1, and the seconds by phase."""

    metrics: dict[str, float]
    seconds: dict[str, float]


class Scorer:
    """Scores candidates, each from the same untouched supernet and on the same batches.

    The arrays of `parts` may be shared with other processes: they are never written to.
    """

    def __init__(self, parts: ScorerParts) -> None:
        keep_freed_memory()
        self._spec = DetectorSpec(**parts.spec)
        self._settings = ScoreSettings(**parts.settings)
        self._device = pick_device(self._settings.device)
        self._supernet = self._tensors(parts, "supernet")
        self._distiller = self._tensors(parts, "distiller")
        self._terms, self._ensemble = parts.terms, parts.ensemble
        self._train, self._val = (images_of(parts, split) for split in ("train", "val"))
        recalibrated = min(self._settings.recalibrate_images, len(self._train))
        self._recalibration = self._train.subset(np.arange(recalibrated))
        self._known = {
            name: KnownOutputs(maps := dict(group_of(parts, f"known.{name}")), maps.pop("anchors"), form)
            for name, form in parts.known.items()
        }
        self._teachers = {
            name: freeze(extract(self._tensors(parts, f"teacher.{name}"), DetectorSpec(**spec), Candidate(candidate)))
            for name, (spec, candidate) in parts.teachers.items()
        }

    def score(self, candidate: Candidate, rung: int = 0) -> Score:
        """Adapt for the steps of the rung, recalibrate and measure.

        Raises DivergedError when a loss or a weight isn't finite.
        """
        network = extract(self._supernet, self._spec, candidate)
        started = time.perf_counter()
        with callers_generators(self._device):  # fresh adapters draw from them
            self._adapt(network, candidate, self._settings.steps[rung])
        adapted = time.perf_counter()
        recalibrate(network, (images for images, _ in self._batches(self._recalibration)))
        _check_weights(network)
        recalibrated = time.perf_counter()
        metrics = score_metrics(network, self._val)
        measured = time.perf_counter()
        seconds = {
            "adapt": adapted - started,
            "recalibrate": recalibrated - adapted,
            "evaluate": measured - recalibrated,
        }
        return Score(metrics, seconds)

    def _adapt(self, network: nn.Module, candidate: Candidate, steps: int) -> None:
        """Train on the candidate's own losses for a few steps, with the learning rate schedule of a training.

        With Adam the size of a step depends only on the learning rate, not on the loss weights: a larger weight changes
        the direction of a step, not its length.
        """
        if steps == 0:
            return
        distiller = Distiller(network, self._teachers, self._terms, self._ensemble).to(self._device)
        distiller.load_state_dict(self._distiller)
        rate = self._settings.adapt_learning_rate
        rates = {role: rate * multiple for role, multiple in self._settings.rates.items()}
        latent = self._settings.latent_units
        shared = [unit.latent_weight for name, unit in searchable_units(network).items() if name not in latent]
        plain = [weight for weight in shared if weight is not None]
        groups = optimizer_groups(nn.ModuleList([network, distiller]), rate, rates, plain=plain)
        optimizer = fused.adam(groups)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warmed_cosine(steps))
        network.train()
        for step, (start, (images, targets)) in enumerate(self._steps(steps)):
            known = partial(self._known_output, start, start + len(images))
            with seeded_torch(seeded(self._settings.seed, "adapt", step), self._device):  # for draws of the detector
                with computing_in(self._settings.precision):
                    losses = distiller.step(network, candidate, images, targets, known=known)
                check_finite(losses, "the adaptation", 0, step)
                optimizer.zero_grad(set_to_none=True)
                torch.stack(list(losses.values())).sum().backward()
                optimizer.step()
            schedule.step()
        network.eval()

    def _steps(self, steps: int) -> Iterator[tuple[int, Batch]]:
        """The same `steps` batches for every candidate, each with the index of its first image.

        When the images run out, they are repeated from the first.
        """
        done = 0
        while done < steps:
            start = 0
            for batch in self._batches(self._train, drop_last=True):
                if done == steps:
                    return
                yield start, batch
                done, start = done + 1, start + len(batch[0])

    def _known_output(self, start: int, stop: int, teacher: str) -> DetectorOutput | None:
        known = self._known.get(teacher)
        return None if known is None else known.output(start, stop, self._device)

    def _batches(self, data: Decoded, *, drop_last: bool = False) -> Iterator[Batch]:
        size = min(self._settings.batch_size, len(data))
        for batch in data.batches(size, seed=0, epoch=0, augment=False, drop_last=drop_last):
            yield to_device(batch, self._device)

    def _tensors(self, parts: ScorerParts, group: str) -> dict[str, Tensor]:
        with warnings.catch_warnings():
            # Shared arrays are read-only; the tensors over them are only ever copied from.
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return {name: torch.from_numpy(array).to(self._device) for name, array in group_of(parts, group).items()}


def _check_weights(network: nn.Module) -> None:
    for name, tensor in network.state_dict().items():
        if not bool(tensor.isfinite().all()):
            raise DivergedError(f"After adaptation and recalibration {name} is not finite.")
