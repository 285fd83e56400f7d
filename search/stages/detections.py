"""What the networks of a run detect on ten of its test images, kept for the report."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import results
from results import layout
from results.report.shown import shown_detectors
from search.config import Config
from search.plan.sources import format_of, image_sets, settled
from search.run.folder import RunFolder, read_json
from trainers.data.decoded import Decoded
from trainers.data.decoding import Memory, decode
from trainers.data.resizing import Resizing
from trainers.data.sample import Target
from trainers.detector_file import DetectorFile, load_detector
from trainers.devices import pick_device
from trainers.inference import detect, truths
from trainers.whole_files import digest_of, write_whole

IMAGES = 10
LEAST_SCORE, MOST_BOXES = 0.1, 20
"""Detections that are kept of an image: the best, from this score on."""
LARGEST_SIDE = 480
"""Pixels of a kept image; boxes stay those of the decoded one."""

Networks = Mapping[str, Path]


def networks_of(run: RunFolder, config: Config) -> dict[str, Path]:
    """The files of the run's real-valued teachers, and of the retrained detectors that a report shows, by name.

    A teacher that only starts from published weights is the one that the run trained. RunError for a damaged file of
    figures.
    """
    given = {name: Path(str(one.weights)) for name, one in config.teachers.items() if one.is_given}
    teachers = {name: given.get(name, run.teacher(name)) for name in config.teachers}
    found = {f"{name} (teacher)": file for name, file in teachers.items() if file.is_file()}
    retrained = {one.key: one.place / layout.DETECTOR for one in shown_detectors(results.open_run(run.path)).shown}
    return found | {name: file for name, file in retrained.items() if file.is_file()}


def missing_detections(run: RunFolder, networks: Networks) -> bool:
    """Whether some network's detections aren't kept, or are those of another file."""
    known = {one.get("name"): one.get("sha256") for one in _record(run).get("networks", [])}
    return {name: digest_of(file) for name, file in networks.items()} != known


def keep_detections(config: Config, run: RunFolder, networks: Networks, data_root: Path | None = None) -> None:
    """Detect with all networks on the same ten images of `data.test`, evenly spread over it, and keep boxes and JPEGs.

    data_root: the folder of the images, if they have moved. Raises DataError where they aren't there, CheckpointError
    for a network's file that can't be read, OSError where the run's folder can't be written to.
    """
    config = settled(config, data_root)
    detectors = {name: load_detector(file) for name, file in networks.items()}
    if not detectors:
        return
    test = _ten_images(config, run, next(iter(detectors.values())))
    folder = run.path / layout.DETECTIONS
    folder.mkdir(exist_ok=True)
    found = {name: _detected(one, test, config.device) for name, one in detectors.items()}
    for place in range(len(test)):
        write_whole(folder / f"{place}.jpg", _jpeg(test.images[place]))
    record = {
        "size": test.resized.size,
        "classes": list(test.class_names),
        "split": config.data.test,
        "images": [
            {"name": test.image_ids[place], "file": f"{place}.jpg", **_size(test, place), "objects": _boxes(target)}
            for place, target in enumerate(truths(test))
        ],
        "networks": [
            {"name": name, "sha256": digest_of(networks[name]), "detections": detections}
            for name, detections in found.items()
        ],
    }
    write_whole(folder / layout.DETECTIONS_RECORD, json.dumps(record).encode())


def _ten_images(config: Config, run: RunFolder, detector: DetectorFile) -> Decoded:
    """Only these are decoded: a test set can take gigabytes."""
    data = config.data
    root = Path(data.root) if data.root else run.data if format_of(data).generate is not None else None
    listed = image_sets(data, root).read(data.test, class_names=detector.classes, on_bad_data=data.on_bad_data)
    count = len(listed.samples)
    places = np.unique(np.linspace(0, count - 1, min(IMAGES, count)).round().astype(int))
    chosen = replace(listed, samples=tuple(listed.samples[place] for place in places))
    return decode(chosen, Resizing.of(detector.spec), Memory(data.memory_limit_mb), data.on_bad_data)


def _size(test: Decoded, place: int) -> dict[str, Any]:
    """(width, height) of an image that is no square of the record's `size`."""
    return {} if test.resized.to_one_shape else {"size": list(test.images[place].shape[:0:-1])}


def _detected(detector: DetectorFile, test: Decoded, device: str) -> list[list[dict[str, Any]]]:
    return [_boxes(one) for one in detect(detector.network.to(pick_device(device)), test)]


def _boxes(target: Target) -> list[dict[str, Any]]:
    """Boxes xyxy in pixels of the decoded image; those of a detector with scores, the best first."""
    scores = target.get("scores")
    order = range(len(target["labels"])) if scores is None else np.argsort(-scores, kind="stable")[:MOST_BOXES]
    return [
        {
            "box": [round(float(side), 1) for side in target["boxes"][place]],
            "label": int(target["labels"][place]),
            **({} if scores is None else {"score": round(float(scores[place]), 3)}),
        }
        for place in order
        if scores is None or scores[place] >= LEAST_SCORE
    ]


def _jpeg(pixels: np.ndarray) -> bytes:
    """(3, H, W) uint8 as a JPEG, smaller where it is larger than a report shows."""
    image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    content = io.BytesIO()
    image.save(content, format="JPEG", quality=82)
    return content.getvalue()


def _record(run: RunFolder) -> dict[str, Any]:
    file = run.path / layout.DETECTIONS / layout.DETECTIONS_RECORD
    return read_json(file) if file.is_file() else {}
