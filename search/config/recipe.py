"""The keys of every training's recipe: the optimizer, its schedule, and validation between epochs."""

from typing import Annotated, Literal, Self

from search.config.section import Section
from search.config.values import NULL_LIST, Count, FromZero, FromZeroBelowOne, Positive, Share


class SilenceDecay(Section):
    """A decay of latent weights whose signs hardly flip, see `trainers.training.silence`."""

    decay: Positive = 2.0e-5
    momentum: FromZeroBelowOne = 0.999
    threshold: Share = 1.0e-4


class Recipe(Section):
    """How weights are updated."""

    optimizer: Literal["adamw", "sgd"] = "adamw"
    momentum: FromZeroBelowOne = 0.9  # of sgd
    weight_decay: FromZero = 1.0e-4
    latent_learning_rate: Positive | None = None  # of the latent weights of 1-bit units; null: learning_rate
    latent_weight_decay: FromZero | None = None  # of these; null: weight_decay
    silence_decay: SilenceDecay | None = None  # of those whose signs hardly flip; null: none
    clip_norm: Positive | None = 10.0  # the largest norm of a gradient; null: no limit
    schedule: Literal["cosine", "steps"] = "cosine"
    milestones: Annotated[tuple[Positive, ...], NULL_LIST] = ()  # epochs at which `steps` multiplies the rate by gamma
    gamma: Positive = 0.1
    warm_up_epochs: FromZero | None = None  # null: a twentieth of the training


class ValidatedRecipe(Recipe):
    """As `Recipe`, of a training that is measured on `data.val` between its epochs."""

    epochs: Count
    validate_every: Count | None = None  # epochs; null: never
    patience: Count | None = None  # validations in a row without a better one, after which it ends; null: never

    def over(self, epochs: int) -> Self:
        """The same over another number of epochs: milestones and warm-up stay where they are in proportion."""
        if epochs == self.epochs:
            return self
        part = epochs / self.epochs
        warm_up = None if self.warm_up_epochs is None else self.warm_up_epochs * part
        milestones = tuple(epoch * part for epoch in self.milestones)
        return self.model_copy(update={"epochs": epochs, "milestones": milestones, "warm_up_epochs": warm_up})
