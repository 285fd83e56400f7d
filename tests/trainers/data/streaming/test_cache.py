"""A cache of images is made once, whole or not at all, and anew when it is damaged or its files change."""

import os
import shutil
from pathlib import Path

import pytest

from trainers.data.errors import DataError
from trainers.data.streaming import making

BYTES = 3 * 32 * 32


@pytest.fixture
def root(tiny_root, tmp_path):
    return Path(shutil.copytree(tiny_root, tmp_path / "data"))


@pytest.fixture
def decoded_images(monkeypatch):
    """Counts the images that are decoded in this process."""
    seen, read = [], making.read_picture

    def counted(sample, size):
        seen.append(sample.image_id)
        return read(sample, size)

    monkeypatch.setattr(making, "read_picture", counted)
    return seen


def only_folder(cache):
    (found,) = (one for one in cache.iterdir() if not one.name.startswith("."))
    return found


def test_it_is_made_once_and_has_every_pixel(root, tmp_path, streamed, decoded_images):
    for _ in range(2):
        streamed(root, tmp_path / "cache")
    assert len(decoded_images) == 8
    assert (only_folder(tmp_path / "cache") / "pixels").stat().st_size == 8 * BYTES


def test_without_pixels_only_what_is_known_of_the_images_is_kept(root, tmp_path, streamed, decoded_images):
    for _ in range(2):
        streamed(root, tmp_path / "cache", pixels=False).fingerprint()
    assert len(decoded_images) == 8
    assert sorted(file.name for file in only_folder(tmp_path / "cache").iterdir()) == ["digests.json", "survey.npz"]


def test_a_fingerprint_is_not_computed_twice(root, tmp_path, streamed, monkeypatch):
    known = streamed(root, tmp_path / "cache").fingerprint()
    monkeypatch.setattr("trainers.data.streaming.images.StreamedImages.__getitem__", None)
    assert streamed(root, tmp_path / "cache").fingerprint() == known


def test_a_changed_file_gets_a_cache_of_its_own(root, tmp_path, streamed, decoded_images):
    streamed(root, tmp_path / "cache")
    image = root / "VOCdevkit" / "VOC2007" / "JPEGImages" / "train_0.jpg"
    os.utime(image, ns=(1, 1))
    streamed(root, tmp_path / "cache")
    assert len(decoded_images) == 16


def test_changed_objects_need_no_new_cache(root, tmp_path, streamed, decoded_images):
    before = streamed(root, tmp_path / "cache")
    annotation = root / "VOCdevkit" / "VOC2007" / "Annotations" / "train_1.xml"
    annotation.write_text(annotation.read_text().replace("<name>dog</name>", "<name>cat</name>"))
    after = streamed(root, tmp_path / "cache")
    assert len(decoded_images) == 8
    assert before.fingerprint() != after.fingerprint()


@pytest.mark.parametrize("harm", ["cut", "flipped", "survey", "gone"])
def test_a_damaged_one_is_made_anew(root, tmp_path, streamed, recorded_progress, harm):
    known = streamed(root, tmp_path / "cache").fingerprint()
    place, progress = only_folder(tmp_path / "cache"), recorded_progress()
    pixels = (place / "pixels").read_bytes()
    if harm == "cut":
        (place / "pixels").write_bytes(pixels[:-1])
    elif harm == "flipped":
        (place / "pixels").write_bytes(bytes([pixels[0] ^ 1]) + pixels[1:])
        os.utime(place / "pixels", ns=(1, 1))
    elif harm == "survey":
        (place / "survey.npz").write_bytes(b"PK")
    else:
        (place / "pixels").unlink()
    again = streamed(root, tmp_path / "cache", progress=progress)
    assert f"The cache of images in {place} is damaged or incomplete. It is made anew." in progress.notes
    assert (place / "pixels").read_bytes() == pixels
    assert again.fingerprint() == known


def test_a_copied_one_is_compared_and_kept(root, tmp_path, streamed, decoded_images):
    streamed(root, tmp_path / "cache")
    os.utime(only_folder(tmp_path / "cache") / "pixels", ns=(1, 1))
    streamed(root, tmp_path / "cache")
    assert len(decoded_images) == 8


@pytest.mark.parametrize("workers", [0, 1])
def test_damage_while_it_is_read_is_told_and_the_next_start_makes_it_anew(root, tmp_path, streamed, workers):
    data = streamed(root, tmp_path / "cache", workers=workers)
    place = only_folder(tmp_path / "cache")
    with (place / "pixels").open("r+b") as file:
        file.seek(3 * BYTES)
        byte = file.read(1)[0]
        file.seek(3 * BYTES)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(DataError, match=r"pixels: this cache of images is damaged\. Start the same command again"):
        list(data.batches(4, seed=0, epoch=0, augment=True))
    again = streamed(root, tmp_path / "cache")
    assert len(list(again.batches(4, seed=0, epoch=0, augment=True))) == 2


def test_too_full_a_disk_is_told_before_an_image_is_decoded(root, tmp_path, streamed, decoded_images, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=2**14)  # of 24 KiB
    monkeypatch.setattr("trainers.data.streaming.cache.shutil.disk_usage", lambda folder: full)
    with pytest.raises(DataError, match=r"the disk has 0\.0 MB free, the cache of 8 images takes 0\.0 MB\. Make room"):
        streamed(root, tmp_path / "cache")
    assert decoded_images == []
    assert [one.name for one in (tmp_path / "cache").iterdir() if not one.name.endswith(".lock")] == []


def test_nothing_is_left_of_one_that_could_not_be_finished(root, tmp_path, streamed):
    (root / "VOCdevkit" / "VOC2007" / "JPEGImages" / "train_5.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"train_5\.jpg: the file is no JPEG"):
        streamed(root, tmp_path / "cache")
    assert [one.name for one in (tmp_path / "cache").iterdir() if not one.name.endswith(".lock")] == []


@pytest.mark.parametrize("pixels", [True, False])
def test_a_bad_image_is_left_out_and_its_reason_is_kept(root, tmp_path, streamed, pixels):
    (root / "VOCdevkit" / "VOC2007" / "JPEGImages" / "train_5.jpg").write_bytes(b"no picture")
    for _ in range(2):
        data = streamed(root, tmp_path / "cache", pixels=pixels, on_bad_data="skip")
        assert (len(data), data.left_out, data.image_ids[5]) == (7, 1, "train_6")
        assert data.defects[0].reason.startswith("the file is no JPEG")
        assert len(list(data.batches(7, seed=0, epoch=0, augment=False))) == 1
    with pytest.raises(DataError, match=r"train_5\.jpg: the file is no JPEG"):
        streamed(root, tmp_path / "cache", pixels=pixels)
