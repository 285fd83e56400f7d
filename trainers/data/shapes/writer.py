"""A generated data set in VOC layout, for machines without one: figures on textured ground, among clutter."""

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image

from trainers.data.shapes.scene import SHAPE_CLASSES, Difficulty, Scene, draw_scene
from trainers.data.shapes.whole_folder import new_folder

__all__ = ["SHAPE_CLASSES", "write_shapes"]

GENERATOR = 1  # raised whenever the same settings would give other images
JPEG_QUALITY = 92
DEFAULT_SIZES: Mapping[str, int] = MappingProxyType({"train": 600, "val": 200, "test": 200})


def write_shapes(
    root: Path | str,
    *,
    sizes: Mapping[str, int] = DEFAULT_SIZES,
    image_size: int = 128,
    seed: int = 0,
    difficulty: Difficulty | None = None,
) -> None:
    """Write VOCdevkit/VOC2007 with an image set for each entry of `sizes` below `root`, to be read by `read_voc`.

    The folder appears whole or not at all. A complete data set of the same settings is left as it is; a folder with
    other settings or other content raises DataError. Image k of a split depends on the seed, the split's name and k
    only. The same versions of Pillow and numpy give the same bytes.
    """
    check_sizes(sizes, image_size, seed)
    root, difficulty = Path(root).resolve(), difficulty or Difficulty()
    settings = {
        "made_by": "bitfront shapes",
        "generator": GENERATOR,
        "classes": list(SHAPE_CLASSES),
        "sizes": dict(sizes),
        "image_size": image_size,
        "seed": seed,
        "difficulty": json.loads(json.dumps(asdict(difficulty))),
    }
    with new_folder(root, settings) as folder:
        if folder is not None:
            _write(folder, sizes, image_size, seed, difficulty)


def check_sizes(sizes: Mapping[str, int], image_size: int, seed: int) -> None:
    """Raise ValueError for what can't be generated."""
    if not sizes:
        raise ValueError("sizes is empty: name at least one split with its number of images.")
    for split, count in sizes.items():
        if not re.fullmatch(r"[A-Za-z0-9_-]+", split):
            raise ValueError(f"A split is called {split!r}; letters, digits, '_' and '-' are allowed.")
        if count < 1:
            raise ValueError(f"The size of the split {split} is {count}, must be at least 1.")
    if image_size < 32:
        raise ValueError(f"image_size is {image_size}, must be at least 32: below that small objects vanish.")
    if seed < 0:
        raise ValueError(f"seed is {seed}, must not be negative.")


def _write(folder: Path, sizes: Mapping[str, int], image_size: int, seed: int, difficulty: Difficulty) -> None:
    base = folder / "VOCdevkit" / "VOC2007"
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (base / name).mkdir(parents=True)
    for split, count in sizes.items():
        image_ids = [f"{split}_{number:06d}" for number in range(count)]
        for number, image_id in enumerate(image_ids):
            rng = np.random.default_rng((seed, zlib.crc32(split.encode()), number))
            scene = draw_scene(rng, image_size, difficulty)
            Image.fromarray(scene.image).save(base / "JPEGImages" / f"{image_id}.jpg", quality=JPEG_QUALITY)
            _write_text(base / "Annotations" / f"{image_id}.xml", _annotation(image_id, scene))
        _write_text(base / "ImageSets" / "Main" / f"{split}.txt", "".join(f"{name}\n" for name in image_ids))


def _annotation(image_id: str, scene: Scene) -> str:
    """VOC's XML; all text in it is generated here, so nothing needs escaping."""
    height, width, depth = scene.image.shape
    objects = "".join(
        f"\t<object>\n\t\t<name>{SHAPE_CLASSES[label - 1]}</name>\n\t\t<difficult>{int(difficult)}</difficult>\n"
        f"\t\t<bndbox><xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>\n"
        "\t</object>\n"
        for (x1, y1, x2, y2), label, difficult in zip(
            scene.boxes.tolist(), scene.labels.tolist(), scene.difficult.tolist(), strict=True
        )
    )
    return (
        f"<annotation>\n\t<folder>VOC2007</folder>\n\t<filename>{image_id}.jpg</filename>\n"
        f"\t<size><width>{width}</width><height>{height}</height><depth>{depth}</depth></size>\n{objects}</annotation>\n"
    )


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
