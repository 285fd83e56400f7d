"""The pictures of a folder with a sub folder for each class."""

import shutil

import pytest
from picture_folder import write_pictures

from trainers.data.classes.folder import find_pictures
from trainers.data.errors import DataError


@pytest.fixture
def root(tmp_path):
    return write_pictures(tmp_path / "colours", {"train": 2, "val": 1})


def test_classes_are_the_sorted_sub_folders_and_hidden_files_count_for_nothing(root):
    inner = root / "train" / "green" / "more"
    inner.mkdir()
    shutil.copy(root / "train" / "green" / "0.jpg", inner / "A.JPEG")
    for stray in ("train/.DS_Store", "train/red/._0.jpg", "train/red/notes.txt"):
        (root / stray).write_bytes(b"")
    (root / "train" / ".cache").mkdir()
    found = find_pictures(root, "train")
    assert found.classes == ("blue", "green", "red")
    assert found.files == (
        *("blue/0.jpg", "blue/1.jpg", "green/0.jpg", "green/1.jpg", "green/more/A.JPEG", "red/0.jpg", "red/1.jpg"),
    )
    assert found.labels == (0, 0, 1, 1, 1, 2, 2)


def test_a_set_to_measure_on_has_the_labels_of_the_training_set(root):
    shutil.rmtree(root / "val" / "blue")
    found = find_pictures(root, "val", ("blue", "green", "red"))
    assert (found.files, found.labels) == (("green/0.jpg", "red/0.jpg"), (1, 2))


def gone(root):
    shutil.rmtree(root)


def without_val(root):
    shutil.rmtree(root / "val")


def flat(root):
    for name in ("blue", "green", "red"):
        (root / "train" / name / "0.jpg").rename(root / "train" / f"{name}.jpg")
        shutil.rmtree(root / "train" / name)


def one_class(root):
    for name in ("blue", "green"):
        shutil.rmtree(root / "train" / name)


def empty_class(root):
    (root / "train" / "violet").mkdir()


def strange_class(root):
    (root / "val" / "red").rename(root / "val" / "rad")


def no_pictures(root):
    for file in (root / "val").rglob("*.jpg"):
        file.rename(file.with_suffix(".heic"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (gone, "/colours: there is no such folder. Name the folder that holds the sets. A picture lies in ROOT/SET/CL"),
        (without_val, "/colours: it has no set 'val' but 'train'. Name a folder in it."),
        (flat, "/colours/train: it has no sub folders, so no classes. A picture lies in"),
        (one_class, "/colours/train: it has one class, 'red', and a classifier needs two or more."),
        (empty_class, "/colours/train: 1 of its classes have no pictures: 'violet'. Add some or remove them."),
        (strange_class, "/colours/val: it has 1 classes that the training set lacks: 'rad'. Remove them here, or add"),
        (no_pictures, "/colours/val: it has no pictures. A picture lies in ROOT/SET/CLASS"),
    ],
)
def test_what_no_classifier_can_be_trained_on_is_refused(root, change, message):
    change(root)
    with pytest.raises(DataError) as raised:
        find_pictures(root, "val", find_pictures(root, "train").classes)
    assert message in str(raised.value)
