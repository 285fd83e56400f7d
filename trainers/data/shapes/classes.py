"""A generated folder of pictures by class, for machines without one: each picture has one shape among clutter."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from trainers.data.shapes.scene import SHAPE_CLASSES, Difficulty, draw_scene
from trainers.data.shapes.whole_folder import new_folder
from trainers.data.shapes.writer import JPEG_QUALITY, check_sizes

GENERATOR = 1  # raised whenever the same settings would give other pictures
ONE_OBJECT = Difficulty(extent=(0.3, 0.9), objects=(1, 1), many_share=0.0, empty_share=0.0)
"""As in the images of detectors, but for one object in each, which a classifier can't overlook."""


def write_shape_classes(
    root: Path, *, sizes: Mapping[str, int], image_size: int = 128, seed: int = 0, key: str = "data.root"
) -> None:
    """Write `<set>/<class>/<number>.jpg` below `root` for each entry of `sizes`, its classes equally often in turn.

    The folder appears whole or not at all, and one of the same settings stays as it is; DataError is raised for other
    content. Picture k of a set depends on the seed, the set's name and k only. key: see `new_folder`.
    """
    check_sizes(sizes, image_size, seed)
    settings = {
        "made_by": "bitfront shape classes",
        "generator": GENERATOR,
        "classes": list(SHAPE_CLASSES),
        "sizes": dict(sizes),
        "image_size": image_size,
        "seed": seed,
        "difficulty": json.loads(json.dumps(asdict(ONE_OBJECT))),
    }
    with new_folder(root.resolve(), settings, key) as folder:
        if folder is None:
            return
        for split, count in sizes.items():
            for name in SHAPE_CLASSES:
                (folder / split / name).mkdir(parents=True)
            for number in range(count):
                rng = np.random.default_rng((seed, zlib.crc32(f"classes/{split}".encode()), number))
                label = number % len(SHAPE_CLASSES)
                scene = draw_scene(rng, image_size, ONE_OBJECT, label + 1)
                file = folder / split / SHAPE_CLASSES[label] / f"{number:06d}.jpg"
                Image.fromarray(scene.image).save(file, quality=JPEG_QUALITY)
