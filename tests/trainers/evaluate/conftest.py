"""Detections and truths of one image, written as rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Image = dict[str, np.ndarray]


@pytest.fixture
def detected() -> Callable[..., Image]:
    """Makes the detections of an image from rows of (box, score, label)."""

    def make(*rows: tuple[list[float], float, int]) -> Image:
        boxes, scores, labels = zip(*rows, strict=True)
        return {"boxes": np.array(boxes, float), "scores": np.array(scores), "labels": np.array(labels)}

    return make


@pytest.fixture
def flagged_truth() -> Callable[..., Image]:
    """Makes the truths of an image from rows of (box, label) or (box, label, whether it is flagged)."""

    def make(*rows: tuple[Any, ...], flag: str) -> Image:
        return {
            "boxes": np.array([row[0] for row in rows], float).reshape(-1, 4),
            "labels": np.array([row[1] for row in rows], dtype=np.int64),
            flag: np.array([len(row) > 2 and row[2] for row in rows], dtype=np.bool_),
        }

    return make
