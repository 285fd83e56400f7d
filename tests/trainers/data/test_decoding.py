import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainers.data.decoded import Decoded
from trainers.data.decoding import Memory, decode
from trainers.data.errors import DataError
from trainers.data.sample import Defect, DetectionData, Sample


def encoded(image, form="JPEG"):
    buffer = io.BytesIO()
    image.save(buffer, form, **({"quality": 95} if form == "JPEG" else {}))
    return buffer.getvalue()


def photo(width=64, height=48, mode="RGB", seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def sample(folder, name="a.jpg", content=None, width=64, height=48, boxes=((0, 0, 32, 24),)):
    (folder / name).write_bytes(encoded(photo(width, height)) if content is None else content)
    count = len(boxes)
    return Sample(
        image_id=Path(name).stem,
        image=folder / name,
        width=width,
        height=height,
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.arange(1, count + 1, dtype=np.int64),
        difficult=np.zeros(count, dtype=np.bool_),
    )


def data(*samples):
    return DetectionData(("cat", "dog", "cow"), samples)


@pytest.fixture
def three(tmp_path):
    """Images with 1, 0 and 2 objects."""
    return decode(
        data(
            sample(tmp_path, "a.jpg"),
            sample(tmp_path, "b.jpg", boxes=()),
            sample(tmp_path, "c.jpg", boxes=((0, 0, 64, 48), (16, 12, 32, 24))),
        ),
        32,
    )


def test_images_are_squashed_to_a_square_and_boxes_with_them(three):
    assert (three.images.shape, three.images.dtype) == ((3, 3, 32, 32), np.uint8)
    # 64 x 48 to 32 x 32: x is halved, y becomes two thirds.
    np.testing.assert_allclose(three.boxes, [[0, 0, 16, 16], [0, 0, 32, 32], [8, 8, 16, 16]], rtol=1e-6)
    assert three.offsets.tolist() == [0, 1, 1, 3]
    assert (len(three), three.resized.size, three.image_ids) == (3, 32, ("a", "b", "c"))


def test_the_target_of_an_image_is_its_own_objects(three):
    assert three.target(1)["boxes"].shape == (0, 4)
    assert three.target(2)["labels"].tolist() == [1, 2]
    with pytest.raises(IndexError, match="image 3 of 3"):
        three.target(3)


def test_a_subset_keeps_the_order_asked_for_and_may_repeat(three):
    some = three.subset([2, 0, 2])
    assert some.image_ids == ("c", "a", "c")
    assert some.offsets.tolist() == [0, 2, 3, 5]
    np.testing.assert_array_equal(some.images[1], three.images[0])
    for place, index in enumerate([2, 0, 2]):
        np.testing.assert_array_equal(some.target(place)["boxes"], three.target(index)["boxes"])
    assert len(three.subset([])) == 0


def test_a_subset_beyond_the_images_is_refused(three):
    with pytest.raises(IndexError, match="indices from 0 to 3, there are 3 images"):
        three.subset([0, 3])


def test_arrays_and_back_is_the_same_without_a_copy(three):
    back = Decoded.from_arrays(three.arrays(), three.image_ids, three.class_names)
    assert back.images is three.images
    assert back.target(2)["labels"].tolist() == [1, 2]
    assert back.image_ids == three.image_ids


def test_arrays_that_do_not_fit_together_are_refused(three):
    with pytest.raises(ValueError, match="Arrays don't fit together"):
        Decoded.from_arrays(three.arrays() | {"labels": three.labels[:2]}, three.image_ids, three.class_names)


def test_shrinking_is_antialiased(tmp_path):
    # One-pixel stripes of 0 and 255 become an even grey; without a filter they'd stay black or white.
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    decoded = decode(data(sample(tmp_path, "a.png", encoded(Image.fromarray(stripes), "PNG"), 64, 64)), 16)
    assert np.abs(decoded.images.astype(int) - 127).max() < 20


@pytest.mark.parametrize(
    ("mode", "form"), [("L", "JPEG"), ("CMYK", "JPEG"), ("L", "PNG"), ("RGBA", "PNG"), ("P", "PNG")]
)
def test_other_colour_modes_become_rgb(tmp_path, mode, form):
    decoded = decode(data(sample(tmp_path, "a.img", encoded(photo(mode=mode), form))), 16)
    assert decoded.images.shape == (1, 3, 16, 16)
    if mode == "L":
        np.testing.assert_array_equal(decoded.images[0, 0], decoded.images[0, 2])


def with_exif(exif):
    buffer = io.BytesIO()
    photo().save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def oriented(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return with_exif(exif)


@pytest.mark.parametrize("value", [0, 1, 9])
def test_an_orientation_that_turns_nothing_is_no_defect(tmp_path, value):
    assert len(decode(data(sample(tmp_path, content=oriented(value))), 16)) == 1


def test_what_pillow_warns_of_is_not_shown_and_no_defect(tmp_path):
    cut_short = with_exif(b"Exif\0\0II*\0\x08\0\0\0\x05\0")  # five tags are announced, none follows
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(decode(data(sample(tmp_path, content=cut_short)), 16)) == 1
    assert not caught


GOOD = encoded(photo())


def deep_png(channels):
    """64 x 48 pixels of 16 bits a channel, written by hand: Pillow writes no such colours."""
    header = struct.pack(">IIBBBBB", 64, 48, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = zlib.compress(b"\0" * (48 * (1 + 64 * 2 * channels)))
    chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def cut(share):
    return GOOD[: int(len(GOOD) * share)]


DEFECTS = pytest.mark.parametrize(
    ("content", "width", "expected"),
    [
        (cut(0.5), 64, "the image is truncated or broken"),
        (cut(0.99), 64, "the image is truncated or broken"),
        (GOOD[:-2], 64, "the image is truncated or broken"),
        (encoded(photo(), "PNG")[:3000], 64, "the image is truncated or broken"),
        (GOOD[:100], 64, "the image is truncated or broken"),
        (b"", 64, "the file is no JPEG, PNG, BMP, TIFF or WebP image (0 bytes)"),
        (b"<html>not found</html>", 64, "the file is no JPEG, PNG, BMP, TIFF or WebP image (22 bytes)"),
        (encoded(photo(), "GIF"), 64, "the file is no JPEG, PNG, BMP, TIFF or WebP image"),
        *((deep_png(n), 64, "the image has 16 bits a channel, allowed are 8 or fewer") for n in (1, 2, 3, 4)),
        (GOOD, 67, "the image is 64 x 48 pixels, its annotation says 67 x 48"),
    ],
)


@DEFECTS
def test_a_bad_image_is_an_error_that_names_file_reason_and_way_out(tmp_path, content, width, expected):
    bad = sample(tmp_path, "bad.jpg", content, width)
    with pytest.raises(DataError) as caught:
        decode(data(sample(tmp_path), bad), 32)
    assert str(caught.value).startswith(f"{tmp_path / 'bad.jpg'}: ")
    assert expected in str(caught.value)
    assert "set data.on_bad_data: skip" in str(caught.value)


@DEFECTS
def test_with_skip_a_bad_image_is_left_out_with_its_objects_and_listed(tmp_path, content, width, expected):
    samples = (sample(tmp_path), sample(tmp_path, "bad.jpg", content, width), sample(tmp_path, "c.jpg"))
    before = Defect(Path("b.xml"), "broken XML")
    decoded = decode(DetectionData(("cat",), samples, (before,)), 32, on_bad_data="skip")
    assert decoded.image_ids == ("a", "c")
    assert (decoded.images.shape[0], decoded.offsets.tolist()) == (2, [0, 1, 2])
    assert decoded.defects[0] == before
    assert decoded.defects[1].path == tmp_path / "bad.jpg"
    assert expected in decoded.defects[1].reason


def test_an_image_that_vanished_is_named(tmp_path):
    gone = sample(tmp_path)
    gone.image.unlink()
    with pytest.raises(DataError, match=r"a\.jpg: the image can't be read \(No such file or directory\)"):
        decode(data(gone), 32)


def test_an_image_far_too_large_is_refused_by_its_header(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # 64 x 48 = 3072 pixels are now a bomb
    with pytest.raises(DataError, match="the image is far too large"):
        decode(data(sample(tmp_path)), 32)


def test_when_no_image_is_usable_skip_is_an_error_too(tmp_path):
    with pytest.raises(DataError, match=r"no image is usable; the first defect: .*bad\.jpg: the image is truncated"):
        decode(data(sample(tmp_path, "bad.jpg", cut(0.5))), 32, on_bad_data="skip")


def test_memory_is_checked_before_anything_is_decoded(tmp_path):
    # 2 images x 3 x 512 x 512 bytes are 1.5 MB; the files don't even exist any more.
    samples = [sample(tmp_path, name) for name in ("a.jpg", "b.jpg")]
    for each in samples:
        each.image.unlink()
    with pytest.raises(DataError) as caught:
        decode(data(*samples), 512, Memory(limit_mb=1))
    assert "2 images at 512 x 512 pixels: they take 1.5 MB decoded, more than the limit of 1 MB" in str(caught.value)
    assert "Lower data.image_size, use a smaller split, or raise data.memory_limit_mb" in str(caught.value)


def test_a_size_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="size is 0, must be at least 1"):
        decode(data(sample(tmp_path)), 0)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_any_damage_is_either_decoded_or_a_data_error(tmp_path, form):
    rng = np.random.default_rng(0)
    whole = encoded(photo(), form)
    for _ in range(150):
        damaged = bytearray(whole)
        for at in rng.integers(0, 700 if rng.random() < 0.7 else len(whole), 4):
            damaged[at] = rng.integers(256)
        samples = data(sample(tmp_path), sample(tmp_path, "bad.jpg", bytes(damaged)))
        assert len(decode(samples, 8, on_bad_data="skip")) in (1, 2)


def test_an_image_of_twenty_megapixels_is_decoded(tmp_path):
    large = Image.new("RGB", (5000, 4000), (10, 200, 30))
    decoded = decode(data(sample(tmp_path, "a.jpg", encoded(large), 5000, 4000, boxes=((0, 0, 5000, 4000),))), 32)
    np.testing.assert_allclose(decoded.boxes, [[0, 0, 32, 32]], rtol=1e-6)
    assert np.abs(decoded.images[0, :, 5, 5].astype(int) - (10, 200, 30)).max() < 4


def test_difficult_objects_may_be_left_out_of_images_that_stay(tmp_path):
    images = [sample(tmp_path, f"{n}.jpg", boxes=((0, 0, 64, 48), (16, 12, 32, 24))) for n in range(3)]
    for image, flags in zip(images, ([True, False], [True, True], [False, False]), strict=True):
        image.difficult[:] = flags
    decoded = decode(DetectionData(("cat", "dog"), tuple(images)), 32)
    plain = decoded.without_difficult()
    assert plain.images is decoded.images
    assert [plain.training_target(n)["labels"].tolist() for n in range(3)] == [[2], [], [1, 2]]
    assert [len(plain.training_target(n)["boxes"]) for n in range(3)] == [1, 0, 2]
    assert not plain.difficult.any()
    assert len(decoded.difficult) == 6  # left as it was


@pytest.mark.parametrize(("learns", "learnt"), [(True, [1, 2]), (False, [2])])
def test_what_is_flagged_is_learnt_where_the_data_says_so_and_always_measured(tmp_path, learns, learnt):
    two = sample(tmp_path, boxes=((0, 0, 64, 48), (16, 12, 32, 24)))
    two.difficult[0] = True
    decoded = decode(DetectionData(("cat", "dog"), (two,), rule="coco", learns_difficult=learns), 32)
    assert decoded.training_target(0)["labels"].tolist() == learnt
    assert len(decoded.training_target(0)["boxes"]) == len(learnt)
    assert decoded.target(0)["labels"].tolist() == [1, 2]
    again = Decoded.from_arrays(decoded.arrays(), ("a",), ("cat", "dog"), "coco", learns)
    for same in (decoded, decoded.subset([0, 0]), decoded.without_difficult(), again):
        assert (same.rule, same.learns_difficult) == ("coco", learns)
