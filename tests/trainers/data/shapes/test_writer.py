import hashlib
import json
import os

import pytest

from trainers.data.decoding import decode
from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.data.shapes.scene import Difficulty
from trainers.data.shapes.writer import SHAPE_CLASSES, write_shapes

SIZES = {"train": 6, "val": 3}


def digests(root):
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def written(tmp_path):
    write_shapes(tmp_path / "data", sizes=SIZES, image_size=64)
    return tmp_path / "data"


def test_what_is_written_is_read_and_decoded_without_defects(written):
    for split, count in SIZES.items():
        data = data_format("voc").image_sets(written).read(split, class_names=SHAPE_CLASSES)
        assert len(data.samples) == count
        decoded = decode(data, 48)
        assert (decoded.images.shape, decoded.defects) == ((count, 3, 48, 48), ())
        assert data.samples[0].image_id == f"{split}_000000"


def test_the_same_seed_is_the_same_to_the_byte_and_another_one_differs(written, tmp_path):
    write_shapes(tmp_path / "again", sizes=SIZES, image_size=64)
    write_shapes(tmp_path / "other", sizes=SIZES, image_size=64, seed=1)
    assert digests(tmp_path / "again") == digests(written)
    first, other = digests(written), digests(tmp_path / "other")
    images = [name for name in first if name.endswith(".jpg")]
    assert len(images) == 9
    assert all(first[name] != other[name] for name in images)


def test_an_image_does_not_depend_on_the_sizes_or_the_other_splits(written, tmp_path):
    write_shapes(tmp_path / "small", sizes={"val": 2}, image_size=64)
    small, large = digests(tmp_path / "small"), digests(written)
    kept = [name for name in small if name.endswith((".jpg", ".xml"))]
    assert len(kept) == 4
    assert all(small[name] == large[name] for name in kept)


def test_train_and_val_share_no_image(written):
    images = [digest for name, digest in digests(written).items() if name.endswith(".jpg")]
    assert len(set(images)) == len(images)


def test_a_finished_folder_is_left_alone(written):
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    write_shapes(written, sizes=SIZES, image_size=64)
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"seed": 1}, "seed is 0, asked for 1"),
        ({"image_size": 96}, "image_size is 64, asked for 96"),
        ({"sizes": {"train": 6}}, "sizes is {'train': 6, 'val': 3}, asked for {'train': 6}"),
        ({"difficulty": Difficulty(noise=0.0)}, "difficulty is"),
    ],
)
def test_a_folder_of_other_settings_is_refused_and_named(written, other, expected):
    before = digests(written)
    with pytest.raises(DataError) as caught:
        write_shapes(written, **{"sizes": SIZES, "image_size": 64, **other})
    assert str(caught.value).startswith(f"{written}: holds a data set of other settings: ")
    assert expected in str(caught.value)
    assert "Let data.root name another folder, or delete this one" in str(caught.value)
    assert digests(written) == before


@pytest.mark.parametrize("content", ["{", "[]", '"shapes"'])
def test_a_broken_settings_file_is_refused(written, content):
    (written / "shapes.json").write_text(content)
    with pytest.raises(DataError, match=r"shapes\.json: can't be read|holds a data set of other settings"):
        write_shapes(written, sizes=SIZES, image_size=64)


def test_a_folder_with_other_things_in_it_is_refused_and_kept(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="mine: is there already, and no generated data set"):
        write_shapes(tmp_path / "mine", sizes=SIZES, image_size=64)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_an_empty_folder_is_filled_and_parents_are_made(tmp_path):
    (tmp_path / "empty").mkdir()
    write_shapes(tmp_path / "empty", sizes={"val": 1}, image_size=64)
    write_shapes(tmp_path / "a" / "b" / "c", sizes={"val": 1}, image_size=64)
    assert json.loads((tmp_path / "a" / "b" / "c" / "shapes.json").read_text())["sizes"] == {"val": 1}


def test_when_writing_fails_nothing_is_left(tmp_path, monkeypatch):
    def fail():
        raise OSError("disk full")

    monkeypatch.setattr(os, "sync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_shapes(tmp_path / "data", sizes={"val": 1}, image_size=64)
    assert list(tmp_path.iterdir()) == []


def test_when_another_process_was_faster_its_result_is_taken(tmp_path, monkeypatch):
    def meanwhile():
        monkeypatch.undo()
        write_shapes(tmp_path / "data", sizes={"val": 1}, image_size=64)

    monkeypatch.setattr(os, "sync", meanwhile)
    write_shapes(tmp_path / "data", sizes={"val": 1}, image_size=64)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": {}}, "sizes is empty"),
        ({"sizes": {"../x": 1}}, r"A split is called '\.\./x'"),
        ({"sizes": {"train": 0}}, "The size of the split train is 0, must be at least 1"),
        ({"image_size": 16}, "image_size is 16, must be at least 32"),
        ({"seed": -1}, "seed is -1, must not be negative"),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_written(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        write_shapes(tmp_path / "data", **arguments)
    assert list(tmp_path.iterdir()) == []
