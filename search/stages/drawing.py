"""Drawing a detector's boxes into a copy of the picture."""

import colorsys
import io
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont
from torchvision.utils import draw_bounding_boxes

from search.stages.printable import printable
from trainers.data.image_file import as_rgb, opened, orientation
from trainers.prediction import Prediction
from trainers.whole_files import write_whole

LONGEST_NAME = 40
"""Characters of a class name that are drawn."""

_FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
"""A font that is always there: Latin, Greek, Cyrillic, Arabic, Hebrew and others, but no Chinese."""
_QUALITY = 95


def draw(picture: Path, prediction: Prediction, place: Path) -> None:
    """Write the upright picture with its boxes to `place`, whole or not at all, in the format of the picture's file.

    The file is read once more, so that no picture waits in memory. Raises DataError where it can't be read any more.
    """
    with opened(picture) as file:
        form = "JPEG" if file.format == "MPO" else file.format
        rgb = as_rgb(file, orientation(file))
    content = io.BytesIO()
    with_boxes(rgb, prediction).save(content, form, **({"quality": _QUALITY} if form in ("JPEG", "WEBP") else {}))
    write_whole(place, content.getvalue())


def with_boxes(rgb: Image.Image, prediction: Prediction) -> Image.Image:
    """The picture with the boxes of its prediction, each in its class's colour, with class and score at its corner.

    Lines and letters grow with the picture. Boxes of high scores lie above others.
    """
    if not len(prediction.scores):
        return rgb
    labels, scores = prediction.labels.tolist(), prediction.scores.tolist()
    texts = [
        f"{drawable(name, label)} {score:.2f}"
        for name, label, score in zip(prediction.class_names, labels, scores, strict=True)
    ]
    line = max(1, min(rgb.size) // 200)
    drawn = draw_bounding_boxes(
        torch.from_numpy(np.array(rgb)).permute(2, 0, 1),
        prediction.boxes.flip(0),
        colors=[colour(label) for label in reversed(labels)],
        width=line,
    )
    result = Image.fromarray(drawn.permute(1, 2, 0).numpy())
    font = ImageFont.truetype(_FONT, max(10, min(rgb.size) // 40))
    for text, label, box in reversed(list(zip(texts, labels, prediction.boxes.tolist(), strict=True))):
        _write(result, text, (box[0] + line, box[1] + line), colour(label), font)
    return result


def _write(
    picture: Image.Image,
    text: str,
    corner: tuple[float, float],
    ground: tuple[int, int, int],
    font: ImageFont.FreeTypeFont,
) -> None:
    """Write the text on a ground of its own from this upper left corner on, or nearer to the middle of the picture."""
    canvas = ImageDraw.Draw(picture)
    left, top, right, bottom = canvas.textbbox((1, 1), text, font=font)
    sizes = right + 2, bottom + 2
    x, y = (max(0.0, min(at, side - size)) for at, side, size in zip(corner, picture.size, sizes, strict=True))
    canvas.rectangle((x + left - 1, y + top - 1, x + right + 1, y + bottom + 1), fill=ground)
    canvas.text((x + 1, y + 1), text, fill="black", font=font)


def drawable(name: str, label: int) -> str:
    """A class name as it can be drawn: short, and `class 3` in place of one with characters that the font lacks."""
    text = printable(name)
    text = text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"
    return text if {ord(character) for character in text} <= _characters() else f"class {label}"


def colour(label: int) -> tuple[int, int, int]:
    """A bright colour for each label, far from those of the labels next to it: hues a golden section apart."""
    red, green, blue = colorsys.hsv_to_rgb(label * 0.618034 % 1, 0.6, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


@cache
def _characters() -> frozenset[int]:
    return frozenset(FT2Font(str(_FONT)).get_charmap())
