"""A trained detector's average precision in torch and in each form that `bitfront export` writes, on an image set.

Exits with 1 where a form's map50 is more than 0.002 from torch's: of a deep 1-bit network single detections differ,
since rounding flips signs, and the precision over all images shouldn't.

python benchmarks/exported_accuracy.py runs/demo/retrained/ID/detector.safetensors --data runs/demo/data
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from results.text_tables import markdown
from search.stages.evaluate import Reading, decode_split
from spaces.detectors import Detections
from trainers.data.decoded import Decoded
from trainers.data.resizing import Resizing
from trainers.detector_file import DetectorFile, load_detector
from trainers.evaluate.voc import voc_ap
from trainers.export.exporter import Detect
from trainers.export.table import EXPORTERS
from trainers.inference import truths
from trainers.progress import SilentProgress

TOLERANCE = 0.002
TORCH = "torch"
BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data")
    parser.add_argument("--format", help="the data's format, if it can't be found out")
    parser.add_argument("--split", default="test")
    parser.add_argument("--to", nargs="+", choices=EXPORTERS, default=list(EXPORTERS))
    asked = parser.parse_args()
    detector = load_detector(asked.checkpoint)
    reading = Reading(root=asked.data, split=asked.split, format=asked.format)
    data = decode_split(reading, detector.classes, Resizing.of(detector.spec), SilentProgress())
    found = exported_accuracy(detector, data, asked.to)
    rows = [{"form": form, "map50": one, "off": one - found[TORCH]} for form, one in found.items()]
    print(f"{asked.checkpoint}, {len(data)} images of {asked.split}\n{markdown(rows)}")
    wrong = [form for form, one in found.items() if abs(one - found[TORCH]) > TOLERANCE]
    if wrong:
        sys.exit(f"More than {TOLERANCE} from torch: {', '.join(wrong)}.")


def exported_accuracy(detector: DetectorFile, data: Decoded, targets: Sequence[str]) -> dict[str, float]:
    """map50 by form, torch's first. Raises ExportError for a detector that a target can't hold."""
    for target in targets:
        EXPORTERS[target].check(detector)
    network = detector.network.eval()
    found = {TORCH: map50(lambda images: network(images).detections, data)}
    for target in targets:
        exporter = EXPORTERS[target]
        with TemporaryDirectory() as folder:
            made = exporter.write(Path(folder) / f"detector{exporter.suffix}", detector, {})
            found[target] = map50(exporter.load(made[0]), data)
    return found


@torch.no_grad()
def map50(detect: Detect, data: Decoded) -> float:
    """Average precision at an IoU of 0.5 by VOC's rule, mean over classes."""
    found: list[Detections] = []
    for images, _ in data.batches(BATCH, seed=0, epoch=0, augment=False):
        found += detect(list(images))
    arrays = [{name: _array(value) for name, value in image.items()} for image in found]
    return float(voc_ap(arrays, truths(data), num_classes=len(data.class_names)).map50)


def _array(value: Tensor) -> Any:
    return value.cpu().numpy()


if __name__ == "__main__":
    main()
