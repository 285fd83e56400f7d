"""Runs to make reports of: the seven trials of `hand_worked`, and one in which every name is hostile."""

import base64
import json

import pytest

from results import layout
from results.tables import write_run_tables

HOSTILE = "</script><script>alert(1)</script>\"'<img src=x onerror=alert(2)>\n&lt;%{x}" + "w" * 200
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////"
    "////2wBDAf//////////////////////////////////////////////////////////////////////////////////////wAARCAABAAEDASIAAhEB"
    "AxEB/8QAFAABAAAAAAAAAAAAAAAAAAAAAv/EABQQAQAAAAAAAAAAAAAAAAAAAAD/xAAUAQEAAAAAAAAAAAAAAAAAAAAA/8QAFBEBAAAAAAAAAAAA"
    "AAAAAAAAAP/aAAwDAQACEQMRAD8AR//Z"
)


def keep_detections(folder, classes=("cat",), network="twin (teacher)", image="one"):
    """One image with an object of 10 x 10 pixels that is found, and a detection beside it that finds nothing."""
    kept = folder / layout.DETECTIONS
    kept.mkdir()
    (kept / "0.jpg").write_bytes(JPEG)
    found = [{"box": [0, 0, 10, 10], "label": 1, "score": 0.9}, {"box": [50, 50, 60, 60], "label": 1, "score": 0.4}]
    record = {
        "size": 96,
        "classes": list(classes),
        "split": "test",
        "images": [{"name": image, "file": "0.jpg", "objects": [{"box": [0, 0, 10, 10], "label": 1}]}],
        "networks": [{"name": network, "sha256": "0", "detections": [found]}],
    }
    (kept / layout.DETECTIONS_RECORD).write_text(json.dumps(record))


@pytest.fixture(scope="session")
def run_folder(hand_worked, tmp_path_factory):
    """A finished run with nothing but tables and a config; for reading only."""
    folder = tmp_path_factory.mktemp("runs") / "plain"
    folder.mkdir()
    (folder / layout.CONFIG).write_text("name: plain\nseed: 3\ndata: {format: voc, val: val, val_images: 500}\n")
    write_run_tables(folder, hand_worked, x="bit_ops", y="map50")
    return folder


@pytest.fixture(scope="session")
def hostile_folder(hand_worked, tmp_path_factory):
    """A run whose folder, name, ids, knobs, methods, reasons, classes, networks and images are all hostile."""
    folder = tmp_path_factory.mktemp("runs") / "it's \"<script>alert(3)</script>".replace("/", "_")
    folder.mkdir()
    records = [
        {HOSTILE if name == "layer/stem" else name: value for name, value in trial.items()} for trial in hand_worked
    ]
    for trial in records:
        trial["id"] += HOSTILE
        trial["layer/" + HOSTILE] = trial.pop(HOSTILE)
        trial["layer/block.0"] = f"{trial['layer/block.0']}+{HOSTILE}"
        trial["reason"] = HOSTILE if trial["state"] == "failed" else None
    (folder / layout.CONFIG).write_text(json.dumps({"name": HOSTILE, "data": {"format": HOSTILE}}))
    (folder / layout.TRAINING_LOG).write_text(
        "".join(
            json.dumps({"stage": HOSTILE, "epoch": n, "of": 2, "loss": 1.0 / n, HOSTILE: 0.5}) + "\n" for n in (1, 2)
        )
    )
    (folder / layout.SECONDS).write_text(json.dumps({HOSTILE: 3.0}))
    (folder / layout.ENVIRONMENT).write_text(json.dumps({HOSTILE: HOSTILE}))
    write_run_tables(folder, records, x="bit_ops", y="map50")
    retrained = folder / layout.RETRAINED / "aa"
    retrained.mkdir(parents=True)
    figures = {"id": HOSTILE, "test": {"map50": 0.5}, "test_classes": {HOSTILE: {"objects": 1, "map50": 0.5}}}
    (retrained / layout.RESULT_FIGURES).write_text(json.dumps(figures))
    keep_detections(folder, classes=(HOSTILE,), network=HOSTILE, image=HOSTILE)
    return folder
