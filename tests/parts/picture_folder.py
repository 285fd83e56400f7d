"""A tiny folder of pictures by class."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"blue": (20, 30, 220), "green": (30, 200, 40), "red": (220, 40, 30)}


def write_pictures(root: Path, sets: Mapping[str, int], size: tuple[int, int] = (48, 40)) -> Path:
    """`<set>/<colour>/<number>.jpg`, so many of each colour in each set; returns the root."""
    for split, count in sets.items():
        for name, colour in COLOURS.items():
            folder = root / split / name
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                rng = np.random.default_rng((number, *split.encode(), *name.encode()))
                pixels = rng.integers(0, 30, (size[1], size[0], 3), dtype=np.uint8) + np.array(colour, dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.jpg", quality=92)
    return root
