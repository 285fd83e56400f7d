"""The keys of `pretrain`: a backbone that is trained as an image classifier before it detects."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from search.config.recipe import Recipe
from search.config.section import Section
from search.config.values import (
    BatchSize,
    Count,
    Decay,
    FromZeroToOne,
    MethodByModule,
    Name,
    NotNegative,
    Positive,
    Precision,
)

if TYPE_CHECKING:
    from search.config.schema import TrainingConfig

LEAST_SIZE = 32
"""Pixels of a side: the last map has a stride of 32."""


class GeneratedPictures(Section):
    """How many pictures of each set are generated, and how large."""

    train: Count = 1000
    val: Count = 500
    image_size: Annotated[int, Field(strict=True, ge=32)] = 128


class PictureFolder(Section):
    """Where the pictures lie: ROOT/SET/CLASS/NAME.jpg."""

    format: Literal["folder", "shapes"] = "folder"  # shapes: generated
    root: str | None = None
    train: Name = "train"
    val: Name = "val"
    loader_workers: NotNegative = 0  # processes that read pictures ahead; 0: none
    shapes: GeneratedPictures = GeneratedPictures()


class ClassifierTeacher(Recipe):
    """A real-valued classifier on the same backbone, trained first; or one that was, by its file."""

    weights: str | None = None
    epochs: Count = 30
    batch_size: BatchSize = 64
    accumulate: Count = 1
    learning_rate: Positive = 2.0e-3
    ema: Decay = None
    precision: Precision = "float32"
    validate_every: Count | None = None  # epochs; null: never


class Pretrain(Recipe):
    """The student's backbone as a classifier, by `bitfront pretrain`."""

    data: PictureFolder = PictureFolder()
    layers: MethodByModule = "react"  # one method for all layers of the backbone, or one per module
    image_size: Annotated[int, Field(strict=True, ge=LEAST_SIZE)] | None = None  # null: data.image_size
    crop_scale: FromZeroToOne = 0.08  # the least share of a picture that a random crop has
    teacher: ClassifierTeacher | None = None  # null: the labels teach
    epochs: Count = 60
    batch_size: BatchSize = 64
    accumulate: Count = 1
    learning_rate: Positive = 2.0e-3
    ema: Decay = None
    precision: Precision = "float32"
    logit_learning_rate: Positive = 2.0e-2
    validate_every: Count | None = None  # epochs; null: never
    inputs_first_epochs: NotNegative = 0  # with binary inputs and real weights, before `epochs`

    def trainings(self) -> dict[str, "TrainingConfig"]:
        """The sections of its trainings, by their keys; a teacher with a file isn't trained."""
        found: dict[str, TrainingConfig] = {"pretrain": self}
        if self.teacher is not None and self.teacher.weights is None:
            found["pretrain.teacher"] = self.teacher
        return found
