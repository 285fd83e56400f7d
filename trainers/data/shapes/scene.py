"""One generated image: textured ground, clutter, and objects that may hide one another."""

from colorsys import hsv_to_rgb
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from trainers.data.shapes.figures import FIGURES, FRAGMENTS, Patch, Pixels, blob, fill, place, stroke, surface

SHAPE_CLASSES = tuple(FIGURES)


@dataclass(frozen=True, kw_only=True)
class Difficulty:
    """What makes the images hard; sizes are shares of the image's side, colours and noise steps of 255.

    Set so that a small real-valued detector ends between 0.6 and 0.85: an SSD on a quarter-width ResNet-18 with light
    heads reached a VOC mAP of 0.71 on unseen images after 30 epochs on 600 of them at 96 pixels (seed 0).
    """

    extent: tuple[float, float] = (0.08, 0.8)  # longer side of an object
    small_bias: float = 0.6  # power of the uniform draw between the two: above 1 favours small objects
    small_extent: tuple[float, float] = (0.1, 0.3)  # extents in images of many objects
    objects: tuple[int, int] = (1, 3)
    many_objects: tuple[int, int] = (5, 9)
    many_share: float = 0.02  # of the images
    empty_share: float = 0.03
    clutter: tuple[int, int] = (0, 2)  # distractors behind the objects
    clutter_in_front: tuple[int, int] = (0, 1)  # thin ones that cross them
    clutter_extent: tuple[float, float] = (0.08, 0.5)
    turn: float = 15.0  # objects are turned by up to this many degrees, either way
    aspect: float = 1.2  # sides are stretched by up to this, either way
    outlined_share: float = 0.1
    own_colour_share: float = 0.9  # of the objects: painted in the hues of their class, the others in any colour
    contrast_to_ground: float = 60.0  # least distance of an object's colour to what is behind it
    texture_contrast: float = 18.0
    beyond_edge: float = 0.03  # how much of its extent an object may reach over the image's edge
    blur: float = 1.0  # greatest radius in pixels of a 128-pixel image
    noise: float = 6.0  # greatest standard deviation
    brightness: float = 0.3
    careless_share: float = 0.1  # of the objects: placed without regard to what they hide
    unsorted_share: float = 0.1  # of the images: large objects may lie on small ones
    difficult_below: float = 0.3  # visible share under which an object is marked difficult
    dropped_below: float = 0.05  # and under which it isn't annotated


@dataclass(frozen=True, eq=False)
class Scene:
    """image (S, S, 3) uint8; boxes (n, 4) int64 corners, the exact extent of `masks`; labels (n,), difficult (n,).

    masks (n, S, S) bool: the pixels at least half covered by the object, before anything hides it.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.int64]
    labels: NDArray[np.int64]
    difficult: NDArray[np.bool_]
    masks: NDArray[np.bool_]


def draw_scene(rng: np.random.Generator, size: int, difficulty: Difficulty, label: int | None = None) -> Scene:
    """Draw one image of `size` pixels; all randomness comes from `rng`. label: of all its objects; None draws each."""
    canvas = surface(rng, size, size, _colour(rng), difficulty.texture_contrast)
    for _ in range(_whole(rng, difficulty.clutter)):
        _paint(rng, canvas, _distractor(rng, size, difficulty), difficulty)
    masks: list[NDArray[np.bool_]] = []
    visible: list[NDArray[np.bool_]] = []
    labels: list[int] = []
    for extent in _extents(rng, difficulty):
        labels.append(label or int(rng.integers(1, len(SHAPE_CLASSES) + 1)))
        patch = _object(rng, labels[-1], extent, visible, size, difficulty)
        _paint(rng, canvas, patch, difficulty, labels[-1])
        masks.append(patch.mask(size))
        visible = [*(other & ~masks[-1] for other in visible), masks[-1]]
    for _ in range(_whole(rng, difficulty.clutter_in_front)):
        _paint(rng, canvas, _line(rng, size, difficulty), difficulty)
    return _scene(_photograph(rng, canvas, difficulty), masks, visible, labels, difficulty)


def _scene(
    image: NDArray[np.uint8],
    masks: list[NDArray[np.bool_]],
    visible: list[NDArray[np.bool_]],
    labels: list[int],
    difficulty: Difficulty,
) -> Scene:
    """Assemble the scene without objects that are hidden, or cut by the image's edge to sides under 4 pixels."""
    size = len(image)
    boxes = np.array([_extent(mask) for mask in masks], dtype=np.int64).reshape(-1, 4)
    shares = np.array([v.sum() / max(m.sum(), 1) for v, m in zip(visible, masks, strict=True)])
    keep = ((boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=size) >= 4) & (shares >= difficulty.dropped_below)
    return Scene(
        image=image,
        boxes=boxes[keep],
        labels=np.array(labels, dtype=np.int64)[keep],
        difficult=(shares < difficulty.difficult_below)[keep],
        masks=np.array(masks, dtype=np.bool_).reshape(-1, size, size)[keep],
    )


