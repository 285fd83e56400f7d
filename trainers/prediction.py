"""Boxes in pictures of any size: what a detector finds, in the pixels of each picture."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from spaces.detectors import Detections
from trainers.data.batches import as_input
from trainers.data.errors import DataError
from trainers.data.image_file import as_rgb, opened, orientation, raised_as_data_errors
from trainers.data.resizing import Placement, Resizing
from trainers.inference import evaluating

Picture = str | Path | Image.Image | Tensor
"""A file, an image of Pillow, or a tensor (3, H, W) or (1, H, W), uint8 or a float in 0..1."""

_WIDE_MODES = ("I", "F")
"""How the names begin of Pillow's modes with more than 8 bits a channel."""


@dataclass(frozen=True, kw_only=True)
class PredictionSettings:
    """What is asked of a detector: boxes of at least this score, at most so many a picture, so many pictures at once.

    max_boxes: None for the detector's own number, 100 or 200. The batch size changes speed and memory, and results by
    rounding at most. Pictures that keep a shape of their own go through one by one.
    """

    score: float = 0.3
    max_boxes: int | None = None
    batch_size: int = 8

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:
            raise ValueError(f"score is {self.score}, must be from 0 to 1.")
        for name in ("max_boxes", "batch_size"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} is {value}, must be at least 1.")


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a detector found in one picture.

    index: the picture's place among those that were given, from 0. path: its file, None for a picture in memory. width,
    height: of the upright picture, turned as its EXIF data say. boxes (n, 4) float32 xyxy in its pixels; scores (n,)
    falling; labels (n,) in 1..C; class_names: those of the boxes. The tensors are on the CPU.
    """

    index: int
    path: Path | None
    width: int
    height: int
    boxes: Tensor
    scores: Tensor
    labels: Tensor
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class _Input:
    """A picture as the network takes it, (3, H, W), and what is needed to bring its boxes back."""

    index: int
    path: Path | None
    place: Placement
    pixels: Tensor


def predictions(
    network: nn.Module,
    classes: tuple[str, ...],
    resizing: Resizing,
    pictures: Iterable[Picture],
    settings: PredictionSettings,
    on_unreadable: Callable[[DataError], None] | None = None,
) -> Iterator[Prediction]:
    """What a detector finds in each picture, in order, read in batches as they are asked for.

    Pictures are turned upright and resized as those of the detector's training and evaluation are. One that
    can't be read raises DataError, or is left out and handed to `on_unreadable`. Raises TypeError or ValueError for
    what is no picture, and TypeError at once where `pictures` is a single one.
    """
    if isinstance(pictures, str | Path | Image.Image) or (isinstance(pictures, Tensor) and pictures.dim() < 4):
        raise TypeError("images is a single picture, must be several: put it into a list.")
    at_once = settings.batch_size if resizing.to_one_shape else 1
    return _predictions(network, classes, settings, _inputs(pictures, resizing, on_unreadable), at_once)


def _predictions(
    network: nn.Module,
    classes: tuple[str, ...],
    settings: PredictionSettings,
    inputs: Iterator[_Input],
    at_once: int,
) -> Iterator[Prediction]:
    while batch := list(islice(inputs, at_once)):
        with evaluating(network, settings.max_boxes or 0) as device:
            detections = network([one.pixels.to(device) for one in batch]).detections
        for one, found in zip(batch, detections, strict=True):
            boxes, scores, labels = _best(found, one.place, settings)
            names = tuple(classes[label - 1] for label in labels.tolist())
            yield Prediction(one.index, one.path, *one.place.original, boxes, scores, labels, names)


def _best(found: Detections, place: Placement, settings: PredictionSettings) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes in the pixels of the picture, scores and labels: as many as were asked for, none beside the picture."""
    kept = found["scores"] >= settings.score
    inside = place.inside({name: value[kept].cpu().numpy() for name, value in found.items()})
    boxes, scores, labels = (inside[name][: settings.max_boxes] for name in ("boxes", "scores", "labels"))
    limits = (*place.original, *place.original)
    own = torch.from_numpy(place.back(boxes).clip(0, limits).astype(np.float32))
    return own, torch.from_numpy(scores), torch.from_numpy(labels)


def _inputs(
    pictures: Iterable[Picture], resizing: Resizing, on_unreadable: Callable[[DataError], None] | None
) -> Iterator[_Input]:
    for index, picture in enumerate(pictures):
        path = Path(picture) if isinstance(picture, str | Path) else None
        try:
            rgb = read_upright(path) if path is not None else _in_memory(picture, f"picture {index}")
            pixels = as_input(resizing.pixels(rgb))
        except DataError as error:
            if on_unreadable is None:
                raise
            on_unreadable(error)
        else:
            yield _Input(index, path, resizing.placed(*rgb.size), pixels)


def read_upright(path: Path) -> Image.Image:
    """The picture of an image file in 8-bit RGB, turned upright as its EXIF data say. Raises DataError as `opened`."""
    with opened(path) as image:
        return as_rgb(image, orientation(image))


def _in_memory(picture: object, name: str) -> Image.Image:
    """A picture in memory in 8-bit RGB, upright. Raises DataError for one of Pillow's that can't be decoded."""
    if isinstance(picture, Tensor):
        return _of_tensor(picture, name)
    if not isinstance(picture, Image.Image):
        kind = type(picture).__name__
        raise TypeError(f"{name} is a {kind}, must be a path, an image of Pillow or a tensor (3, H, W).")
    with raised_as_data_errors(name):
        if picture.mode.startswith(_WIDE_MODES):
            raise DataError(name, f"the image has Pillow's mode {picture.mode}, allowed are 8 bits a channel or fewer")
        if not all(picture.size):
            raise DataError(name, "the image has no pixels")
        return as_rgb(picture, orientation(picture))


def _of_tensor(tensor: Tensor, name: str) -> Image.Image:
    if tensor.dim() != 3 or tensor.shape[0] not in (1, 3) or not tensor.numel():
        raise ValueError(f"{name} has the shape {tuple(tensor.shape)}, must be (3, H, W) or (1, H, W).")
    pixels = tensor.detach().cpu()
    if pixels.is_floating_point():
        pixels = pixels.float()
        if not ((pixels >= 0) & (pixels <= 1)).all():
            raise ValueError(f"{name} has floats outside 0..1. Give those in 0..1, or uint8.")
        pixels = (pixels * 255).round().to(torch.uint8)
    if pixels.dtype != torch.uint8:
        raise ValueError(f"{name} has the type {pixels.dtype}, must be uint8, or a float in 0..1.")
    return Image.fromarray(pixels.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy())
