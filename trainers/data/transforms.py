"""Our augmentations: flips, crops and colour changes that keep the boxes right. `augmentation` says which are used.

Images are (3, H, W) uint8 arrays; targets are dicts of boxes (n, 4) float32 corners in pixels, labels (n,) and
difficult (n,). Nothing is changed in place, and every draw comes from the generator passed in.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from trainers.data.sample import Target

Image = NDArray[np.uint8]

_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601 luma


def horizontal_flip(image: Image, target: Target) -> tuple[Image, Target]:
    """Mirror left and right: x becomes W - x."""
    boxes = target["boxes"].copy()
    boxes[:, [0, 2]] = image.shape[2] - target["boxes"][:, [2, 0]]
    return image[:, :, ::-1], {**target, "boxes": boxes}


def random_crop(
    image: Image,
    target: Target,
    rng: np.random.Generator,
    area: tuple[float, float] = (0.3, 1.0),
    aspect: float = 1.6,
    attempts: int = 10,
) -> tuple[Image, Target]:
    """Cut out a random part and resize it to the full size.

    The part has a share of the area drawn from `area` and a width to height ratio (in relative units) drawn between
    1 / aspect and aspect. A part that keeps no object of an image that has some is drawn again; after `attempts`
    the image is returned unchanged.
    """
    _, height, width = image.shape
    for _ in range(attempts):
        share, ratio = rng.uniform(*area), aspect ** rng.uniform(-1, 1)
        w = max(1, min(width, round(width * (share * ratio) ** 0.5)))
        h = max(1, min(height, round(height * (share / ratio) ** 0.5)))
        x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
        cropped = crop(image, target, (x, y, x + w, y + h))
        if len(cropped[1]["labels"]) or not len(target["labels"]):
            return cropped
    return image, target


def crop(image: Image, target: Target, window: tuple[int, int, int, int]) -> tuple[Image, Target]:
    """Cut out the window x1, y1, x2, y2 and resize it to the full size of the image.

    An object stays if its centre is inside the window (on its edge counts); its box is clipped to the window.
    """
    _, height, width = image.shape
    x1, y1, x2, y2 = window
    boxes = target["boxes"]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    keep = ((centres >= (x1, y1)) & (centres <= (x2, y2))).all(axis=1)
    corner = np.array([x1, y1, x1, y1], dtype=np.float32)
    scale = np.array([width / (x2 - x1), height / (y2 - y1)] * 2, dtype=np.float32)
    moved = (boxes[keep].clip((x1, y1, x1, y1), (x2, y2, x2, y2)) - corner) * scale
    return (
        _resize(image[:, y1:y2, x1:x2], height, width),
        {"boxes": moved.astype(np.float32), "labels": target["labels"][keep], "difficult": target["difficult"][keep]},
    )


def zoom_out(
    image: Image, target: Target, rng: np.random.Generator, side: tuple[float, float] = (0.55, 1.0)
) -> tuple[Image, Target]:
    """Shrink to a share of each side drawn from `side` and put it anywhere on a ground of the mean colour."""
    _, height, width = image.shape
    share = rng.uniform(*side)
    h, w = max(1, round(height * share)), max(1, round(width * share))
    x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
    ground = np.empty_like(image)
    ground[:] = image.mean(axis=(1, 2), keepdims=True)
    ground[:, y : y + h, x : x + w] = _resize(image, h, w)
    scale, corner = (np.array(pair * 2, dtype=np.float32) for pair in ([w / width, h / height], [x, y]))
    return ground, {**target, "boxes": (target["boxes"] * scale + corner).astype(np.float32)}


def resized_to(image: Image, target: Target, height: int, width: int) -> tuple[Image, Target]:
    """The image in that size, and its boxes; both as they are where it has it already."""
    if image.shape[1:] == (height, width):
        return image, target
    scale = np.array([width / image.shape[2], height / image.shape[1]] * 2, dtype=np.float32)
    return _resize(image, height, width), {**target, "boxes": (target["boxes"] * scale).astype(np.float32)}


def colour_jitter(
    image: Image,
    rng: np.random.Generator,
    brightness: float = 0.25,
    contrast: float = 0.25,
    saturation: float = 0.35,
) -> Image:
    """Scale brightness, contrast (round the mean grey) and saturation (round each pixel's grey) by 1 +- the argument.

    All three are linear in the colour, so they are one 3 x 3 matrix and an offset: clipped once, at the end.
    """
    b, c, s = (1 + amount * rng.uniform(-1, 1) for amount in (brightness, contrast, saturation))
    pixels = image.reshape(3, -1).astype(np.float32)
    mean_grey = float(_GREY @ pixels.mean(axis=1))
    matrix = (b * c * (s * np.eye(3) + (1 - s) * _GREY)).astype(np.float32)
    changed = matrix @ pixels + np.float32(b * (1 - c) * mean_grey + 0.5)
    return changed.clip(0, 255).astype(np.uint8).reshape(image.shape)


def _resize(image: Image, height: int, width: int) -> Image:
    if image.shape[1:] == (height, width):
        return image
    tensor = torch.from_numpy(image.copy())[None]  # shared arrays are read-only
    return F.interpolate(tensor, size=(height, width), mode="bilinear", antialias=True)[0].numpy()
