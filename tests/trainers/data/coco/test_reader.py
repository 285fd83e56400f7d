"""COCO's layout: what is read, and which files are."""

import shutil

import numpy as np
import pytest

from trainers.data.coco.classes import COCO_CLASSES
from trainers.data.disjoint import shared_images
from trainers.data.errors import DataError
from trainers.data.formats import data_format


def test_images_come_in_the_order_of_the_file_with_corners_and_labels_in_the_order_of_category_ids(write_coco):
    data = data_format("coco").image_sets(write_coco()).read("train")
    assert [sample.image_id for sample in data.samples] == ["1.jpg", "2.jpg", "3.jpg"]
    first = data.samples[0]
    assert (first.width, first.height) == (8, 6)
    np.testing.assert_array_equal(first.boxes, [[1, 2, 4.5, 6]])
    assert (data.class_names, data.defects) == (("car", "dog"), ())
    assert first.labels.tolist() == [2]


def test_classes_that_are_named_decide_the_labels(write_coco):
    sample, *_ = data_format("coco").image_sets(write_coco()).read("train", class_names=["dog", "cat", "car"]).samples
    assert sample.labels.tolist() == [1]


def test_crowds_are_marked_difficult(write_coco):
    crowd = [{"id": 1, "image_id": 1, "iscrowd": 1}, {"id": 2, "image_id": 1, "iscrowd": 0}, {"id": 3, "image_id": 1}]
    assert data_format("coco").image_sets(write_coco(annotations=crowd)).read("train").samples[
        0
    ].difficult.tolist() == [True, False, False]


def test_an_image_without_annotations_is_an_image_without_objects(write_coco):
    data = data_format("coco").image_sets(write_coco(annotations=[])).read("train")
    assert [sample.boxes.shape for sample in data.samples] == [(0, 4)] * 3


def test_half_a_pixel_beyond_the_border_is_rounding_and_cut(write_coco):
    root = write_coco(annotations=[{"id": 1, "image_id": 1, "bbox": [-0.5, 0, 9.0, 6.5]}])
    np.testing.assert_array_equal(data_format("coco").image_sets(root).read("train").samples[0].boxes, [[0, 0, 8, 6]])


def test_there_are_eighty_classes_of_cocos_own():
    assert (len(COCO_CLASSES), len(set(COCO_CLASSES))) == (80, 80)
    assert (COCO_CLASSES[0], COCO_CLASSES[17], COCO_CLASSES[-1]) == ("person", "horse", "toothbrush")


def test_splits_places_and_classes_are_known_before_the_images_are(write_coco):
    root = write_coco()
    assert data_format("coco").image_sets(root).names() == ["train"]
    assert data_format("coco").image_sets(root).images("train") == {
        f"{n}.jpg": root / "train" / f"{n}.jpg" for n in (1, 2, 3)
    }
    assert data_format("coco").image_sets(root).class_names("train") == ("car", "dog")


@pytest.mark.parametrize("name", ["/etc/hostname", "../val/1.jpg", "a\0.jpg"])
def test_a_name_that_leads_outside_is_no_place_and_never_opened(write_coco, monkeypatch, name):
    opened = []
    monkeypatch.setattr("trainers.data.disjoint.digest_of", lambda path: opened.append(path) or path.name)
    root = write_coco(images=[{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": name}], annotations=[])
    (root / "train" / "1.jpg").write_bytes(b"x")
    shutil.copytree(root / "train", root / "val")
    shutil.copy(root / "annotations" / "instances_train.json", root / "annotations" / "instances_val.json")
    places = [data_format("coco").image_sets(root).images(split) for split in ("train", "val")]
    assert [list(one) for one in places] == [["1.jpg"]] * 2
    assert [one.ids for one in shared_images(dict(zip(("train", "val"), places, strict=True)))] == [("1.jpg", "1.jpg")]
    assert opened == [root / "train" / "1.jpg", root / "val" / "1.jpg"]


def test_a_missing_root_or_split_says_what_is_there(write_coco, tmp_path):
    with pytest.raises(DataError, match=r"it doesn't exist\. Let --data, data\.root or BITFRONT_COCO"):
        data_format("coco").image_sets(tmp_path / "none").read("train")
    with pytest.raises(DataError, match=r"there is no image set 'val'\. Choose one .* there: train"):
        data_format("coco").image_sets(write_coco()).read("val")


@pytest.mark.parametrize("split", ["../train", "/etc/passwd", "", "train.json"])
def test_a_split_is_a_name_and_no_path(write_coco, split):
    with pytest.raises(DataError, match="there is no image set"):
        data_format("coco").image_sets(write_coco()).read(split)


def test_an_image_has_one_name_however_its_file_writes_it(write_coco):
    root = write_coco(images=[{"id": 1, "file_name": "./1.jpg"}, {"id": 2}, {"id": 3, "file_name": ".//3.jpg"}])
    assert [sample.image_id for sample in data_format("coco").image_sets(root).read("train").samples] == [
        "1.jpg",
        "2.jpg",
        "3.jpg",
    ]
    assert data_format("coco").image_sets(root).images("train") == {
        f"{n}.jpg": root / "train" / f"{n}.jpg" for n in (1, 2, 3)
    }


def test_an_image_that_is_a_link_to_outside_is_refused_and_one_within_the_root_is_not(write_coco, tmp_path):
    root = write_coco()
    outside = tmp_path.parent / f"{tmp_path.name}-outside.jpg"
    outside.touch()
    (root / "val").mkdir()
    (root / "val" / "3.jpg").touch()
    for number, target in ((2, outside), (3, root / "val" / "3.jpg")):
        (root / "train" / f"{number}.jpg").unlink()
        (root / "train" / f"{number}.jpg").symlink_to(target)
    data = data_format("coco").image_sets(root).read("train", on_bad_data="skip")
    assert [sample.image_id for sample in data.samples] == ["1.jpg", "3.jpg"]
    assert "the image is a link that leads outside the data folder" in data.defects[0].reason


def test_a_whole_folder_may_lie_elsewhere(write_coco, tmp_path):
    root = write_coco()
    (root / "train").rename(tmp_path.parent / f"{tmp_path.name}-images")
    (root / "train").symlink_to(tmp_path.parent / f"{tmp_path.name}-images")
    assert len(data_format("coco").image_sets(root).read("train").samples) == 3
