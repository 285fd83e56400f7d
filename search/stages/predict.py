"""A detector's boxes in pictures that belong to no data set: shown, drawn, written as COCO's results."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from search.errors import RunError
from search.stages.coco_results import ids_of_pictures, writing_results
from search.stages.devices import device_named
from search.stages.drawing import draw
from search.stages.outputs import refuse_existing, refuse_to_overwrite
from search.stages.pictures import Named, drawn_places, find_pictures
from search.stages.printable import printable
from trainers.data.errors import DataError
from trainers.detector_file import load_detector
from trainers.prediction import Prediction, PredictionSettings
from trainers.progress import Progress, Stage

DETECTOR_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Outputs:
    """Where boxes go besides `show`: a folder for pictures with boxes drawn in, a file of COCO's results.

    overwrite: whether files in that folder may be replaced.
    """

    draw: Path | None = None
    json: Path | None = None
    overwrite: bool = False


def run_predict(
    checkpoint: Path,
    given: Sequence[str],
    settings: PredictionSettings,
    outputs: Outputs,
    device: str,
    show: Callable[[Prediction], None],
    progress: Progress,
) -> int:
    """Find boxes in the pictures that `given` names; returns how many pictures couldn't be read.

    Each of these is noted at once and left out. Memory doesn't grow with the number of pictures, but for their names.
    Raises before any work CheckpointError, ConfigError for a device that isn't there, and RunError where a second
    detector is given or no picture, where an output would overwrite an input, and where a drawn picture would replace
    another file.
    """
    _refuse_several(checkpoint, given)
    on = device_named(device)
    detector = load_detector(checkpoint)
    pictures = find_pictures(given, without=outputs.draw)
    places = _checked_places(checkpoint, pictures, outputs)
    detector.network.to(on)
    paths = [picture.path for picture in pictures]
    ids = ids_of_pictures(paths, detector.classes)
    results = nullcontext() if outputs.json is None else writing_results(outputs.json, ids, detector.classes)
    with progress.stage("pictures", len(paths)) as stage, results as writer:
        unreadable = _Unreadable(progress, stage)
        for prediction in detector.predict(paths, **asdict(settings), on_unreadable=unreadable):
            try:
                if places:
                    draw(paths[prediction.index], prediction, places[prediction.index])
            except DataError as error:  # the file has changed meanwhile
                unreadable(error)
                continue
            if writer is not None:
                found = (getattr(prediction, name).numpy() for name in ("boxes", "scores", "labels"))
                writer.add(str(paths[prediction.index]), *found)
            show(prediction)
            stage.advance()
    return unreadable.count


class _Unreadable:
    """Notes pictures that can't be read, and counts them."""

    def __init__(self, progress: Progress, stage: Stage) -> None:
        self.count = 0
        self._progress = progress
        self._stage = stage

    def __call__(self, error: DataError) -> None:
        self.count += 1
        self._progress.note(f"{printable(error.where)}: {printable(error.reason)}. It is left out.")
        self._stage.advance()


def _refuse_several(checkpoint: Path, given: Sequence[str]) -> None:
    """Raise RunError where a shell's pattern, such as `retrained/*/detector.safetensors`, fits several detectors."""
    others = [text for text in given if Path(text).suffix == DETECTOR_SUFFIX]
    if others:
        listed = "".join(f"\n  {printable(str(one))}" for one in (checkpoint, *others))
        raise RunError(f"{1 + len(others)} detectors were given; name one, then the pictures:{listed}")


def _checked_places(checkpoint: Path, pictures: Sequence[Named], outputs: Outputs) -> list[Path]:
    """Where the drawn pictures go; none without a folder for them. Raises RunError before anything is written."""
    if outputs.draw is not None and outputs.draw.exists() and not outputs.draw.is_dir():
        raise RunError(f"--draw {outputs.draw} is a file, must be a folder. Name another.")
    places = [] if outputs.draw is None else drawn_places(pictures, outputs.draw)
    written = [*places, *([] if outputs.json is None else [outputs.json])]
    refuse_to_overwrite([checkpoint, *(picture.path for picture in pictures)], written)
    if not outputs.overwrite:
        refuse_existing(f"--draw {outputs.draw}", places)
    return places
