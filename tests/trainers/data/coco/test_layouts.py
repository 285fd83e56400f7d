"""COCO's layouts: which files belong to an image set, and which are none of its own."""

import json

import numpy as np
import pytest
from PIL import Image

from trainers.data.check import check_split
from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.data.layout import SetFiles

CATEGORIES = [{"id": 1, "name": "cat", "supercategory": "x"}, {"id": 2, "name": "dog", "supercategory": "x"}]


def write_set(file, images, names=("a.jpg", "b.jpg", "c.jpg"), categories=CATEGORIES):
    """A set of blue pictures of 120 x 90 pixels, each with a yellow object at (20, 30) to (70, 70)."""
    for folder in (file.parent, images):
        folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        picture = Image.new("RGB", (120, 90), "blue")
        picture.paste("yellow", (20, 30, 70, 70))
        picture.save(images / name)
    entries = [{"id": k, "file_name": name, "width": 120, "height": 90} for k, name in enumerate(names)]
    objects = [{"id": k, "image_id": k, "category_id": 1 + k % 2, "bbox": [20, 30, 50, 40]} for k in range(len(names))]
    file.write_text(json.dumps({"images": entries, "annotations": objects, "categories": categories}))


def sets_of(root):
    return data_format("coco").image_sets(root)


def assert_whole(root, split):
    """Three images of one object, with the boxes where the yellow is, and no defect in annotations or pictures."""
    data = sets_of(root).read(split)
    assert data.class_names == ("cat", "dog")
    assert [sample.boxes.tolist() for sample in data.samples] == [[[20, 30, 70, 70]]] * 3
    assert [sample.labels.tolist() for sample in data.samples] == [[1], [2], [1]]
    for sample in data.samples:
        yellow = np.asarray(Image.open(sample.image))[..., 2] < 128
        assert np.abs(np.argwhere(yellow).min(0) - (30, 20)).max() <= 1
        assert np.abs(np.argwhere(yellow).max(0) - (69, 69)).max() <= 1
    check = check_split(sets_of(root), split)
    assert (check.images, check.total.objects, check.defects) == (3, 3, ())


LAYOUTS = {
    "COCO 2017 as unpacked": (["train2017", "val2017"], "annotations/instances_{}.json", "{}"),
    "COCO's images in one folder, a folder a set": (
        ["train", "val", "test"],
        "annotations/instances_{}.json",
        "images/{}",
    ),
    "CVAT without subsets": (["default"], "annotations/instances_default.json", "images"),
    "CVAT with a folder a set": (["default"], "annotations/instances_default.json", "images/default"),
    "plain names": (["train", "my set"], "annotations/{}.json", "{}"),
    "plain names and one folder": (["train", "val2017", "test-dev"], "annotations/{}.json", "images/{}"),
    "plain names and all images together": (["Train", "valid"], "annotations/{}.json", "images"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_read_whole(tmp_path, layout):
    names, file, images = LAYOUTS[layout]
    for name in names:
        write_set(tmp_path / file.format(name), tmp_path / images.format(name))
    assert sets_of(tmp_path).names() == sorted(names)
    for name in names:
        part = SetFiles(tmp_path, tmp_path / file.format(name), tmp_path / images.format(name))
        assert sets_of(tmp_path).files(name) == (part,)
        assert_whole(tmp_path, name)


def test_coco_2017_as_unpacked_has_the_sets_of_its_instances_files(tmp_path):
    for name in ("train2017", "val2017"):
        write_set(tmp_path / "annotations" / f"instances_{name}.json", tmp_path / name)
        for kind in ("person_keypoints", "captions", "panoptic", "stuff"):
            (tmp_path / "annotations" / f"{kind}_{name}.json").write_text("{")
    (tmp_path / "annotations" / "image_info_test-dev2017.json").write_text("{")
    (tmp_path / "annotations" / "panoptic_val2017").mkdir()
    (tmp_path / "panoptic_val2017").mkdir()
    assert sets_of(tmp_path).names() == ["train2017", "val2017"]


def test_roboflows_export_is_read_without_its_root_category(tmp_path):
    root_category = {"id": 0, "name": "pets", "supercategory": "none"}
    classes = [category | {"supercategory": "pets"} for category in CATEGORIES]
    for name in ("train", "valid", "test"):
        file = tmp_path / name / "_annotations.coco.json"
        write_set(file, tmp_path / name, categories=[root_category, *classes])
    (tmp_path / "README.roboflow.txt").touch()
    assert sets_of(tmp_path).names() == ["test", "train", "valid"]
    for name in ("train", "valid", "test"):
        assert_whole(tmp_path, name)


def test_what_a_set_is_read_as_is_one_line(tmp_path):
    write_set(tmp_path / "train" / "_annotations.coco.json", tmp_path / "train")
    assert sets_of(tmp_path).reading("train") == (
        "train: read as COCO (<split>/_annotations.coco.json beside its images): annotations in "
        f"{tmp_path}/train/_annotations.coco.json, images in {tmp_path}/train"
    )


def test_the_nearer_folder_is_taken_where_images_holds_other_sets(tmp_path):
    write_set(tmp_path / "annotations" / "instances_train.json", tmp_path / "images" / "train")
    write_set(tmp_path / "annotations" / "instances_val.json", tmp_path / "val")
    write_set(tmp_path / "annotations" / "instances_test.json", tmp_path / "images")
    folders = {name: sets_of(tmp_path).files(name)[0].images for name in ("train", "val", "test")}
    assert folders == {"train": tmp_path / "images" / "train", "val": tmp_path / "val", "test": tmp_path / "images"}


@pytest.mark.parametrize(
    ("second", "ways"),
    [
        (
            "images/train/a.jpg",
            r"images in <split>/ \(.*\) or .* images in images/<split>/ or images/ \(.*images/train\)",
        ),
        ("annotations/train.json", r"instances_<split>.json with .*\) or annotations/<split>.json with images"),
        ("train/_annotations.coco.json", r"instances_<split>.json .* or <split>/_annotations.coco.json beside its"),
    ],
)
def test_a_set_that_can_be_read_in_two_ways_is_asked_about(tmp_path, second, ways):
    write_set(tmp_path / "annotations" / "instances_train.json", tmp_path / "train")
    (tmp_path / second).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / second).write_text("{")
    with pytest.raises(
        DataError, match=rf"the set train can be read as .*{ways}.*data\.annotations\.train .* data\.images\.train"
    ):
        sets_of(tmp_path).files("train")


def test_a_folder_that_is_a_link_to_the_other_is_no_second_reading(tmp_path):
    write_set(tmp_path / "annotations" / "instances_train.json", tmp_path / "train")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "train").symlink_to(tmp_path / "train")
    assert_whole(tmp_path, "train")


