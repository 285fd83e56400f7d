"""One annotated image, and a data set of them, before anything is decoded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.remarks import Remark, merged

REGION = 0
"""The label of an ignored region, which is no object and has no class. Always marked `difficult`."""

Target = dict[str, NDArray[Any]]
"""The objects of one image, by name: boxes (n, 4), labels (n,) and difficult (n,), as in `Sample`."""


@dataclass(frozen=True, eq=False)
class Sample:
    """An image on disk with its objects.

    boxes (n, 4) float32, corners x1, y1, x2, y2 in pixels of the original image: pixel column k covers k to k + 1, so
    VOC's 1-based inclusive xmin, ymin, xmax, ymax become xmin - 1, ymin - 1, xmax, ymax, and the plain IoU of such
    boxes is VOC's IoU with its "+ 1". labels (n,) int64, 1..C, or REGION. difficult (n,) bool: objects that
    evaluation ignores: VOC's difficult objects, COCO's crowds, VisDrone's ignored regions and objects of score 0.
    remarks: what was accepted in its annotation although it isn't as the format says. has_own_size: whether width and
    height are those of the upright picture, since the annotation has none.
    """

    image_id: str
    image: Path
    width: int
    height: int
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    difficult: NDArray[np.bool_]
    remarks: tuple[Remark, ...] = ()
    has_own_size: bool = False


@dataclass(frozen=True)
class Defect:
    """Why an image was left out, or another fault of the data: the file at fault and the reason."""

    path: Path
    reason: str


@dataclass(frozen=True, eq=False)
class DetectionData:
    """The usable images of one split; `class_names[k - 1]` is the name of label k.

    `left_out` images are not among them; each has one defect or more, and some defects belong to no image. `rule` names
    the rule of average precision, and `learns_difficult` says whether a detector is trained on objects marked
    `difficult`; both are the data format's (`formats.Format.read` sets them). `of_files` are remarks on what belongs to
    no single image.
    """

    class_names: tuple[str, ...]
    samples: tuple[Sample, ...]
    defects: tuple[Defect, ...] = ()
    left_out: int = 0
    rule: str = "voc"
    learns_difficult: bool = True
    of_files: tuple[Remark, ...] = ()

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What was accepted although it isn't as the format says, one remark of each kind."""
        return merged([*self.of_files, *(remark for sample in self.samples for remark in sample.remarks)])
