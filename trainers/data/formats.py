"""The supported data formats in one table: all that the rest of the program knows of each.

Importing it must stay quick: a config is checked against its names before torch is imported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from spaces.lookup import lookup
from trainers.data.coco.classes import COCO_CLASSES
from trainers.data.coco.ids import Ids, coco_ids
from trainers.data.coco.layouts import COCO_LAYOUTS
from trainers.data.coco.reader import coco_classes, coco_images, read_coco
from trainers.data.errors import OnBadData
from trainers.data.image_sets import ImageSets
from trainers.data.layout import NOTHING_NAMED, Layout, NamedFiles, Parts
from trainers.data.sample import DetectionData
from trainers.data.shapes.writer import SHAPE_CLASSES, write_shapes
from trainers.data.visdrone.layouts import VISDRONE_LAYOUTS
from trainers.data.visdrone.reader import VISDRONE_CLASSES, read_visdrone, visdrone_images
from trainers.data.voc.download import VOC_BY_HAND, download_voc
from trainers.data.voc.layouts import voc_layouts
from trainers.data.voc.reader import VOC_CLASSES, read_voc, voc_images
from trainers.data.yolo.classes import yolo_classes
from trainers.data.yolo.layouts import YOLO_LAYOUTS
from trainers.data.yolo.reader import read_yolo, yolo_images


class Reader(Protocol):
    """Reads one image set. `on_bad_data` decides on errors."""

    def __call__(self, files: Parts, /, *, class_names: Sequence[str], on_bad_data: OnBadData) -> DetectionData: ...


class Generator(Protocol):
    """Writes a data set below a root: for each split so many images, with sides of `image_size` pixels."""

    def __call__(self, root: Path, /, *, sizes: Mapping[str, int], image_size: int, seed: int) -> None: ...


@dataclass(frozen=True)
class Classes:
    """The class names of a format, in the order of their labels.

    own: those of the benchmark. listed: where a data set brings its own, the function that reads them from the files of
    an image set. fixed: whether a user may name no others.
    """

    own: tuple[str, ...]
    listed: Callable[[Parts], tuple[str, ...]] | None = None
    fixed: bool = False


@dataclass(frozen=True, kw_only=True)
class Format:
    """A data format.

    title: its name in messages. layouts: how such data may lie below a folder. reader: reads an image set. images: the
    file of each image of a set, by image id. holds: what the root of such data contains. variable: the environment
    variable that may name the root. classes: the class names. rule: the rule of average precision, one of
    `evaluate.figures.RULES`. flagged: what the objects are that it marks difficult. learns_difficult: whether a
    detector is trained on these. by_hand: where files go that aren't downloaded. ids: the ids of a set's images and
    classes, if its file has any. download: downloads missing image sets of a year. generate: makes the data set, which
    then has no root of the user's. of_year: where the layout has years, the format with another one.
    """

    title: str
    layouts: tuple[Layout, ...]
    reader: Reader
    images: Callable[[Parts], dict[str, Path]]
    holds: str
    variable: str
    classes: Classes
    rule: str
    flagged: str
    learns_difficult: bool
    by_hand: str
    ids: Callable[[Parts], Ids] | None = None
    download: Callable[[Path, Sequence[str], str], None] | None = None
    generate: Generator | None = None
    of_year: Callable[[str], "Format"] | None = None

    @property
    def name_the_root(self) -> str:
        """The way out where no such data were found."""
        return f"Let --data, data.root or {self.variable} name the folder that holds {self.holds}"

    def image_sets(self, root: Path | None, named: NamedFiles = NOTHING_NAMED, follow_links: bool = False) -> ImageSets:
        """The image sets below a folder; see `ImageSets`."""
        return ImageSets(self, root, named, follow_links)


def _voc(year: str) -> Format:
    """VOC of a year, or of years as in "2007+2012"."""
    return Format(
        title="VOC",
        layouts=voc_layouts(year),
        reader=read_voc,
        images=voc_images,
        holds="VOCdevkit",
        variable="BITFRONT_VOC_ROOT",
        classes=Classes(VOC_CLASSES),
        rule="voc",
        flagged="difficult",
        learns_difficult=True,
        by_hand=VOC_BY_HAND,
        download=download_voc,
        of_year=_voc,
    )


FORMATS: dict[str, Format] = {
    "voc": _voc("2007"),
    "coco": Format(
        title="COCO",
        layouts=COCO_LAYOUTS,
        reader=read_coco,
        images=coco_images,
        holds="annotations/instances_*.json",
        variable="BITFRONT_COCO_ROOT",
        classes=Classes(COCO_CLASSES, listed=coco_classes),
        rule="coco",
        flagged="crowds",
        learns_difficult=False,
        by_hand=(
            "For COCO, put each split's file at <data.root>/annotations/instances_<split>.json and its images into "
            "<data.root>/<split>/"
        ),
        ids=coco_ids,
    ),
    "visdrone": Format(
        title="VisDrone",
        layouts=VISDRONE_LAYOUTS,
        reader=read_visdrone,
        images=visdrone_images,
        holds="VisDrone2019-DET-train",
        variable="BITFRONT_VISDRONE_ROOT",
        classes=Classes(VISDRONE_CLASSES, fixed=True),
        rule="visdrone",
        flagged="to be ignored",
        learns_difficult=False,
        by_hand=(
            "For VisDrone-DET, unpack VisDrone2019-DET-train, -val and -test-dev, each with its folders images and "
            "annotations, into <data.root>"
        ),
    ),
    "yolo": Format(
        title="YOLO",
        layouts=YOLO_LAYOUTS,
        reader=read_yolo,
        images=yolo_images,
        holds="data.yaml, or images and labels",
        variable="BITFRONT_YOLO_ROOT",
        classes=Classes(COCO_CLASSES, listed=yolo_classes),
        rule="coco",
        flagged="to be ignored",
        learns_difficult=False,
        by_hand="For YOLO, put data.yaml, the images and the labels into <data.root>",
    ),
    "shapes": replace(
        _voc("2007"),
        title="Shapes",
        classes=Classes(SHAPE_CLASSES),
        by_hand="Shapes are generated; leave it out",
        download=None,
        generate=write_shapes,
        of_year=None,
    ),
}


def data_format(name: str, year: str = "2007") -> Format:
    """The format of that name, of that year where it has years. Raises ValueError for an unknown name."""
    form = lookup(FORMATS, name, "format")
    return form.of_year(year) if form.of_year is not None else form
