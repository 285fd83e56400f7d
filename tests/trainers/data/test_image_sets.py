"""Which files belong to an image set: by a layout, by the user's word, or not to be said."""

import pytest
from PIL import Image

from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.data.image_sets import ImageSets
from trainers.data.layout import Layout, NamedFiles, SetFiles


def flat(root):
    return {path.stem: (SetFiles(root, path, root / "images"),) for path in root.glob("*.txt")}


def nested(root):
    return {path.stem: (SetFiles(root, path, root / path.stem),) for path in (root / "lists").glob("*.txt")}


class Form:
    title = "Test"
    layouts = (Layout("flat lists", flat), Layout("lists in a folder", nested))
    name_the_root = "Name the folder"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "lists").mkdir()
    for name in ("train.txt", "lists/val.txt"):
        (tmp_path / name).touch()
    return tmp_path


def test_sets_of_all_layouts_are_known_and_each_has_the_files_of_its_own(root):
    sets = ImageSets(Form, root)
    assert sets.names() == ["train", "val"]
    assert sets.files("train") == (SetFiles(root, root / "train.txt", root / "images"),)
    assert sets.files("val") == (SetFiles(root, root / "lists" / "val.txt", root / "val"),)


def test_a_set_with_two_readings_is_asked_about_with_both_keys(root):
    (root / "lists" / "train.txt").touch()
    with pytest.raises(
        DataError, match=r"flat lists .* or lists in a folder .*data\.annotations\.train .* and data\.im"
    ):
        ImageSets(Form, root).files("train")
    named = NamedFiles({"train": root / "train.txt"}, {"train": root / "lists"})
    assert ImageSets(Form, root, named).files("train") == (SetFiles(root, root / "train.txt", root / "lists"),)


def test_what_is_named_replaces_what_a_layout_says(root):
    (root / "photos").mkdir()
    images = ImageSets(Form, root, NamedFiles({}, {"train": root / "photos"}), follow_links=True)
    assert images.files("train") == (SetFiles(root, root / "train.txt", root / "photos", follow_links=True),)
    annotations = ImageSets(Form, root, NamedFiles({"val": root / "train.txt"}, {}))
    assert annotations.files("val") == (SetFiles(root, root / "train.txt", root / "val"),)


def test_without_a_root_all_is_named(root):
    sets = ImageSets(Form, None, NamedFiles({"train": root / "train.txt"}, {"train": root / "lists"}))
    assert sets.names() == ["train"]
    assert sets.files("train") == (SetFiles(root / "lists", root / "train.txt", root / "lists"),)
    with pytest.raises(DataError, match=r"there is no image set 'val'\. Choose one of those there: train"):
        sets.files("val")


@pytest.mark.parametrize(
    ("annotations", "images", "message"),
    [
        (
            {"new": "train.txt"},
            {},
            r"nothing says where its images are\. Name these too: data\.images\.new",
        ),
        ({}, {"new": "lists"}, r"nothing says where its annotations are\. Name these too: data\.annotations\.new"),
        (
            {"train": "none.txt"},
            {},
            r"none\.txt: there is nothing here, but data\.annotations\.train \(.*\) names it",
        ),
    ],
)
def test_what_is_named_must_be_complete_and_there(root, annotations, images, message):
    named = NamedFiles(*({name: root / path for name, path in one.items()} for one in (annotations, images)))
    with pytest.raises(DataError, match=message):
        ImageSets(Form, root, named).files(next(iter(named.sets)))


def test_what_a_set_is_read_as_is_one_line(root):
    line = f"train: read as Test (flat lists): annotations in {root}/train.txt, images in {root}/images"
    assert ImageSets(Form, root).reading("train") == line


def test_named_files_of_a_format_are_read(tiny_data, tmp_path):
    root = tiny_data("coco", tmp_path / "data")
    (root / "annotations" / "instances_train.json").rename(tmp_path / "labels.json")
    (root / "train").rename(tmp_path / "photos")
    named = NamedFiles({"mine": tmp_path / "labels.json"}, {"mine": tmp_path / "photos"})
    data = data_format("coco").image_sets(None, named).read("mine")
    assert len(data.samples) == 8
    assert Image.open(data.samples[0].image).size == (data.samples[0].width, data.samples[0].height)