def _extent(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Corners x1, y1, x2, y2 of the box round the set pixels; zeros for an empty mask."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _extents(rng: np.random.Generator, difficulty: Difficulty) -> NDArray[np.float64]:
    """Sizes of the objects of one image; mostly the largest first, so that small ones lie on top."""
    kind = rng.random()
    if kind < difficulty.empty_share:
        return np.empty(0)
    many = kind < difficulty.empty_share + difficulty.many_share
    count = _whole(rng, difficulty.many_objects if many else difficulty.objects)
    low, high = difficulty.small_extent if many else difficulty.extent
    extents = low + (high - low) * rng.uniform(0, 1, count) ** difficulty.small_bias
    return extents if rng.random() < difficulty.unsorted_share else np.sort(extents)[::-1]


def _object(
    rng: np.random.Generator,
    label: int,
    extent: float,
    visible: list[NDArray[np.bool_]],
    size: int,
    difficulty: Difficulty,
) -> Patch:
    """An object, tried in up to 4 places until it hides no other by half; a careless one is tried only once."""
    points = FIGURES[SHAPE_CLASSES[label - 1]]
    outline = None
    if rng.random() < difficulty.outlined_share:
        outline = max(rng.uniform(0.25, 0.5), min(0.9, 4 / (extent * size)))  # a rim of 2 pixels or more
    aspect, angle = difficulty.aspect ** rng.uniform(-1, 1), np.deg2rad(difficulty.turn * rng.uniform(-1, 1))
    reach = extent * (0.5 - difficulty.beyond_edge)
    tries = 1 if rng.random() < difficulty.careless_share else 4
    for _ in range(tries):
        centre = rng.uniform(reach, 1 - reach, 2) * size
        patch = fill(place(points, angle, aspect, extent * size, centre.tolist()), size, outline)
        mask = patch.mask(size)
        if all((other & mask).sum() <= 0.5 * other.sum() for other in visible):
            break
    return patch


def _distractor(rng: np.random.Generator, size: int, difficulty: Difficulty) -> Patch:
    """A distractor, which is no object: a line, an arc, a blob, or a fragment of a figure."""
    kind = rng.choice(["line", "arc", "blob", "fragment"])
    if kind == "line":
        return _line(rng, size, difficulty)
    extent = rng.uniform(*difficulty.clutter_extent) * size
    angle, aspect = rng.uniform(0, 2 * np.pi), 2 ** rng.uniform(-1, 1)
    centre = rng.uniform(extent / 2, size - extent / 2, 2).tolist()  # cut by the edge, a fragment could be a square
    if kind == "arc":
        part = FIGURES["circle"][: int(rng.integers(12, 30))]
        return stroke(place(part, angle, aspect, extent, centre), size, rng.uniform(0.01, 0.05) * size)
    points = blob(rng) if kind == "blob" else FRAGMENTS[rng.integers(len(FRAGMENTS))]
    return fill(place(points, angle, aspect, extent, centre), size)


def _line(rng: np.random.Generator, size: int, difficulty: Difficulty) -> Patch:
    start, angle = rng.uniform(0, size, 2), rng.uniform(0, 2 * np.pi)
    length = rng.uniform(*difficulty.clutter_extent) * size * 1.5
    ends = np.stack([start, start + length * np.array([np.cos(angle), np.sin(angle)])])
    return stroke(ends, size, rng.uniform(0.008, 0.03) * size)


def _paint(rng: np.random.Generator, canvas: Pixels, patch: Patch, difficulty: Difficulty, label: int = 0) -> None:
    """Blend a new textured surface over the canvas, in place, of a colour that differs from what it covers.

    An object of class `label` often has one of its own colours; clutter, with label 0, never does by intent.
    """
    weight = patch.covered.sum()
    if weight == 0:
        return
    under = canvas[patch.window]
    ground = np.tensordot(patch.covered, under, 2) / weight
    hue = (label - 1) / len(SHAPE_CLASSES) if label and rng.random() < difficulty.own_colour_share else None
    for _ in range(20):  # or else the last: no colour may be far enough
        colour = _colour(rng, hue)
        if np.linalg.norm(colour - ground) >= difficulty.contrast_to_ground:
            break
    height, width = patch.covered.shape
    texture = surface(rng, height, width, colour, difficulty.texture_contrast)
    under += patch.covered[..., None] * (texture - under)


def _photograph(rng: np.random.Generator, canvas: Pixels, difficulty: Difficulty) -> NDArray[np.uint8]:
    """Change the light, blur half the images, add noise."""
    light = 1 + difficulty.brightness * rng.uniform(-1, 1)
    image = Image.fromarray((canvas * light).clip(0, 255).astype(np.uint8))
    radius = rng.uniform(0, difficulty.blur) * len(canvas) / 128
    if rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(radius))
    noise = rng.standard_normal(canvas.shape, dtype=np.float32) * np.float32(rng.uniform(0, difficulty.noise))
    return (np.asarray(image) + noise + 0.5).clip(0, 255).astype(np.uint8)


def _colour(rng: np.random.Generator, hue: float | None = None) -> Pixels:
    """Any colour, or one near a hue (0..1 round the circle) of any lightness but the darkest."""
    if hue is None:
        return rng.uniform(20, 235, 3).astype(np.float32)
    near = (hue + rng.uniform(-0.06, 0.06)) % 1.0
    return np.array(hsv_to_rgb(near, rng.uniform(0.5, 1.0), rng.uniform(0.4, 0.95)), dtype=np.float32) * 255


def _whole(rng: np.random.Generator, bounds: tuple[int, int]) -> int:
    return int(rng.integers(bounds[0], bounds[1] + 1))