def test_a_set_whose_folder_is_missing_says_which_is_looked_for(tmp_path):
    write_set(tmp_path / "annotations" / "instances_train.json", tmp_path / "photos")
    with pytest.raises(DataError, match=rf"{tmp_path}/train/a\.jpg: the image can't be read \(No such file"):
        sets_of(tmp_path).read("train")


@pytest.mark.parametrize(
    "files",
    [
        ["annotations/._instances_train.json", "annotations/._train.json", "._train/_annotations.coco.json"],
        ["annotations/instances_.json", "annotations/instances_...json", ".cache/_annotations.coco.json"],
        ["annotations/0001.json", "annotations/train_0002.json", "images/0001.jpg"],  # a file an image
        ["annotations/train.xml", "Annotations/a.xml", "labels/train/a.txt", "images/train/a.jpg", "data.yaml"],
        ["VisDrone2019-DET-train/annotations/a.txt", "VisDrone2019-DET-train/images/a.jpg"],
        ["annotations/images.json", "annotations/annotations.json", "images/a.jpg"],
        ["train/a.json", "train/a.jpg", "annotations.json"],
    ],
)
def test_what_isnt_coco_is_no_set(tmp_path, files):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    with pytest.raises(DataError, match=r"there is no COCO data here: looked for annotations/instances_<split>\.json"):
        sets_of(tmp_path).names()


@pytest.mark.parametrize("root", ["none", "file", "x" * 300])
def test_a_root_that_is_no_folder_has_no_sets(tmp_path, root):
    (tmp_path / "file").touch()
    assert [dict(layout.sets(tmp_path / root)) for layout in data_format("coco").layouts] == [{}] * 5


@pytest.mark.parametrize("file", ["annotations/instances_train.json", "train/_annotations.coco.json"])
def test_a_folder_within_coco_data_leads_one_floor_up(tmp_path, file):
    write_set(tmp_path / file, tmp_path / "train")
    folder, name = file.split("/")
    with pytest.raises(DataError, match=rf"no COCO data here: .*/{folder} holds {name}: let --data or data\.root name"):
        sets_of(tmp_path / folder).names()
    assert_whole(tmp_path, "train")
