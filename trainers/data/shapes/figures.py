"""Outlines and surfaces that the generated shapes are made of: polygons, and textures to fill them with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Points = NDArray[np.float64]
Pixels = NDArray[np.float32]

SUPERSAMPLE = 4


def _regular(corners: int, inner: float | None = None) -> Points:
    """A regular polygon round 0, or with `inner` a star whose inner corners lie at that radius."""
    count = corners if inner is None else 2 * corners
    angle = np.arange(count) * 2 * np.pi / count
    radius = np.ones(count) if inner is None else np.where(np.arange(count) % 2, inner, 1.0)
    return np.stack([radius * np.sin(angle), -radius * np.cos(angle)], axis=1)


def _cross(arm: float = 0.36) -> Points:
    a = arm
    corners = [
        (-a, -1),
        (a, -1),
        (a, -a),
        (1, -a),
        (1, a),
        (a, a),
        (a, 1),
        (-a, 1),
        (-a, a),
        (-1, a),
        (-1, -a),
        (-a, -a),
    ]
    return np.array(corners, dtype=np.float64)


FIGURES: dict[str, Points] = {
    "circle": _regular(48),
    "square": np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], dtype=np.float64),
    "triangle": _regular(3),
    "star": _regular(5, inner=0.42),
    "cross": _cross(),
}


# Distractors that share edges and corners with a class, but belong to none, however stretched and turned.
FRAGMENTS: tuple[Points, ...] = (
    np.array([(x, y) for x, y in FIGURES["circle"] if x <= 1e-9]),  # half a circle
    np.array([(-1, -1), (-0.3, -1), (-0.3, 0.3), (1, 0.3), (1, 1), (-1, 1)], dtype=np.float64),  # an L
    np.array([(-0.25, -1), (0.25, -1), (0.25, 0.5), (1, 0.5), (1, 1), (-1, 1), (-1, 0.5), (-0.25, 0.5)]),  # a T
    np.concatenate([FIGURES["star"][:5], np.zeros((1, 2))]),  # three of a star's five points
)


def blob(rng: np.random.Generator) -> Points:
    """An irregular closed outline of 5 to 9 corners."""
    count = int(rng.integers(5, 10))
    angle = (np.arange(count) + rng.uniform(-0.35, 0.35, count)) * 2 * np.pi / count
    radius = rng.uniform(0.45, 1.0, count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def place(points: Points, angle: float, aspect: float, extent: float, centre: Sequence[float]) -> Points:
    """Stretch by `aspect`, turn by `angle`, and scale so that the longer side of the bounding box is `extent`."""
    cos, sin = np.cos(angle), np.sin(angle)
    turned = (points * (aspect**0.5, aspect**-0.5)) @ np.array([[cos, sin], [-sin, cos]])
    low, high = turned.min(axis=0), turned.max(axis=0)
    placed: Points = (turned - (low + high) / 2) * (extent / (high - low).max()) + centre
    return placed


@dataclass(frozen=True, eq=False)
class Patch:
    """A window of an image, whose upper left pixel is (x, y), and the share of each pixel covered there, in 0..1."""

    x: int
    y: int
    covered: Pixels

    @property
    def window(self) -> tuple[slice, slice]:
        """Where it lies in an array of rows and columns."""
        height, width = self.covered.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)

    def mask(self, size: int) -> NDArray[np.bool_]:
        """(size, size): the pixels at least half covered."""
        mask = np.zeros((size, size), dtype=np.bool_)
        mask[self.window] = self.covered >= 0.5
        return mask


def fill(points: Points, size: int, outline: float | None = None) -> Patch:
    """Cover a polygon, within an image of `size` pixels; `outline` leaves all but a rim of that share of it empty."""
    x, y, canvas, local = _canvas(points, 1, size)
    draw = ImageDraw.Draw(canvas)
    draw.polygon(_pairs(local), fill=255)
    if outline is not None:
        middle = (local.min(axis=0) + local.max(axis=0)) / 2
        draw.polygon(_pairs((local - middle) * (1 - outline) + middle), fill=0)
    return _reduce(x, y, canvas)


def stroke(points: Points, size: int, width: float) -> Patch:
    """Cover an open line of the given width in pixels."""
    x, y, canvas, local = _canvas(points, width, size)
    ImageDraw.Draw(canvas).line(_pairs(local), fill=255, width=max(1, round(width * SUPERSAMPLE)), joint="curve")
    return _reduce(x, y, canvas)


def _canvas(points: Points, margin: float, size: int) -> tuple[int, int, Image.Image, Points]:
    """An empty supersampled window round the points, at least one pixel large, and the points within it."""
    low = np.floor(points.min(axis=0) - margin).astype(int).clip(0, size - 1)
    high = np.ceil(points.max(axis=0) + margin).astype(int).clip(low + 1, size)
    width, height = ((high - low) * SUPERSAMPLE).tolist()
    return int(low[0]), int(low[1]), Image.new("L", (width, height)), (points - low) * SUPERSAMPLE


def _reduce(x: int, y: int, canvas: Image.Image) -> Patch:
    return Patch(x, y, np.asarray(canvas.reduce(SUPERSAMPLE), dtype=np.float32) / np.float32(255))


def _pairs(points: Points) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points.tolist()]


def surface(rng: np.random.Generator, height: int, width: int, colour: Pixels, contrast: float) -> Pixels:
    """A (height, width, 3) texture round `colour`: flat, gradient, stripes, checks or clouds.

    `contrast` is its strength in steps of 255.
    """
    kind = rng.choice(["flat", "gradient", "stripes", "checks", "clouds"], p=[0.2, 0.2, 0.2, 0.15, 0.25])
    if kind == "flat":
        return np.broadcast_to(colour, (height, width, 3)).astype(np.float32)
    tint = (rng.uniform(0.4, 1.0, 3) * rng.choice([-1, 1]) * contrast).astype(np.float32)
    if kind == "clouds":
        return colour + _clouds(rng, height, width)[..., None] * tint
    angle, period = rng.uniform(0, np.pi), rng.uniform(5, 24)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    along = (np.cos(angle) * x + np.sin(angle) * y).astype(np.float32)
    across = (np.cos(angle) * y - np.sin(angle) * x).astype(np.float32)
    if kind == "gradient":
        pattern = 2 * (along - along.min()) / max(float(np.ptp(along)), 1.0) - 1
    elif kind == "stripes":
        pattern = np.sin(along * np.float32(2 * np.pi / period))
    else:
        pattern = np.sign(np.sin(along * np.float32(np.pi / period)) * np.sin(across * np.float32(np.pi / period)))
    return colour + pattern[..., None] * tint


def _clouds(rng: np.random.Generator, height: int, width: int) -> Pixels:
    """Smooth noise of one random scale, roughly -1 to 1."""
    cells = int(rng.integers(3, 14))
    noise = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32) * 0.6)
    return np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC))
