"""How long, how fast and by what recipe a network is trained."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import pairwise
from typing import Literal, Self

from spaces.precision import FLOAT32, PRECISIONS, Precision
from trainers.training.parameter_groups import LEARNING_RATE, complete_rates
from trainers.training.silence import SilenceDecay

Optimizer = Literal["adamw", "sgd"]
Schedule = Literal["cosine", "steps"]

LATER = (
    "accumulate",
    "precision",
    "optimizer",
    "momentum",
    "schedule",
    "milestones",
    "gamma",
    "warm_up_epochs",
    "validate_every",
    "patience",
    "latent_weight_decay",
    "silence_decay",
)
"""Settings that older versions had not, each with what they did as its default."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How long, how fast and by what recipe a network is trained."""

    epochs: int
    batch_size: int = 16
    learning_rate: float = LEARNING_RATE  # for this batch size; never rescaled silently
    accumulate: int = 1
    """Parts of a batch that go through the network one after another, see `accumulation`."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Learning rates by role, see `parameter_groups.ROLES`; a role that isn't named has its default."""
    optimizer: Optimizer = "adamw"
    momentum: float = 0.9
    """SGD's."""
    weight_decay: float = 1e-4
    latent_weight_decay: float | None = None
    """That of the latent weights of 1-bit units; None: `weight_decay`."""
    silence_decay: SilenceDecay | None = None
    """Of latent weights whose signs hardly flip, beside the other decay."""
    clip_norm: float | None = 10.0
    """The largest norm of a gradient; None for no limit."""
    schedule: Schedule = "cosine"
    milestones: tuple[float, ...] = ()
    """The epochs at which the schedule `steps` multiplies the rate by `gamma`."""
    gamma: float = 0.1
    warm_up_epochs: float | None = None
    """None: a twentieth of the training."""
    ema: float | None = None
    """The decay of an average of the weights, which is then the training's result; about 1 / (1 - ema) steps count."""

    precision: Precision = FLOAT32
    """Of the products and maps of a step; see `spaces.precision`. Weights are of float32 in any case."""
    validate_every: int | None = None
    """The epochs from one validation to the next, see `validation`; None for none."""
    patience: int | None = None
    """A training ends after so many validations in a row without a better one; None: never early."""

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs is {self.epochs}, must be at least 1.")
        if self.batch_size < 2:
            raise ValueError(
                f"batch_size is {self.batch_size}, must be at least 2: BatchNorm needs more than one image."
            )
        if self.accumulate < 1 or self.batch_size % self.accumulate or self.batch_size // self.accumulate < 2:
            raise ValueError(
                f"accumulate is {self.accumulate}, must split the batch_size of {self.batch_size} into equal parts of "
                "at least 2 images."
            )
        self._check_numbers()
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"ema is {self.ema}, must be between 0 and 1, or None for no average.")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}, must be {', '.join(PRECISIONS)}.")
        self._check_recipe()
        object.__setattr__(self, "rates", complete_rates(self.rates))

    def over(self, epochs: int) -> Self:
        """The same recipe over another number of epochs: milestones and warm-up stay where they are in proportion."""
        part = epochs / self.epochs
        warm_up = None if self.warm_up_epochs is None else self.warm_up_epochs * part
        milestones = tuple(epoch * part for epoch in self.milestones)
        return replace(self, epochs=epochs, milestones=milestones, warm_up_epochs=warm_up)

    def with_real_weights(self) -> Self:
        """The same for a stage in which weights are still real: none is latent."""
        rates = {role: rate for role, rate in self.rates.items() if role != "latent"}
        return replace(self, rates=rates, latent_weight_decay=None, silence_decay=None)

    def described(self) -> dict[str, object]:
        """The settings as results and unfinished trainings record them: flat, a role's rate as `<role>_learning_rate`.

        These keys are written to files: a result with different keys counts as that of another training. So those of
        `LATER` are among them only where they aren't the default.
        """
        flat = {**asdict(self), **{f"{role}_learning_rate": rate for role, rate in self.rates.items()}}
        flat["milestones"] = list(self.milestones)  # as JSON gives them back
        defaults = {one.name: one.default for one in fields(self)} | {"milestones": []}
        unset = {"rates", *(name for name in LATER if flat[name] == defaults[name])}
        return {name: value for name, value in flat.items() if name not in unset and value is not None}

    def _check_numbers(self) -> None:
        least = {"learning_rate": "positive", "clip_norm": "positive", "weight_decay": "0 or more"}
        least["latent_weight_decay"] = "0 or more"
        least |= {"gamma": "positive", "warm_up_epochs": "0 or more", "validate_every": "positive"}
        for name, bound in {**least, "patience": "positive"}.items():
            value = getattr(self, name)
            if value is None:
                continue
            if not math.isfinite(value) or value < 0 or (value == 0 and bound == "positive"):
                raise ValueError(f"{name} is {value}, must be {bound} and finite.")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum is {self.momentum}, must be 0 or more and below 1.")

    def _check_recipe(self) -> None:
        for name, allowed in (("optimizer", ("adamw", "sgd")), ("schedule", ("cosine", "steps"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}, must be {' or '.join(allowed)}.")
        rising = all(one < other for one, other in pairwise((0.0, *self.milestones, float(self.epochs))))
        if (self.milestones and not rising) or bool(self.milestones) != (self.schedule == "steps"):
            raise ValueError(
                f"milestones are {list(self.milestones)} with the schedule {self.schedule} over {self.epochs} epochs: "
                "steps needs rising epochs within the training, cosine has none."
            )
        if self.patience is not None and self.validate_every is None:
            raise ValueError(f"patience is {self.patience}, but validate_every is None: nothing is validated.")
