"""What `bitfront predict` shows: each picture with the boxes in it."""

from typing import TextIO

from search.cli.progress import LineProgress, terminal_progress
from search.stages.printable import printable
from trainers.prediction import Prediction
from trainers.progress import Progress


class PredictionPrinter:
    """Writes each picture's boxes to a stream at once, so that a reader can follow, or end.

    Letters that the stream's encoding lacks are written as escapes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, prediction: Prediction) -> None:
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text_of(prediction).encode(encoding, "backslashreplace").decode(encoding))
        self._stream.flush()


def text_of(prediction: Prediction) -> str:
    """A line with the picture's name, size and number of boxes; below it a line for each box.

    A box has its class, its score, and its left, top, right and bottom edge in pixels.
    """
    boxes, scores = prediction.boxes.tolist(), prediction.scores.tolist()
    count = f"{len(boxes)} box{'' if len(boxes) == 1 else 'es'}"
    lines = [f"{printable(prediction.path or '')}: {prediction.width} x {prediction.height} pixels, {count}"]
    for name, score, box in zip(prediction.class_names, scores, boxes, strict=True):
        lines.append(f"  {printable(name)} {score:.2f} at {' '.join(f'{edge:.1f}' for edge in box)}")
    return "".join(f"{line}\n" for line in lines)


def prediction_progress(stdout: TextIO, stderr: TextIO) -> Progress:
    """Lines where the boxes are shown on a terminal, since a bar would be torn by them; else as for other work."""
    return LineProgress(stderr) if stdout.isatty() else terminal_progress(stderr)
