"""How long and how fast a network is trained."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How long and how fast a network is trained."""

    epochs: int
    batch_size: int = 16
    learning_rate: float = 2e-3  # for this batch size; never rescaled silently
    logit_learning_rate: float = 2e-2  # of searched signs (`dbs`), which must travel a whole unit to change
    discriminator_learning_rate: float = 1e-3  # of adversarial distillation's other side
    weight_decay: float = 1e-4
    clip_norm: float = 10.0

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs is {self.epochs}, must be at least 1.")
        if self.batch_size < 2:
            raise ValueError(
                f"batch_size is {self.batch_size}, must be at least 2: BatchNorm needs more than one image."
            )
        rates = ("learning_rate", "logit_learning_rate", "discriminator_learning_rate")
        bounds = dict.fromkeys((*rates, "clip_norm"), "positive")
        for name, least in {**bounds, "weight_decay": "0 or more"}.items():
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0 or (value == 0 and least == "positive"):
                raise ValueError(f"{name} is {value}, must be {least} and finite.")
