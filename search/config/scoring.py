"""The section `scoring` of a config."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from search.config.section import Section
from search.config.values import NULL_LIST, BatchSize, Count, FromZero, NotNegative, Positive


class Rung(Section):
    """How much effort a score takes, of several a candidate may get."""

    adapt_steps: NotNegative


class Scoring(Section):
    """How a candidate is scored. With adapt_steps 0 only its layers count, not its distillation terms."""

    adapt_steps: NotNegative | None = 50  # null beside rungs
    rungs: Annotated[tuple[Rung, ...], NULL_LIST] = ()  # instead of adapt_steps: one candidate in so many goes on
    reduction: Annotated[int, Field(strict=True, ge=2)] = 3
    adapt_learning_rate: Positive = 2.0e-3
    precision: Literal["float32", "bf16"] = "float32"  # of the adaptation
    batch_size: BatchSize = 16
    recalibrate_images: Count = 200
    teacher_cache_mb: FromZero = 1024.0
    timeout: Positive | None = None  # seconds for one score; what takes longer is recorded as failed

    @model_validator(mode="before")
    @classmethod
    def _rungs_replace_the_default(cls, values: object) -> object:
        alone = isinstance(values, dict) and values.get("rungs") and "adapt_steps" not in values
        return {**values, "adapt_steps": None} if isinstance(values, dict) and alone else values

    @field_validator("rungs")
    @classmethod
    def _rising(cls, rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
        steps = [rung.adapt_steps for rung in rungs]
        if steps != sorted(set(steps)):
            raise ValueError("must have more adapt_steps from rung to rung")
        return rungs

    @property
    def steps(self) -> tuple[int, ...]:
        """The adaptation steps of each rung."""
        return tuple(rung.adapt_steps for rung in self.rungs) or (self.adapt_steps or 0,)
