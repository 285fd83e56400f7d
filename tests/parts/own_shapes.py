"""Pictures of many shapes with one bright object each, whose colour is its class, as a COCO data set."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("red", "green", "blue")


def write_own_shapes(root: Path, splits: dict[str, int], seed: int = 0) -> Path:
    """Write so many pictures of each split, of 50 to 150 pixels a side, three times as wide as high and the reverse
    among them; returns the root."""
    rng = np.random.default_rng(seed)
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    for split, count in splits.items():
        (root / split).mkdir(exist_ok=True)
        images, objects = [], []
        for number in range(count):
            width, height = (int(side) for side in rng.integers(50, 151, 2))
            side, label = int(min(width, height) * rng.uniform(0.35, 0.7)), int(rng.integers(3))
            x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
            pixels = rng.integers(0, 90, (height, width, 3), dtype=np.uint8)
            pixels[y : y + side, x : x + side, label] = 230
            name = f"{number}.png"
            Image.fromarray(pixels).save(root / split / name)
            images.append({"id": number, "file_name": name, "width": width, "height": height})
            box = {"bbox": [x, y, side, side], "area": side * side, "iscrowd": 0}
            objects.append({"id": number + 1, "image_id": number, "category_id": label + 1, **box})
        categories = [{"id": 1 + place, "name": name} for place, name in enumerate(CLASSES)]
        content = {"images": images, "annotations": objects, "categories": categories}
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))
    return root
