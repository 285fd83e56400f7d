"""Ten test images with what each network detects on them, side by side."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

from results import layout
from results.errors import RunError
from results.report.section import Section
from results.report.shown import shown_detectors
from results.run import Run

ID, TITLE = "detections", "Detections on test images"
MATCHED = 0.5
"""From this IoU on a detection of the right class has found an object."""


def detections_section(run: Run) -> Section:
    """The kept images and boxes. RunError where the run has none."""
    folder = run.path / layout.DETECTIONS
    file = folder / layout.DETECTIONS_RECORD
    if not file.is_file():
        raise RunError(
            "No detections are kept in this run. bitfront report makes them where a teacher or a retrained detector "
            "and the test images are there."
        )
    kept = json.loads(file.read_text("utf-8"))
    networks = kept["networks"]
    images = [
        _image(folder, image, [one["detections"][place] for one in networks])
        for place, image in enumerate(kept["images"])
    ]
    detectors = shown_detectors(run)
    names = {one.key: f"retrained {one.name}" for one in detectors.shown}
    data = {
        "size": float(kept["size"]),
        "classes": [str(one) for one in kept["classes"]],
        "networks": [names.get(one["name"], str(one["name"])) for one in networks],
        "images": images,
    }
    lead = (
        f"The same {len(images)} images of {kept['split']}, evenly spread over it. White boxes are the objects, "
        f"solid blue ones detections that found one (the right class at IoU {MATCHED} or more), dashed orange ones "
        "detections that found none."
    )
    lines = detectors.remarks(sum(one["name"] in names for one in networks))
    return Section(ID, TITLE, lead, template="detections", data=data, lines=lines)


def _image(folder: Path, image: dict[str, Any], detections: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """The name of the file is no path: a run that was passed on must not bring other files into a page."""
    content = (folder / Path(str(image["file"])).name).read_bytes()
    objects = [_numbers(one) for one in image["objects"]]
    return {
        "name": str(image["name"]),
        **({"size": [float(side) for side in image["size"]]} if "size" in image else {}),
        "jpeg": base64.b64encode(content).decode("ascii"),
        "objects": objects,
        "detections": [judged([_numbers(one) for one in found], objects) for found in detections],
    }


def judged(detections: list[dict[str, Any]], objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each detection with `kind`: "found" where it takes an object that no better one took, else "false"."""
    free, kinds = list(objects), []
    for one in sorted(detections, key=lambda each: -each["score"]):
        fitting = [each for each in free if each["label"] == one["label"] and iou(each["box"], one["box"]) >= MATCHED]
        best = max(fitting, key=lambda each: iou(each["box"], one["box"]), default=None)
        if best is not None:
            free.remove(best)
        kinds.append({**one, "kind": "false" if best is None else "found"})
    return kinds


def iou(one: list[float], other: list[float]) -> float:
    """Intersection over union of two boxes xyxy."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared) if areas > shared else 0.0


def _numbers(box: dict[str, Any]) -> dict[str, Any]:
    """ValueError for a number that is not finite."""
    left, top, right, bottom = map(float, box["box"])
    score = {"score": float(box["score"])} if "score" in box else {}
    if not all(map(math.isfinite, (left, top, right, bottom, *score.values()))):
        raise ValueError(f"the box {box} is not finite")
    return {"box": [left, top, right, bottom], "label": int(box["label"]), **score}
