"""Pictures as a classifier's training reads them."""

import pickle
from itertools import chain

import numpy as np
import pytest
import torch
from picture_folder import write_pictures
from PIL import Image

from trainers.data.classes.folder import find_pictures
from trainers.data.classes.pictures import Pictures
from trainers.data.errors import DataError
from trainers.progress import SilentProgress


@pytest.fixture
def root(tmp_path):
    return write_pictures(tmp_path / "colours", {"train": 4})


def pictures(root, **settings):
    return Pictures(find_pictures(root, "train"), 32, **settings)


def read(data, **asked):
    asked = {"seed": 1, "epoch": 0, "augment": True, **asked}
    batches = list(data.batches(4, **asked))
    images = list(chain.from_iterable(images for images, _ in batches))
    return torch.stack(images), torch.cat([target["labels"] for _, targets in batches for target in targets])


def test_without_augmentation_the_middle_comes_in_order(tmp_path):
    ramp = np.tile(np.arange(128, dtype=np.uint8)[None, :, None], (64, 1, 3))  # 128 wide, 64 high
    for name in ("a", "b"):
        (tmp_path / "train" / name).mkdir(parents=True)
        Image.fromarray(ramp).save(tmp_path / "train" / name / "0.png")
    images, labels = read(Pictures(find_pictures(tmp_path, "train"), 56), augment=False)
    assert images.shape == (2, 3, 56, 56)  # of 64 pixels, 8/7 of 56, as the picture's height is: nothing is resized
    assert labels.tolist() == [0, 1]
    expected = torch.arange(36, 92) / 255  # columns (128 - 56) / 2 and on
    torch.testing.assert_close(images[0, 0, 0], expected)


def test_a_crop_depends_on_seed_epoch_and_picture_alone(root, generators):
    data = pictures(root)
    with generators:
        images, labels = read(data)
    assert images.shape == (12, 3, 32, 32)
    assert sorted(labels.tolist()) == [0] * 4 + [1] * 4 + [2] * 4
    brightest = images.mean((2, 3)).argmax(1)  # red, green, blue are channels 0, 1, 2 and classes 2, 1, 0
    assert torch.equal(2 - brightest, labels)
    again, _ = read(pickle.loads(pickle.dumps(data)), skip=1)  # noqa: S301 - our own
    assert torch.equal(again, images[4:])
    parts = [read(data, part=(rank, 2))[0] for rank in (0, 1)]
    for number in range(3):
        halves = torch.cat([part[2 * number : 2 * number + 2] for part in parts])
        assert torch.equal(halves, images[4 * number : 4 * number + 4])
    assert not torch.equal(read(data, epoch=1)[0], images)
    assert not torch.equal(read(data, seed=2)[0], images)


def test_processes_that_read_ahead_make_the_same_batches(root):
    assert torch.equal(read(pictures(root, workers=1))[0], read(pictures(root))[0])


def test_half_of_the_pictures_are_mirrored(tmp_path):
    ramp = np.tile(np.arange(0, 240, 5, dtype=np.uint8)[None, :, None], (48, 1, 3))
    for name in ("a", "b"):
        (tmp_path / "train" / name).mkdir(parents=True)
        for number in range(100):
            Image.fromarray(ramp).save(tmp_path / "train" / name / f"{number}.png")
    images, _ = read(Pictures(find_pictures(tmp_path, "train"), 32))
    mirrored = (images[:, 0, 16, 0] > images[:, 0, 16, -1]).sum()
    assert 80 <= int(mirrored) <= 120  # 100 of 200, by three standard deviations of 7


def test_the_fingerprint_follows_the_files_which_are_looked_at_once(root):
    data = pictures(root)
    before = data.fingerprint()
    assert pictures(root, workers=3, crop_scale=0.5).fingerprint() == before
    (root / "train" / "red" / "0.jpg").write_bytes(b"shorter")
    assert data.fingerprint() == before
    assert pictures(root).fingerprint() != before


def test_a_thin_picture_is_never_resized_to_more_than_eight_times_its_side(tmp_path, monkeypatch):
    row = np.zeros((1, 3000, 3), dtype=np.uint8)
    row[:, 1496:1504] = 200  # all that is looked at
    for name, pixels in (("a", row), ("b", row.transpose(1, 0, 2))):
        (tmp_path / "train" / name).mkdir(parents=True)
        Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / "train" / name / "0.png")
    resize, sizes = Image.Image.resize, []

    def resized(image, size, *options, **more):
        sizes.append(max(size))
        return resize(image, size, *options, **more)

    monkeypatch.setattr(Image.Image, "resize", resized)
    data = pictures(tmp_path)
    images, _ = read(data, augment=False)
    assert torch.equal(images, torch.full((2, 3, 32, 32), 200 / 255))
    read(data)
    assert max(sizes) == 8 * 37  # 8/7 of 32


@pytest.mark.parametrize("workers", [0, 1])
def test_all_broken_pictures_are_counted_and_the_first_named(root, workers):
    broken = [root / "train" / "blue" / f"{number}.jpg" for number in range(4)]
    for file in broken:
        file.write_bytes(file.read_bytes()[:200])
    link = root / "train" / "red" / "2.jpg"
    link.unlink()
    link.symlink_to(root / "gone.jpg")
    data = pictures(root, workers=workers)
    assert data.fingerprint() == pictures(root).fingerprint()
    with pytest.raises(DataError) as raised:
        data.check("pictures", SilentProgress())
    text = str(raised.value)
    assert f"{root / 'train'}: 5 of 12 pictures can't be read: {broken[0]}: the image is truncated or broken" in text
    assert text.endswith("; and 2 more. Repair or remove such files.")
    with pytest.raises(DataError, match=r"Repair or remove such files"):
        read(pictures(root))
