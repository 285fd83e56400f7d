"""The objective of docs/how-to/extending.md, as it stands there."""

import numpy as np
import pytest
from doc_snippets import snippet_names

from results.columns import axis_label

NOTHING = {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, np.int64)}


@pytest.fixture
def recall50():
    with snippet_names('FIGURES["recall50"]') as names:
        yield names["recall50"]


def test_the_pages_recall_by_hand(recall50):
    square, far, half = [0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 60.0, 60.0], [0.0, 0.0, 10.0, 5.0]
    # Found at IoU 1/2; of another class; too far away; in an image without detections. One of four.
    detections = [{"boxes": [half, square], "labels": [1, 2]}, {"boxes": [square], "labels": [1]}, NOTHING]
    truths = [
        {"boxes": [square, far], "labels": [1, 2]},
        {"boxes": [square], "labels": [2]},
        {"boxes": [square], "labels": [1]},
    ]
    assert recall50(detections, truths) == pytest.approx(1 / 4)
    assert recall50([NOTHING], [NOTHING]) == 0


def test_the_pages_figure_has_an_axis(recall50):
    assert axis_label("recall50") == "recall at IoU 0.5 (recall50)"
