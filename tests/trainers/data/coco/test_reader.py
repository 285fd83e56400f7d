"""COCO's layout: what is read, and which files are."""

import shutil

import numpy as np
import pytest

from trainers.data.coco.classes import COCO_CLASSES
from trainers.data.coco.reader import coco_classes, coco_places, coco_splits, read_coco
from trainers.data.errors import DataError
from trainers.data.formats import shared_images


def test_images_come_in_the_order_of_the_file_with_corners_and_labels_in_the_order_of_category_ids(write_coco):
    data = read_coco(write_coco(), "train")
    assert [sample.image_id for sample in data.samples] == ["1.jpg", "2.jpg", "3.jpg"]
    first = data.samples[0]
    assert (first.width, first.height) == (8, 6)
    np.testing.assert_array_equal(first.boxes, [[1, 2, 4.5, 6]])
    assert (data.class_names, data.defects) == (("car", "dog"), ())
    assert first.labels.tolist() == [2]


def test_classes_that_are_named_decide_the_labels(write_coco):
    assert read_coco(write_coco(), "train", class_names=["dog", "cat", "car"]).samples[0].labels.tolist() == [1]


def test_crowds_are_marked_difficult(write_coco):
    crowd = [{"id": 1, "image_id": 1, "iscrowd": 1}, {"id": 2, "image_id": 1, "iscrowd": 0}, {"id": 3, "image_id": 1}]
    assert read_coco(write_coco(annotations=crowd), "train").samples[0].difficult.tolist() == [True, False, False]


def test_an_image_without_annotations_is_an_image_without_objects(write_coco):
    data = read_coco(write_coco(annotations=[]), "train")
    assert [sample.boxes.shape for sample in data.samples] == [(0, 4)] * 3


def test_half_a_pixel_beyond_the_border_is_rounding_and_cut(write_coco):
    root = write_coco(annotations=[{"id": 1, "image_id": 1, "bbox": [-0.5, 0, 9.0, 6.5]}])
    np.testing.assert_array_equal(read_coco(root, "train").samples[0].boxes, [[0, 0, 8, 6]])


def test_there_are_eighty_classes_of_cocos_own():
    assert (len(COCO_CLASSES), len(set(COCO_CLASSES))) == (80, 80)
    assert (COCO_CLASSES[0], COCO_CLASSES[17], COCO_CLASSES[-1]) == ("person", "horse", "toothbrush")


def test_splits_places_and_classes_are_known_before_the_images_are(write_coco):
    root = write_coco()
    assert coco_splits(root) == ["train"]
    assert coco_places(root, "train") == {f"{n}.jpg": root / "train" / f"{n}.jpg" for n in (1, 2, 3)}
    assert coco_classes(root, "train") == ("car", "dog")


@pytest.mark.parametrize("name", ["/etc/hostname", "../val/1.jpg", "a\0.jpg"])
def test_a_name_that_leads_outside_is_no_place_and_never_opened(write_coco, monkeypatch, name):
    opened = []
    monkeypatch.setattr("filecmp.cmp", lambda one, other, **options: opened.append(one) or True)
    root = write_coco(images=[{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": name}], annotations=[])
    shutil.copytree(root / "train", root / "val")
    shutil.copy(root / "annotations" / "instances_train.json", root / "annotations" / "instances_val.json")
    places = [coco_places(root, split) for split in ("train", "val")]
    assert [list(one) for one in places] == [["1.jpg"]] * 2
    assert shared_images(*places) == ["1.jpg"]
    assert opened == [root / "train" / "1.jpg"]


def test_a_missing_root_or_split_says_what_is_there(write_coco, tmp_path):
    with pytest.raises(DataError, match=r"no instances_<split>\.json here\. Let --data, data\.root or BITFRONT_COCO"):
        read_coco(tmp_path / "none", "train")
    with pytest.raises(DataError, match=r"instances_val\.json: there is no such split\. Choose one .* there: train"):
        read_coco(write_coco(), "val")


@pytest.mark.parametrize("split", ["../train", "/etc/passwd", "", "train.json"])
def test_a_split_is_a_name_and_no_path(write_coco, split):
    with pytest.raises(DataError, match="there is no such split"):
        read_coco(write_coco(), split)


def test_an_image_has_one_name_however_its_file_writes_it(write_coco):
    root = write_coco(images=[{"id": 1, "file_name": "./1.jpg"}, {"id": 2}, {"id": 3, "file_name": ".//3.jpg"}])
    assert [sample.image_id for sample in read_coco(root, "train").samples] == ["1.jpg", "2.jpg", "3.jpg"]
    assert coco_places(root, "train") == {f"{n}.jpg": root / "train" / f"{n}.jpg" for n in (1, 2, 3)}


def test_an_image_that_is_a_link_to_outside_is_refused_and_one_within_the_root_is_not(write_coco, tmp_path):
    root = write_coco()
    outside = tmp_path.parent / f"{tmp_path.name}-outside.jpg"
    outside.touch()
    (root / "val").mkdir()
    (root / "val" / "3.jpg").touch()
    for number, target in ((2, outside), (3, root / "val" / "3.jpg")):
        (root / "train" / f"{number}.jpg").unlink()
        (root / "train" / f"{number}.jpg").symlink_to(target)
    data = read_coco(root, "train", on_bad_data="skip")
    assert [sample.image_id for sample in data.samples] == ["1.jpg", "3.jpg"]
    assert "the image is a link that leads outside the data folder" in data.defects[0].reason


def test_a_whole_folder_may_lie_elsewhere(write_coco, tmp_path):
    root = write_coco()
    (root / "train").rename(tmp_path.parent / f"{tmp_path.name}-images")
    (root / "train").symlink_to(tmp_path.parent / f"{tmp_path.name}-images")
    assert len(read_coco(root, "train").samples) == 3
