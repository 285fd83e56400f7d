"""Small data sets with one deviation each: all images are read, with the boxes where the yellow rectangles are."""

import numpy as np
import pytest
from PIL import Image

from trainers.data.check import check_split
from trainers.data.decoding import decode
from trainers.data.formats import data_format
from trainers.data.remarks import CLIPPED, OTHER_NAME, OTHER_SIZE, SIZE_OF_PICTURE, TURNED

SIZE, BOX = (120, 90), (20, 20, 70, 60)
UPRIGHT_SIZE, UPRIGHT_BOX = (90, 120), (20, 20, 60, 70)
AT_THE_CORNER = (0, 0, 70, 60)
SIDE = 360  # the images are decoded to a multiple of both sides


def xml(box=BOX, size=SIZE, filename="{name}.jpg", difficult="<difficult>0</difficult>", first=1):
    """The annotation of a picture called {name}; first: the number of the first pixel."""
    x1, y1, x2, y2 = box
    corners = zip(
        ("xmin", "ymin", "xmax", "ymax"), (x1 + first, y1 + first, x2 + first - 1, y2 + first - 1), strict=True
    )
    inside = "".join(f"<{side}>{value}</{side}>" for side, value in corners)
    said = "" if size is None else "<size><width>{}</width><height>{}</height><depth>3</depth></size>".format(*size)
    names = f"<folder>x</folder><filename>{filename}</filename>"
    return (
        f"<annotation>{names}{said}<object><name>cat</name>{difficult}<bndbox>{inside}</bndbox></object></annotation>"
    )


def picture(box=BOX, size=SIZE, orientation=None):
    """A dark picture with a yellow rectangle; its pixels are stored as a camera does that is held another way."""
    image = Image.new("RGB", size, (20, 20, 60))
    image.paste((250, 230, 10), box)
    turned = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270, 3: Image.Transpose.ROTATE_180}
    exif = Image.Exif()
    if orientation is not None:
        image = image.transpose(turned[orientation])
        exif[0x0112] = orientation
    return image, exif


CASES = {
    "layout_flat_root": (xml(), picture(), {}),
    "box_zero_based": (xml(AT_THE_CORNER, first=0), picture(AT_THE_CORNER), {CLIPPED: 3}),
    "box_two_pixels_beyond": (
        xml((-2, -2, 122, 92)),
        picture((0, 0, 120, 90)),
        {CLIPPED: 3},
    ),
    "size_zero": (xml(size=(0, 0)), picture(), {SIZE_OF_PICTURE: 3}),
    "size_absent": (xml(size=None), picture(), {SIZE_OF_PICTURE: 3}),
    "size_empty": (xml(size=("", "")), picture(), {SIZE_OF_PICTURE: 3}),
    "size_two_pixels_off": (xml(size=(122, 89)), picture(), {OTHER_SIZE: 3}),
    "size_zero_and_turned": (
        xml(UPRIGHT_BOX, (0, 0)),
        picture(UPRIGHT_BOX, UPRIGHT_SIZE, 8),
        {SIZE_OF_PICTURE: 3, TURNED: 3},
    ),
    "filename_windows_path": (xml(filename=r"C:\data\img.jpg"), picture(), {OTHER_NAME: 3}),
    "filename_without_ending": (xml(filename="{name}"), picture(), {}),
    "difficult_empty": (xml(difficult="<difficult/>"), picture(), {}),
    "difficult_absent": (xml(difficult=""), picture(), {}),
    "difficult_word": (xml(difficult="<difficult>Unspecified</difficult>"), picture(), {}),
    "exif6_upright_size": (xml(UPRIGHT_BOX, UPRIGHT_SIZE), picture(UPRIGHT_BOX, UPRIGHT_SIZE, 6), {}),
    "exif8_upright_size": (xml(UPRIGHT_BOX, UPRIGHT_SIZE), picture(UPRIGHT_BOX, UPRIGHT_SIZE, 8), {}),
    "exif3": (xml(), picture(orientation=3), {TURNED: 3}),
}
"""The annotation, the picture with its EXIF data, and how many of which remarks a set of three images has."""


A_PIXEL = SIDE / 90 + 0.5
"""The most that a pixel of the picture takes in the decoded image, with half a pixel of that for blurred edges."""

ONE_PIXEL_SHORT = ("box_zero_based",)
"""A box that counts from 0 is clipped at its near sides, and ends one pixel early at the far ones."""


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    """Three sets of three images; the root, and the remarks of a set."""
    text, (image, exif), remarks = CASES[request.param]
    base = tmp_path / request.param / ("" if request.param == "layout_flat_root" else "VOCdevkit/VOC2007")
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (base / folder).mkdir(parents=True)
    for split in ("train", "val", "test"):
        names = [f"{split}_a{number}" for number in (1, 2, 3)]
        (base / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names))
        for name in names:
            (base / "Annotations" / f"{name}.xml").write_text(text.replace("{name}", name))
            image.save(base / "JPEGImages" / f"{name}.jpg", quality=95, subsampling=0, exif=exif)
    return tmp_path / request.param, remarks


def test_it_is_read_whole_with_the_boxes_on_the_rectangles(case):
    root, remarks = case
    for split in ("train", "val", "test"):
        data = data_format("voc").image_sets(root).read(split)
        decoded = decode(data, SIDE)
        assert [sample.image_id for sample in data.samples] == [f"{split}_a{number}" for number in (1, 2, 3)]
        assert (len(decoded), len(decoded.labels), decoded.defects) == (3, 3, ())
        assert not decoded.difficult.any()
        assert {remark.text: remark.count for remark in decoded.remarks} == remarks
        for index in range(3):
            error = np.abs(decoded.boxes[index] - yellow(decoded.images[index]))
            assert (error < (A_PIXEL if root.name in ONE_PIXEL_SHORT else A_PIXEL / 2)).all()


def yellow(image):
    """Round the yellow pixels of a decoded image (3, S, S) the corners of a box."""
    rows, columns = np.nonzero((image[0] > 128) & (image[2] < 50))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_data_check_counts_its_images_and_remarks_and_no_defect(case):
    root, remarks = case
    check = check_split(data_format("voc").image_sets(root), "val")
    assert (check.images, check.total.objects, check.total.flagged, check.defects) == (3, 3, 0, ())
    assert {remark.text: remark.count for remark in check.remarks} == remarks
