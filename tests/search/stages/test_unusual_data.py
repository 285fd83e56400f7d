"""Data sets as tools leave them, from `data check` to decoded images: read whole, each box where its object is."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from data_layouts import CLASSES, Scene, assert_boxes_lie_on_their_objects, instances_of, voc_folder, write
from PIL import Image
from typer.testing import CliRunner

from search.cli.app import app
from trainers.data.decoding import decode
from trainers.data.finding import find_sets
from trainers.data.remarks import CLIPPED, OTHER_NAME, OTHER_SIZE, SIZE_OF_PICTURE, TURNED

SETS = ("train", "val", "test")
TURNS = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
"""By EXIF orientation how a camera stores an upright picture."""


@dataclass(frozen=True)
class Oddity:
    """What is done to the annotation of an image, or to its picture, and the remark on it."""

    annotation: Callable[[str], str] = str
    picture: Callable[[Path], None] = lambda path: None
    remark: str | None = None
    encoding: str = "utf-8"


def replaced(pattern: str, text: str) -> Callable[[str], str]:
    return lambda xml: re.sub(pattern, text, xml)


def in_chinese(xml: str) -> str:
    return '<?xml version="1.0" encoding="GB2312"?>' + xml.replace("<folder>images<", "<folder>图片<")


def turned(orientation: int) -> Callable[[Path], None]:
    """Stored as a camera does that was held so; seen upright the picture is the same."""
    return lambda path: saved(path, Image.open(path).transpose(TURNS[orientation]), orientation)


def marked_only(path: Path) -> None:
    """EXIF turns the picture, but boxes and size are those of the pixels as stored."""
    saved(path, Image.open(path), 6)


def saved(path: Path, image: Image.Image, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, quality=95, exif=exif)


def stored_as(form: str, suffix: str) -> Callable[[Path], None]:
    def store(path: Path) -> None:
        image = Image.open(path)
        image.load()
        path.unlink()
        image.save(path.with_suffix(suffix), form)

    return store


SIZE = r"<size>.*</size>"
ODDITIES = {
    "boxes count from 0": Oddity(replaced(r"<([xy])min>1<", r"<\1min>0<"), remark=CLIPPED),
    "boxes reach over the border": Oddity(replaced(r"<xmax>64<(.*)<ymax>48<", r"<xmax>65<\1<ymax>50<"), remark=CLIPPED),
    "a size of 0": Oddity(replaced(r"<(width|height|depth)>\d+<", r"<\1>0<"), remark=SIZE_OF_PICTURE),
    "no size": Oddity(replaced(SIZE, ""), remark=SIZE_OF_PICTURE),
    "a size off by one": Oddity(replaced("<width>64<", "<width>65<"), remark=OTHER_SIZE),
    "a path of Windows": Oddity(replaced("<filename>[^<]*<", r"<filename>C:\\data\\img.jpg<"), remark=OTHER_NAME),
    "a name of another machine": Oddity(replaced("<filename>[^<]*<", "<filename>/home/x/1.png<"), remark=OTHER_NAME),
    "no file name": Oddity(replaced("<filename>[^<]*</filename>", "")),
    "difficult is empty": Oddity(replaced("<difficult>0</difficult>", "<difficult/>")),
    "difficult is a word": Oddity(replaced("<difficult>0<", "<difficult>Unspecified<")),
    "no difficult": Oddity(replaced("<difficult>0</difficult>", "")),
    "decimals": Oddity(replaced(r"(\d+)</([xy]m)", r"\1.0000000000000000000000001</\2")),
    "EXIF 6": Oddity(picture=turned(6)),
    "EXIF 8": Oddity(picture=turned(8)),
    "EXIF 3": Oddity(picture=turned(3), remark=TURNED),
    "EXIF 6 and the stored size": Oddity(picture=marked_only),
    "GB2312": Oddity(in_chinese, encoding="gb2312"),
    "UTF-16": Oddity(encoding="utf-16"),
    "BMP": Oddity(picture=stored_as("BMP", ".bmp")),
    "TIFF": Oddity(picture=stored_as("TIFF", ".tif")),
    "WebP": Oddity(picture=stored_as("WEBP", ".webp")),
    "PNG named .jpg": Oddity(picture=stored_as("PNG", ".jpg")),
}


def at_the_corner(name: str, number: int, right: bool) -> Scene:
    """An object at the upper left, or at the lower right, corner of its image."""
    return Scene(f"{name}_{number}", number % 2, (40, 28, 64, 48) if right else (0, 0, 24, 20))


@pytest.mark.parametrize("kind", ODDITIES)
def test_vocs_files_with_an_oddity_are_read_whole(kind, tmp_path):
    oddity = ODDITIES[kind]
    right = kind in ("boxes reach over the border", "decimals")
    voc_folder(tmp_path, {name: [at_the_corner(name, n, right) for n in range(3)] for name in SETS})
    for path in (tmp_path / "Annotations").iterdir():
        path.write_bytes(oddity.annotation(path.read_text("utf-8")).encode(oddity.encoding))
    for path in sorted((tmp_path / "JPEGImages").iterdir()):
        oddity.picture(path)
    assert_whole(tmp_path, oddity.remark)


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        ({"width": 0, "height": 0}, SIZE_OF_PICTURE),
        ({"width": None, "height": None}, SIZE_OF_PICTURE),
        ({"width": "64", "height": 48.0}, None),
        ({"width": 63}, OTHER_SIZE),
    ],
)
def test_cocos_images_with_odd_sizes_are_read_whole(change, remark, tmp_path):
    for name in SETS:
        chosen = [at_the_corner(name, n, right=False) for n in range(3)]
        content = instances_of(chosen)
        for entry in content["images"]:
            entry |= change
        write(tmp_path / "annotations" / f"instances_{name}.json", content)
        for scene in chosen:
            scene.save(tmp_path / name)
    assert_whole(tmp_path, remark)


def assert_whole(root: Path, remark: str | None) -> None:
    """Nine images with nine objects are read without a defect, and the remark counts each of them."""
    shown = CliRunner().invoke(app, ["data", "check", str(root), "--classes", ",".join(CLASSES)])
    assert shown.exit_code == 0, shown.output
    noted = [line.rsplit(", the first: ") for line in shown.stdout.splitlines() if ", the first: " in line]
    counted = [text.split(": ", 1)[1] for text, _ in noted]
    assert counted == ([f"{remark}: 3"] * 3 if remark else [])
    sets = find_sets(root, None)
    for name in SETS:
        images = decode(sets.read(name, class_names=CLASSES), 96)
        assert (len(images), len(images.labels), images.difficult.any()) == (3, 3, False)
        assert_boxes_lie_on_their_objects(images)
