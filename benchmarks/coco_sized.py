"""Time and memory of reading a set of COCO's size: 118,000 images with 860,000 boxes and their polygons, made up.

The file has some 450 MB, as instances_train2017.json does. The pictures are links to a few tiny ones, so that what is
measured is the file. Each part runs in a process of its own. Exits with 1 where one takes more than 60 seconds of a
core or 3 GB.

python benchmarks/coco_sized.py [IMAGES BOXES]
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

IMAGES, BOXES, CLASSES, POINTS = 118_000, 860_000, 80, 48
BUDGET_SECONDS, BUDGET_GB = 60.0, 3.0
WIDTH, HEIGHT = 64, 48
LINKS = 20_000  # of one file; systems allow 65,000 and fewer


def write_set(root: Path, images: int, boxes: int) -> Path:
    """Write `annotations/instances_train.json` and `train/`; returns the file. Boxes lie on images at random."""
    rng = np.random.default_rng(0)
    (root / "annotations").mkdir(parents=True)
    (root / "train").mkdir()
    for number in range(images):
        picture = root / "train" / f"{number:012d}.jpg"
        if number % LINKS == 0:
            noise = rng.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
            Image.fromarray(noise).resize((WIDTH, HEIGHT)).save(picture)
        else:
            os.link(root / "train" / f"{number // LINKS * LINKS:012d}.jpg", picture)
    file = root / "annotations" / "instances_train.json"
    with file.open("w") as text:
        text.write('{"info": {"description": "made up"}, "licenses": [], "categories": ')
        json.dump([{"id": k, "name": f"class {k}", "supercategory": "thing"} for k in range(1, CLASSES + 1)], text)
        text.write(', "images": [')
        for number in range(images):
            _write(text, number, {"id": number, "file_name": f"{number:012d}.jpg", "width": WIDTH, "height": HEIGHT})
        text.write('], "annotations": [')
        for number in range(boxes):
            _write(text, number, _annotation(rng, number, images))
        text.write("]}")
    return file


def _write(text: object, number: int, entry: object) -> None:
    text.write(f"{', ' if number else ''}{json.dumps(entry)}")  # type: ignore[attr-defined]


def _annotation(rng: np.random.Generator, number: int, images: int) -> dict[str, object]:
    corner = rng.uniform(0, 30, 2).round(2)
    sides = rng.uniform(2, 16, 2).round(2)
    polygon = (corner.repeat(POINTS // 2) + rng.uniform(0, 2, POINTS)).round(2).tolist()
    return {
        "segmentation": [polygon],
        "area": round(float(sides.prod()), 4),
        "iscrowd": int(number % 100 == 0),
        "image_id": int(rng.integers(images)),
        "bbox": [*corner.tolist(), *sides.tolist()],
        "category_id": int(rng.integers(1, CLASSES + 1)),
        "id": number + 1,
    }


def read_as_a_search_does(root: Path) -> str:
    """The classes, the list of images, and the annotations."""
    from trainers.data.finding import find_sets

    sets = find_sets(root, "coco")
    names = sets.class_names("train")
    listed = sets.images("train")
    data = sets.read("train", class_names=names)
    return f"{len(listed)} images, {sum(len(sample.labels) for sample in data.samples)} boxes"


def check(root: Path) -> str:
    """What `bitfront data check` does."""
    from trainers.data.check import check_split
    from trainers.data.finding import find_sets

    found = check_split(find_sets(root, "coco"), "train")
    return f"{found.images} images, {found.total.objects + found.total.flagged} boxes, {len(found.defects)} defects"


PARTS: dict[str, Callable[[Path], str]] = {"read as a search does": read_as_a_search_does, "data check": check}


def measured(part: str, root: Path) -> dict[str, object]:
    """Seconds on the clock and on a core, without the imports, and the peak memory."""
    import trainers.data.check  # noqa: F401

    started, busy = time.perf_counter(), time.process_time()
    found = PARTS[part](root)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"found": found, "seconds": seconds, "busy": busy, "gb": peak}


def main() -> int:
    """Print the table; 0 if within the budget, 1 if not."""
    if sys.argv[1:2] == ["--part"]:
        print(json.dumps(measured(sys.argv[2], Path(sys.argv[3]))))
        return 0
    images, boxes = map(int, sys.argv[1:3] or (IMAGES, BOXES))
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        file = write_set(Path(folder), images, boxes)
        print(f"{images} images, {boxes} boxes, {file.stat().st_size / 1e6:.0f} MB of JSON")
        for part in PARTS:
            command = [sys.executable, __file__, "--part", part, folder]
            one = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603 - our own file
            times = f"{one['seconds']:>8.1f} s ({one['busy']:.1f} s of a core)"
            print(f"{part:<24}{times}{one['gb']:>8.2f} GB   {one['found']}", flush=True)
            worst = max(worst, one["busy"] / BUDGET_SECONDS, one["gb"] / BUDGET_GB)
    print("within the budget" if worst <= 1 else f"MISSED the budget of {BUDGET_SECONDS:g} s and {BUDGET_GB:g} GB")
    return 0 if worst <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
