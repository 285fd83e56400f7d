"""How the boxes of a picture are shown."""

import io
from pathlib import Path

import torch

from search.cli.predictions import PredictionPrinter, prediction_progress
from search.cli.progress import BarProgress, LineProgress
from trainers.prediction import Prediction


def test_letters_that_a_stream_can_not_encode_are_escaped():
    boxes, scores, labels = torch.tensor([[0.0, 1.04, 2.5, 30.0]]), torch.tensor([0.5]), torch.tensor([1])
    found = Prediction(0, Path("é.png"), 40, 30, boxes, scores, labels, ("дом",))
    for encoding, text in {
        "utf-8": "é.png: 40 x 30 pixels, 1 box\n  дом 0.50 at 0.0 1.0 2.5 30.0\n",
        "latin-1": "é.png: 40 x 30 pixels, 1 box\n  \\u0434\\u043e\\u043c 0.50 at 0.0 1.0 2.5 30.0\n",
    }.items():
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        PredictionPrinter(stream)(found)
        assert stream.buffer.getvalue().decode(encoding) == text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_is_shown_only_where_it_does_not_tear_the_boxes():
    assert isinstance(prediction_progress(Terminal(), Terminal()), LineProgress)
    assert isinstance(prediction_progress(io.StringIO(), Terminal()), BarProgress)
    assert isinstance(prediction_progress(io.StringIO(), io.StringIO()), LineProgress)
