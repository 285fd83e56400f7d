"""A tiny data set of cats and dogs in each format of the library."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

TINY_SPLITS = {"train": 8, "val": 4, "test": 4}
VISDRONE = "VisDrone2019-DET-"


def tiny_objects(number: int) -> list[tuple[int, int, int, int, int, int]]:
    """Of image `number` of a tiny data set: left, top, width, height, class 0 or 1, and 1 where it is flagged.

    Each has one object that counts, of both classes in turn; every third has a flagged one beside it.
    """
    counted = (4 + number, 4, 24, 20, number % 2, 0)
    return [counted] if number % 3 else [counted, (40, 30, 16, 12, number % 2, 1)]


def write_tiny(form: str, root: Path) -> Path:
    """Write a data set of one format, 64 x 48 pixels, with the splits and objects above; returns its root."""
    for split, count in TINY_SPLITS.items():
        names = [f"{split}_{number}" for number in range(count)]
        folder, write_annotations = {
            "voc": ("VOCdevkit/VOC2007/JPEGImages", _write_voc),
            "coco": (split, _write_coco),
            "visdrone": (f"{VISDRONE}{split}/images", _write_visdrone),
            "yolo": (f"images/{split}", _write_yolo),
        }[form]
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(names):
            pixels = np.random.default_rng((number, *split.encode())).integers(0, 90, (48, 64, 3), dtype=np.uint8)
            for left, top, width, height, label, _ in tiny_objects(number):
                pixels[top : top + height, left : left + width, label] = 230
            Image.fromarray(pixels).save(root / folder / f"{name}.jpg", quality=92)
        write_annotations(root, split, names)
    return root


def _write_voc(root: Path, split: str, names: list[str]) -> None:
    base = root / "VOCdevkit" / "VOC2007"
    for folder in ("Annotations", "ImageSets/Main"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    (base / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names))
    for number, name in enumerate(names):
        objects = "".join(
            f"<object><name>{('cat', 'dog')[label]}</name><difficult>{flag}</difficult><bndbox><xmin>{x + 1}</xmin>"
            f"<ymin>{y + 1}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox></object>"
            for x, y, w, h, label, flag in tiny_objects(number)
        )
        size = "<size><width>64</width><height>48</height></size>"
        (base / "Annotations" / f"{name}.xml").write_text(f"<annotation>{size}{objects}</annotation>")


def _write_coco(root: Path, split: str, names: list[str]) -> None:
    """Category ids have gaps and stand in falling order, as nothing forbids."""
    rows = [(number, row) for number in range(len(names)) for row in tiny_objects(number)]
    content = {
        "categories": [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}],
        "images": [{"id": n + 7, "file_name": f"{m}.jpg", "width": 64, "height": 48} for n, m in enumerate(names)],
        "annotations": [
            {"id": k, "image_id": n + 7, "bbox": [x, y, w, h], "category_id": 17 + c, "iscrowd": flag, "area": w * h}
            for k, (n, (x, y, w, h, c, flag)) in enumerate(rows, start=1)
        ],
    }
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))


def _write_visdrone(root: Path, split: str, names: list[str]) -> None:
    """Cars (4) and buses (9); what is flagged is an ignored region."""
    folder = root / f"{VISDRONE}{split}" / "annotations"
    folder.mkdir()
    for number, name in enumerate(names):
        lines = [
            f"{x},{y},{w},{h},{1 - flag},{0 if flag else (4, 9)[label]},0,0"
            for x, y, w, h, label, flag in tiny_objects(number)
        ]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")


def _write_yolo(root: Path, split: str, names: list[str]) -> None:
    """Nothing can be flagged there: flagged objects are left out."""
    (root / "data.yaml").write_text("train: images/train\nval: images/val\ntest: images/test\nnames: [cat, dog]\n")
    folder = root / "labels" / split
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        objects = [row for row in tiny_objects(number) if not row[-1]]
        lines = [f"{c} {(x + w / 2) / 64} {(y + h / 2) / 48} {w / 64} {h / 48}" for x, y, w, h, c, _ in objects]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
