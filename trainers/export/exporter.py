"""What an exporter is: how a trained detector is written in another form, and run from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from spaces.detectors import Detections
from trainers.detector_file import DetectorFile

Detect = Callable[[list[Tensor]], list[Detections]]
"""From images [3, H, W] in 0..1 to their detections, as a detector's in torch."""


class ExportError(ValueError):
    """A detector that a target can't hold."""


class WrongExportError(RuntimeError):
    """A file that doesn't compute what torch does: nothing may be left of it."""


@dataclass(frozen=True)
class Exporter:
    """One target of `bitfront export --to`.

    suffix: of the file's name, behind the detector's. check: raises ExportError, with the layer, for a detector that
    the target can't hold; called before anything is written. write: the file, and others beside it; known is what else
    the file shall say, figures and costs by name; returns all files. load: runs such a file. exact: whether detections
    must be those of torch to the bit.
    """

    suffix: str
    check: Callable[[DetectorFile], None]
    write: Callable[[Path, DetectorFile, Mapping[str, Any]], list[Path]]
    load: Callable[[Path], Detect]
    exact: bool = False
