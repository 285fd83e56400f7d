"""Kinds of image files, and which way up they are read: exact pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from trainers.data.decoding import decode
from trainers.data.errors import DataError
from trainers.data.image_file import image_size
from trainers.data.remarks import OTHER_SIZE, Remark
from trainers.data.sample import DetectionData, Sample

LOSSLESS = ("PNG", "BMP", "TIFF", "WEBP")
TURNING = ("PNG", "TIFF", "WEBP", "JPEG")


def saved(path, image, form, orientation=None):
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    image.save(
        path,
        form,
        **({"lossless": True} if form == "WEBP" else {"quality": 95} if form == "JPEG" else {}),
        **({"exif": exif} if orientation is not None else {}),
    )
    return path


def read(path, width, height, boxes=()):
    boxes = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    labels = np.ones(len(boxes), dtype=np.int64)
    sample = Sample("a", path, width, height, boxes, labels, np.zeros(len(boxes), dtype=np.bool_))
    return decode(DetectionData(("cat",), (sample,)), 12)


def quarters(width, height):
    """Red at the upper left, green at the upper right, blue at the lower left, white at the lower right."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[: height // 2, : width // 2, 0] = 255
    pixels[: height // 2, width // 2 :, 1] = 255
    pixels[height // 2 :, : width // 2, 2] = 255
    pixels[height // 2 :, width // 2 :] = 255
    return Image.fromarray(pixels)


def corners(decoded):
    """The names of the colours at the upper left, upper right, lower left and lower right."""
    names = {(255, 0, 0): "red", (0, 255, 0): "green", (0, 0, 255): "blue", (255, 255, 255): "white"}
    ends = [(1, 1), (1, -2), (-2, 1), (-2, -2)]
    close = [(decoded.images[0][:, y, x] > 127).astype(int) * 255 for y, x in ends]
    return [names[tuple(colour.tolist())] for colour in close]


@pytest.mark.parametrize("form", LOSSLESS)
@pytest.mark.parametrize("ending", [".jpg", ".bmp", ".dat"])
def test_the_content_decides_how_a_file_is_read_and_not_its_ending(tmp_path, form, ending):
    decoded = read(saved(tmp_path / f"a{ending}", quarters(40, 20), form), 40, 20)
    assert corners(decoded) == ["red", "green", "blue", "white"]


UPRIGHT = {  # how the corners of the stored pixels lie when an orientation has been applied
    1: ["red", "green", "blue", "white"],
    2: ["green", "red", "white", "blue"],
    3: ["white", "blue", "green", "red"],
    4: ["blue", "white", "red", "green"],
    5: ["red", "blue", "green", "white"],
    6: ["blue", "red", "white", "green"],
    7: ["white", "green", "blue", "red"],
    8: ["green", "white", "red", "blue"],
}


@pytest.mark.parametrize("form", TURNING)
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_an_image_is_read_upright_where_its_annotation_has_the_upright_size(tmp_path, form, orientation):
    path = saved(tmp_path / "a", quarters(40, 20), form, orientation)
    size = (20, 40) if orientation >= 5 else (40, 20)
    assert image_size(path) == size
    assert corners(read(path, *size)) == UPRIGHT[orientation]


@pytest.mark.parametrize("form", TURNING)
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_an_image_is_read_as_stored_where_its_annotation_has_the_stored_size(tmp_path, form, orientation):
    path = saved(tmp_path / "a", quarters(40, 20), form, orientation)
    assert corners(read(path, 40, 20)) == UPRIGHT[1]


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_square_image_is_read_upright_since_its_size_can_not_tell(tmp_path, orientation):
    path = saved(tmp_path / "a", quarters(20, 20), "PNG", orientation)
    assert corners(read(path, 20, 20)) == UPRIGHT[orientation]


def test_a_damaged_orientation_means_upright(tmp_path):
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04six\0\0\0\0\0"  # the text "six"
    quarters(40, 20).save(tmp_path / "a.jpg", exif=exif)
    assert corners(read(tmp_path / "a.jpg", 40, 20)) == UPRIGHT[1]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_a_tiff_of_any_colour_mode_becomes_rgb(tmp_path, mode):
    image = Image.new("L", (40, 20), 255).convert(mode)
    assert (read(saved(tmp_path / "a.tif", image, "TIFF"), 40, 20).images == 255).all()


@pytest.mark.parametrize(("kind", "bits"), [("uint16", 16), ("float32", 32)])
def test_a_tiff_of_more_than_8_bits_is_a_defect(tmp_path, kind, bits):
    saved(tmp_path / "a.tif", Image.fromarray(np.zeros((20, 40), dtype=kind)), "TIFF")
    with pytest.raises(DataError, match=f"the image has {bits} bits a channel, allowed are 8 or fewer"):
        read(tmp_path / "a.tif", 40, 20)


def test_of_several_pictures_in_a_file_the_first_is_read(tmp_path):
    first, second = quarters(40, 20), Image.new("RGB", (40, 20))
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second], lossless=True)
    first.save(tmp_path / "a.mpo", "MPO", save_all=True, append_images=[second])
    for name in ("a.tif", "a.webp", "a.mpo"):
        assert corners(read(tmp_path / name, 40, 20)) == UPRIGHT[1]


@pytest.mark.parametrize("form", LOSSLESS)
def test_a_file_that_was_cut_off_is_a_defect(tmp_path, form):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (20, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, form, **({"lossless": True} if form == "WEBP" else {}))
    (tmp_path / "a").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(DataError, match=r"truncated or broken|is no JPEG"):
        read(tmp_path / "a", 40, 20)


@pytest.mark.parametrize(("width", "height"), [(41, 20), (38, 20), (40, 22), (42, 18)])
def test_one_or_two_pixels_off_the_images_own_size_is_taken_and_counted(tmp_path, width, height):
    path = saved(tmp_path / "a.png", quarters(40, 20), "PNG")
    decoded = read(path, width, height, [(20, 5, width, height)])
    assert decoded.remarks == (Remark(OTHER_SIZE, 1, path),)
    right, bottom = min(width, 40), min(height, 20)
    np.testing.assert_allclose(decoded.boxes, [[6, 3, right * 12 / 40, bottom * 12 / 20]], rtol=1e-6)


def test_three_pixels_off_are_a_defect_and_so_is_a_box_beyond_the_image(tmp_path):
    path = saved(tmp_path / "a.png", quarters(40, 20), "PNG")
    with pytest.raises(DataError, match="the image is 40 x 20 pixels, its annotation says 43 x 20"):
        read(path, 43, 20)
    with pytest.raises(DataError, match="a box has no area within the image of 40 x 20 pixels"):
        read(path, 42, 20, [(40, 5, 42, 10)])


def test_a_turned_image_may_be_a_pixel_off_too(tmp_path):
    path = saved(tmp_path / "a.png", quarters(40, 20), "PNG", 6)
    assert corners(read(path, 41, 20)) == UPRIGHT[1]
    assert corners(read(path, 20, 41)) == UPRIGHT[6]
