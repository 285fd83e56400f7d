"""Checks of a config against this machine and this data, made before anything is written."""

from collections.abc import Mapping

import torch

from search.config import ConfigError, TrainingConfig
from search.config.schema import Data
from trainers.devices import pick_device
from trainers.training.mixed_precision import check_precision

LEAST_IMAGES = 2


def check_device(device: str) -> None:
    """Raise ConfigError for a device that this machine lacks."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "device: is 'cuda', but torch finds no GPU here. Give cpu, or auto, which takes what there is."
        )


def check_precisions(sections: Mapping[str, TrainingConfig], device: str) -> None:
    """Raise ConfigError for a precision that the device can't train in. sections: see `check_batch_sizes`."""
    for key, section in sections.items():
        try:
            check_precision(section.precision, pick_device(device))
        except ValueError as error:
            raise ConfigError(f"{key}.{error}") from error


def check_scoring_data(data: Data) -> None:
    """Raise ConfigError where there are no images to score candidates on."""
    if data.val is None:
        raise ConfigError("data.val is null, but a search scores its candidates on these images. Name an image set.")


def check_parts(sections: Mapping[str, TrainingConfig], workers: int) -> None:
    """Raise ConfigError for a batch that processes and `accumulate` can't split. sections: see `check_batch_sizes`."""
    for key, section in sections.items():
        parts = workers * section.accumulate
        if section.batch_size % parts:
            raise ConfigError(
                f"{key}.batch_size is {section.batch_size}, but it is split into {parts} equal parts: "
                f"training.workers is {workers}, {key}.accumulate {section.accumulate}. Give a multiple of {parts}."
            )
        if section.batch_size // section.accumulate < LEAST_IMAGES:
            raise ConfigError(
                f"{key}.accumulate is {section.accumulate}, which leaves 1 image of a batch of {section.batch_size}: "
                "BatchNorm needs more than one."
            )


def check_batch_sizes(sections: Mapping[str, TrainingConfig], split: str, images: int | None) -> None:
    """Raise ConfigError for a batch larger than the data.

    sections: those that train something, by their keys. images: how many `split` has; None where that isn't known yet.
    """
    if images is None:
        return
    for key, section in sections.items():
        if section.batch_size > images:
            raise ConfigError(
                f"{key}.batch_size is {section.batch_size}, but {split} has {images} images. "
                "Give it more images or a smaller batch."
            )
