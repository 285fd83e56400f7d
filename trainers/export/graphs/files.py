"""A graph's files: itself, the anchors, and how its outputs are read; and how detections come of them."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from spaces.candidate import Candidate
from spaces.detectors import Detections, DetectorSpec
from spaces.detectors.resizing import sizes_of
from spaces.detectors.single_stage import SingleStage
from spaces.supernet import build_fixed
from trainers.data.resizing import MEAN_COLOUR, Placement, Resizing
from trainers.detector_file import DetectorFile
from trainers.export.exporter import Detect
from trainers.export.graphs.walk import Walked, responses
from trainers.whole_files import write_whole

ANCHORS, DESCRIPTION = ".npy", ".json"

RunGraph = Callable[[Any], Mapping[str, Any]]
"""From a picture (1, S, S, 3), uint8, to the raw outputs by name."""


def normalisation(detector: DetectorFile) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each colour, for images in 0..1."""
    transform = cast(SingleStage, detector.network).transform
    return [float(one) for one in transform.image_mean], [float(one) for one in transform.image_std]


def companions(detector: DetectorFile, walked: Walked, about: Mapping[str, Any]) -> dict[str, bytes]:
    """By suffix what lies beside a graph: anchors (M, 4), and what a program needs to know. about: what else to say."""
    side, (mean, std) = detector.spec.image_size, normalisation(detector)
    box = {"resize": "letterbox", "padding": MEAN_COLOUR} if detector.spec.resize == "letterbox" else {}
    description = {
        "detector": detector.spec.described(),
        "candidate": dict(detector.candidate),
        "classes": list(detector.classes),
        "input": {"shape": [1, side, side, 3], "type": "uint8", "colours": "RGB", "mean": mean, "std": std, **box},
        "outputs": {"names": walked.names, "reading": walked.reading},
        **about,
    }
    np.save(anchors := io.BytesIO(), walked.responses.anchors.numpy())
    return {ANCHORS: anchors.getvalue(), DESCRIPTION: json.dumps(description, indent=1).encode()}


def write_parts(stem: Path, parts: Mapping[str, bytes]) -> list[Path]:
    """Write the contents by suffix. The first, which is the one to run, is written last: it never stands there without
    what belongs to it."""
    files = {_file(stem, suffix): content for suffix, content in parts.items()}
    for path in reversed(files):
        write_whole(path, files[path])
    return list(files)


def detecting(stem: Path, run: RunGraph) -> Detect:
    """Runs a graph, one picture after the other; its network's own decoding turns outputs to detections.

    Values are rounded to whole 255ths. An image of another size is resized as the images that the detector learnt
    from, so that it finds what `bitfront predict` finds. Raises ValueError for what is no image.
    """
    about = json.loads(_file(stem, DESCRIPTION).read_text())
    anchors = torch.from_numpy(np.load(_file(stem, ANCHORS), allow_pickle=False))
    with torch.device("meta"):  # it decodes, and needs no weights for that
        network = build_fixed(spec := DetectorSpec(**about["detector"]), Candidate(about["candidate"])).eval()
    decoder, resizing = cast(SingleStage, network), Resizing.of(spec)

    def detect(images: list[Tensor]) -> list[Detections]:
        found = []
        for image in images:
            picture, place = _picture(image, resizing)
            made = run(picture)
            outputs = {name: torch.from_numpy(made[name].copy()) for name in about["outputs"]["names"]}
            read = responses(outputs, anchors, about["outputs"]["reading"])
            if place is None:
                found += decoder.decode(read, sizes_of([image]))
            else:
                found.append(_in_pixels_of(place, decoder.decode(read, [place.shape])[0]))
        return found

    return detect


def _file(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)


def _picture(image: Tensor, resizing: Resizing) -> tuple[Any, Placement | None]:
    """(1, S, S, 3) uint8 of an image [3, H, W] in 0..1, and where it lies in a letterbox that was made for it."""
    if image.ndim != 3 or len(image) != 3:
        raise ValueError(f"An image has the shape (3, H, W), not {tuple(image.shape)}. Give a list of images.")
    whole = (image * 255).round().clamp(0, 255).to(torch.uint8)
    place, given = resizing.placed(whole.shape[2], whole.shape[1]), tuple(whole.shape[1:])
    if place.shape != given:
        whole = torch.from_numpy(resizing.pixels(Image.fromarray(whole.permute(1, 2, 0).numpy())).copy())
    picture = np.ascontiguousarray(whole.permute(1, 2, 0)[None].numpy())
    return picture, None if place.shape == given or resizing.resize == "squash" else place


def _in_pixels_of(place: Placement, found: Detections) -> Detections:
    """Detections on a letterbox, in the pixels of the image inside it."""
    inside = place.inside({name: value.numpy() for name, value in found.items()})
    boxes = torch.from_numpy(place.back(inside.pop("boxes")).astype(np.float32))
    return {"boxes": boxes, **{name: torch.from_numpy(value) for name, value in inside.items()}}
