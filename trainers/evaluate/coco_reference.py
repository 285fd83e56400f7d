"""COCO's AP by pycocotools, as a reference. It takes seconds where `coco.coco_ap` takes milliseconds."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

from trainers.evaluate.detections import Flat, Image, check_counts, flatten_detections, flatten_truths


def pycocotools_ap(detections: Sequence[Image], truths: Sequence[Image], num_classes: int) -> dict[str, float]:
    """ap, ap50 and ap75 as pycocotools computes them, its -1 ("nothing to find") as NaN.

    Area range "all", 100 detections per image and class. Arguments as for `coco.coco_ap`.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    check_counts(detections, truths, num_classes)
    detected = flatten_detections(detections, num_classes)
    truth = flatten_truths(truths, num_classes, "iscrowd")
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = {
            "info": {},
            "images": [{"id": image + 1} for image in range(len(truths))],
            "categories": [{"id": label} for label in range(1, num_classes + 1)],
            "annotations": [
                row | {"id": number, "area": row["bbox"][2] * row["bbox"][3], "iscrowd": int(crowd)}
                for number, (row, crowd) in enumerate(zip(_rows(truth), truth.values, strict=True), start=1)
            ],
        }
        reference.createIndex()
        results = [row | {"score": score} for row, score in zip(_rows(detected), detected.values.tolist(), strict=True)]
        evaluation = COCOeval(reference, reference.loadRes(results) if results else COCO(), "bbox")
        evaluation.params.imgIds = list(range(1, len(truths) + 1))
        evaluation.params.catIds = list(range(1, num_classes + 1))
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [100]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]  # thresholds, recalls, classes, areas, limits
    return {name: _mean(precision[part]) for name, part in (("ap", slice(None)), ("ap50", 0), ("ap75", 5))}


def _rows(flat: Flat) -> list[dict[str, Any]]:
    xywh = flat.boxes.copy()
    xywh[:, 2:] -= xywh[:, :2]
    columns = zip(flat.image.tolist(), flat.labels.tolist(), xywh.tolist(), strict=True)
    return [{"image_id": image + 1, "category_id": label, "bbox": box} for image, label, box in columns]


def _mean(precision: Any) -> float:
    measured = precision[precision > -1]
    return float(measured.mean()) if measured.size else float("nan")
