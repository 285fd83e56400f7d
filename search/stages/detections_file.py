"""Detections on an image set as COCO's results, which pycocotools and other tools read."""

import json
from collections.abc import Sequence
from pathlib import Path

from trainers.data.coco.ids import Ids
from trainers.data.decoded import Decoded
from trainers.data.image_sets import ImageSets
from trainers.data.sample import Target
from trainers.whole_files import write_whole

MOST_DIGITS = 15
"""Of an id that counts as a number: JSON's readers hold such numbers exactly."""


def ids_of(sets: ImageSets, split: str, data: Decoded) -> Ids:
    """The ids of a set: those of its annotation file where its format has any.

    Elsewhere an image's id is its number if all are named by different numbers, as VOC's are, and its name if not; a
    class has its label, from 1 on.
    """
    if sets.form.ids is not None:
        return sets.form.ids(sets.files(split))
    names = data.image_ids
    numbered = all(name.isascii() and name.isdigit() and len(name) <= MOST_DIGITS for name in names)
    distinct = numbered and len(set(map(int, names))) == len(names)
    images: dict[str, int | str] = {name: int(name) if distinct else name for name in names}
    return Ids(images, {name: label for label, name in enumerate(data.class_names, start=1)})


def write_detections(file: Path, detections: Sequence[Target], data: Decoded, ids: Ids) -> None:
    """Write a list of image_id, category_id, bbox (left, top, width, height in pixels of the image on disk) and score.

    Classes that the set's file doesn't name are left out: nothing in it can be of theirs.
    """
    rows = []
    for name, scale, found in zip(data.image_ids, data.scales, detections, strict=True):
        boxes = found["boxes"].astype("float64") * [*scale, *scale]
        boxes[:, 2:] -= boxes[:, :2]
        columns = (boxes.round(3).tolist(), found["scores"].tolist(), found["labels"].tolist())
        for box, score, label in zip(*columns, strict=True):
            category = ids.categories.get(data.class_names[label - 1])
            if category is not None:
                rows.append({"image_id": ids.images[name], "category_id": category, "bbox": box, "score": score})
    write_whole(file, json.dumps(rows).encode())
