"""Trained detectors written in other forms, each compared with torch on images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from results import layout
from search.errors import RunError
from search.run.folder import read_json
from search.stages.evaluate import Reading
from spaces.cost import layer_costs, totals
from spaces.lookup import lookup
from trainers.data.decoding import Memory, decode
from trainers.data.resizing import Resizing
from trainers.detector_file import DetectorFile, load_detector
from trainers.export.differences import Differences, differences
from trainers.export.exporter import Detect, Exporter, ExportError, WrongExportError
from trainers.export.packed import PACKED
from trainers.export.table import EXPORTERS
from trainers.export.vectors import SUFFIX, write_vectors
from trainers.whole_files import digest_of, replacing

IMAGES = 8
"""On how many images an export is compared with torch, unless told otherwise."""
VECTOR_IMAGES = 2
"""Of how many test vectors are."""

FAULT = "This is a fault of Bitfront. Please report it, and keep the checkpoint, which is as it was."

Images = Callable[[DetectorFile], list[Tensor]]
"""From a detector to the images, [3, H, W] in 0..1, on which its export is compared."""


@dataclass(frozen=True)
class Exported:
    """A detector in another form.

    name: its id in a run, or its checkpoint's name. files: the one to run comes first. Sizes are in MB of 10^6 bytes.
    test: its figures on the test images, where they are known. differences: of its detections from torch's.
    """

    name: str
    files: list[Path]
    size_mb: float
    checkpoint_mb: float
    costs: dict[str, float]
    test: dict[str, float]
    differences: Differences


def random_images(count: int = IMAGES) -> Images:
    """Noise of whole 255ths, as pictures have them; the same each time."""

    def make(detector: DetectorFile) -> list[Tensor]:
        shape = (count, 3, *detector.spec.input_size)
        return list(torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0)) / 255)

    return make


def first_images(reading: Reading, count: int = IMAGES) -> Images:
    """The first images of an image set. Raises DataError as reading and decoding do."""

    def read(detector: DetectorFile) -> list[Tensor]:
        listed = reading.sets().read(reading.split, class_names=detector.classes, on_bad_data=reading.on_bad_data)
        few = replace(listed, samples=listed.samples[:count])
        data = decode(few, Resizing.of(detector.spec), Memory(reading.memory_limit_mb), reading.on_bad_data)
        return next(iter(data.batches(count, seed=0, epoch=0, augment=False)))[0]

    return read


def run_export(
    checkpoint: str | Path,
    to: str = "packed",
    folder: str | Path | None = None,
    images: Images | None = None,
    *,
    test_vectors: bool = False,
) -> Exported:
    """Write a trained detector for a target of `EXPORTERS`, compare it with torch, and return what was made.

    folder: beside the checkpoint unless told otherwise; the file is named as the checkpoint. images: random ones by
    default. test_vectors: of `packed`, what each layer makes of some inputs, with a numpy script that computes it.
    Raises CheckpointError, ConfigError, DataError, and RunError for a detector that the target can't hold and for a
    file that doesn't detect what the checkpoint does; then nothing is written.
    """
    path = Path(checkpoint)
    place = path.parent if folder is None else Path(folder)
    return _exported({path: place / path.stem.removesuffix(".packed")}, to, images, test_vectors)[0]


def run_export_front(
    run: str | Path,
    to: str = "packed",
    folder: str | Path | None = None,
    images: Images | None = None,
    *,
    test_vectors: bool = False,
) -> list[Exported]:
    """Write all detectors that a run has retrained, or trained alone: beside each, or named by their ids in `folder`.

    See `run_export`. Raises RunError for a folder that is no run, and where it has trained none.
    """
    if not (Path(run) / layout.CONFIG).is_file():
        known = "Name a run's folder, or the .safetensors file of a detector."
        raise RunError(f"{run} holds no run: there is no {layout.CONFIG} in it. {known}")
    names = _names(Path(run), folder)
    if not names:
        raise RunError(f"{run} has trained no network. Do so first: bitfront retrain {run} --pick knee")
    return _exported(names, to, images, test_vectors)


def _names(run: Path, folder: str | Path | None) -> dict[Path, Path]:
    """The checkpoints of a run, and what each file is to be named, without a suffix."""
    names: dict[Path, Path] = {}
    for kind in (layout.RETRAINED, layout.TRAINED):
        for place in sorted(file.parent for file in (run / kind).glob(f"*/{layout.RESULT_FIGURES}")):
            name = place / Path(layout.DETECTOR).stem if folder is None else Path(folder) / place.name
            names[place / layout.DETECTOR] = name.with_name(f"{kind}-{name.name}") if name in names.values() else name
    return names


def _exported(names: Mapping[Path, Path], to: str, images: Images | None, test_vectors: bool) -> list[Exported]:
    """Export the checkpoints under these names without a suffix; all are read and checked before one is written."""
    try:
        exporter = lookup(EXPORTERS, to, "export target")
    except ValueError as error:
        raise RunError(str(error)) from error
    if test_vectors and exporter is not PACKED:
        raise RunError("Test vectors need the weights' bits: they go with --to packed alone.")
    detectors = {path: load_detector(path) for path in names}
    for path, detector in detectors.items():
        try:
            exporter.check(detector)
        except ExportError as error:
            raise RunError(f"{path} can't be exported to {to}: {error}") from error
    if itself := [path for path, name in names.items() if _target(name, exporter).resolve() == path.resolve()]:
        raise RunError(f"{itself[0]} is such a file already. Name another folder for a copy.")
    given = images or random_images()
    compared = {path: given(detector) for path, detector in detectors.items()}
    return [
        _write(path, names[path], exporter, detector, compared[path], test_vectors)
        for path, detector in detectors.items()
    ]


def _write(
    checkpoint: Path, name: Path, exporter: Exporter, detector: DetectorFile, images: list[Tensor], vectors: bool
) -> Exported:
    """Its files are made and compared in a folder of their own: what was there before stays until they are right."""
    blank = torch.zeros(3, *detector.spec.input_size)
    costs = totals(layer_costs(detector.network, [blank])).as_dict()
    test = _test_figures(checkpoint)
    target = _target(name, exporter)
    with TemporaryDirectory() as folder:
        try:
            made = exporter.write(Path(folder) / target.name, detector, {"costs": costs, "figures": test})
        except WrongExportError as error:
            raise RunError(f"{target} was not written: {error} {FAULT}") from error
        size = sum(file.stat().st_size for file in made)
        found = _compare(detector, exporter.load(made[0]), images)
        if exporter.exact and not found.none:
            raise RunError(_wrong(target, checkpoint, found))
        if vectors:
            made += write_vectors(Path(folder) / f"{name.name}{SUFFIX}", detector.network, images[:VECTOR_IMAGES])
        files = _placed(made, target.parent)
    title = checkpoint.parent.name if checkpoint.name == layout.DETECTOR else checkpoint.stem
    return Exported(title, files, size / 1e6, checkpoint.stat().st_size / 1e6, costs, test, found)


def _target(name: Path, exporter: Exporter) -> Path:
    return name.with_name(name.name + exporter.suffix)


def _wrong(target: Path, checkpoint: Path, found: Differences) -> str:
    return (
        f"{target} was not written, since it would not detect what {checkpoint} does: {found.unmatched} detections "
        f"have no counterpart, others are off by {found.boxes:g} pixels and {found.scores:g} in score. {FAULT}"
    )


def _placed(made: list[Path], folder: Path) -> list[Path]:
    """Copy the files to the folder, each whole. The one to run comes last: it never stands there without the others."""
    for file in reversed(made):
        with file.open("rb") as content, replacing(folder / file.name) as copy:
            copyfileobj(content, copy)
    return [folder / file.name for file in made]


@torch.no_grad()
def _compare(detector: DetectorFile, exported: Detect, images: list[Tensor]) -> Differences:
    """One image after the other, as a device sees them."""
    ours = [found for image in images for found in detector.network([image]).detections]
    return differences(ours, [found for image in images for found in exported([image])])


def _test_figures(checkpoint: Path) -> dict[str, float]:
    """Those beside a checkpoint that a run trained, if they are of this file."""
    file = checkpoint.with_name(layout.RESULT_FIGURES)
    if checkpoint.name != layout.DETECTOR or not file.is_file():
        return {}
    kept = read_json(file)
    return dict(kept["test"]) if kept.get("sha256") in (None, digest_of(checkpoint)) else {}
