"""How long and how fast a network is trained."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from spaces.precision import FLOAT32, PRECISIONS, Precision
from trainers.training.parameter_groups import LEARNING_RATE, complete_rates


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How long and how fast a network is trained."""

    epochs: int
    batch_size: int = 16
    learning_rate: float = LEARNING_RATE  # for this batch size; never rescaled silently
    accumulate: int = 1
    """Parts of a batch that go through the network one after another, see `accumulation`."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Learning rates by role, see `parameter_groups.ROLES`; a role that isn't named has its default."""
    weight_decay: float = 1e-4
    clip_norm: float = 10.0
    ema: float | None = None
    """The decay of an average of the weights, which is then the training's result; about 1 / (1 - ema) steps count."""

    precision: Precision = FLOAT32
    """Of the products and maps of a step; see `spaces.precision`. Weights are of float32 in any case."""

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
        for name, least in {"learning_rate": "positive", "clip_norm": "positive", "weight_decay": "0 or more"}.items():
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0 or (value == 0 and least == "positive"):
                raise ValueError(f"{name} is {value}, must be {least} and finite.")
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"ema is {self.ema}, must be between 0 and 1, or None for no average.")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}, must be {', '.join(PRECISIONS)}.")
        object.__setattr__(self, "rates", complete_rates(self.rates))

    def described(self) -> dict[str, float | str]:
        """The settings as results and unfinished trainings record them: flat, a role's rate as `<role>_learning_rate`.

        These keys are written to files: a result with different keys counts as that of another training. So `ema`,
        `precision` and `accumulate` are among them only where they are set.
        """
        flat = {**asdict(self), **{f"{role}_learning_rate": rate for role, rate in self.rates.items()}}
        unset = {"rates", *(["precision"] if self.precision == FLOAT32 else [])}
        unset |= {"accumulate"} if self.accumulate == 1 else set()
        return {name: value for name, value in flat.items() if name not in unset and value is not None}
