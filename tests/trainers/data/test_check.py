"""Reading all of a data set: counts by class, and every defect."""

import json
import os
from pathlib import Path

import pytest

from trainers.data.check import Count, check_split
from trainers.data.decoding import decode
from trainers.data.formats import data_format

ROOT = os.environ.get("BITFRONT_VOC_ROOT")

# Images 0, 3 and 6 of the tiny data sets' eight have a flagged object, with the classes 0, 1 and 0.
EXPECTED = {
    "voc": ({"cat": Count(4, 2, 4), "dog": Count(4, 1, 4)}, 0, Count(8, 3, 8)),
    "coco": ({"cat": Count(4, 2, 4), "dog": Count(4, 1, 4)}, 0, Count(8, 3, 8)),
    "visdrone": ({"car": Count(4, 0, 4), "bus": Count(4, 0, 4)}, 3, Count(8, 0, 8)),
    "yolo": ({"cat": Count(4, 0, 4), "dog": Count(4, 0, 4)}, 0, Count(8, 0, 8)),
}


@pytest.mark.parametrize("form", EXPECTED)
def test_objects_are_counted_by_class(tiny_data, tmp_path, form):
    check = check_split(data_format(form).image_sets(tiny_data(form, tmp_path)), "train")
    classes = {name: count for name, count in check.classes.items() if count != Count(0, 0, 0)}
    assert (classes, check.regions, check.total) == EXPECTED[form]
    assert (check.split, check.images, check.defects) == ("train", 8, ())


def test_defects_of_files_and_of_images_are_all_listed(tiny_data, tmp_path):
    root = tiny_data("coco", tmp_path)
    (root / "train" / "train_1.jpg").unlink()
    (root / "train" / "train_2.jpg").write_bytes((root / "train" / "train_2.jpg").read_bytes()[:600])
    check = check_split(data_format("coco").image_sets(root), "train")
    assert (check.images, check.total) == (6, Count(6, 3, 6))
    assert [defect.path.name for defect in check.defects] == ["train_1.jpg", "train_2.jpg"]


TWO_DEFECTS = {
    "voc": (
        "VOCdevkit/VOC2007/Annotations/train_1.xml",
        "<annotation><size><width>64</width><height>48</height></size><object><name>cta</name>"
        "<bndbox><xmin>9</xmin><ymin>1</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object><object><name>dog</name>"
        "</object></annotation>",
        [
            "object 1 is of the unknown class 'cta'",
            "is reversed",
            "object 2 ('dog') has no <bndbox>",
        ],
    ),
    "visdrone": (
        "VisDrone2019-DET-train/annotations/train_1.txt",
        "1,2,3\n0,0,9,9,1,4,0,0\n0,0,-3,9,1,4,0,0\n60,0,9,9,2,4,0,0\n",
        ["line 1 has 3 columns", "the box in line 3 has no area", "the score in line 4 is 2"],
    ),
    "yolo": (
        "labels/train/train_1.txt",
        "0 0.5 0.5\n1 0.5 0.5 0.5 0.5\n1 0.5 0.5 0 0.5\n2 0.5 0.5 0.5 0.5\n",
        ["line 1 has 3 columns", "the box in line 3 has no area", "line 4 has the unknown class 2"],
    ),
}


@pytest.mark.parametrize("form", TWO_DEFECTS)
def test_all_defects_of_a_file_are_listed_and_are_of_one_image(tiny_data, tmp_path, form):
    root = tiny_data(form, tmp_path)
    name, content, expected = TWO_DEFECTS[form]
    (root / name).write_text(content)
    check = check_split(data_format(form).image_sets(root), "train")
    assert [defect.path for defect in check.defects] == [root / name] * len(expected)
    for defect, reason in zip(check.defects, expected, strict=True):
        assert reason in defect.reason
    assert check.images == 7
    assert data_format(form).image_sets(root).read("train", on_bad_data="skip").left_out == 1


def test_of_cocos_images_all_defects_are_listed_and_those_of_none_cost_none(tiny_data, tmp_path):
    root = tiny_data("coco", tmp_path)
    file = root / "annotations" / "instances_train.json"
    content = json.loads(file.read_text())
    first = content["annotations"][0]
    first |= {"category_id": 5, "bbox": [0, 0, 0, 9], "iscrowd": 7}
    content["annotations"].append({**first, "id": 99, "image_id": 1234})
    file.write_text(json.dumps(content))
    (root / "train" / "train_0.jpg").unlink()
    (root / "train" / "train_5.jpg").write_bytes(b"")
    data = data_format("coco").image_sets(root).read("train", on_bad_data="skip")
    reasons = [defect.reason for defect in data.defects]
    for reason, expected in zip(
        reasons,
        ("the image can't be read", "category 5", "has no area", "iscrowd of object 1", "the image 1234, which isn't"),
        strict=True,
    ):
        assert expected in reason
    assert (len(data.samples), data.left_out) == (7, 1)
    decoded = decode(data, 8, on_bad_data="skip")
    assert (len(decoded), decoded.left_out, len(decoded.defects)) == (6, 2, 6)
    assert decoded.subset([0]).left_out == 2


def test_a_file_of_another_kind_has_no_endless_list(tiny_data, tmp_path):
    root = tiny_data("visdrone", tmp_path)
    (root / "VisDrone2019-DET-train" / "annotations" / "train_1.txt").write_text("a\n" * 100)
    defects = check_split(data_format("visdrone").image_sets(root), "train").defects
    assert len(defects) == 20
    assert defects[-1].reason == "has 81 more defects"


def test_where_nothing_is_usable_every_defect_is_listed_all_the_same(tiny_data, tmp_path):
    root = tiny_data("visdrone", tmp_path)
    for image in (root / "VisDrone2019-DET-val" / "images").iterdir():
        image.write_bytes(b"")
    check = check_split(data_format("visdrone").image_sets(root), "val")
    assert (check.images, len(check.defects)) == (0, 4)
    root = tiny_data("voc", tmp_path / "voc")
    for image in (root / "VOCdevkit" / "VOC2007" / "JPEGImages").glob("val_*"):
        image.write_bytes(image.read_bytes()[:-20])
    assert len(check_split(data_format("voc").image_sets(root), "val").defects) == 4


def test_a_file_that_is_no_instances_file_is_one_defect(tiny_data, tmp_path):
    root = tiny_data("coco", tmp_path)
    (root / "annotations" / "instances_val.json").write_text("{")
    (defect,) = check_split(data_format("coco").image_sets(root), "val").defects
    assert defect.path == root / "annotations" / "instances_val.json"
    assert "broken JSON" in defect.reason


def test_a_format_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"No format is called 'kitti'\. Known: voc, coco, visdrone, yolo"):
        data_format("kitti")


@pytest.mark.skipif(not ROOT, reason="BITFRONT_VOC_ROOT doesn't name a folder that holds VOCdevkit")
@pytest.mark.parametrize(
    ("split", "images", "total", "person"),
    [
        ("val", 500, Count(1379, 327, 500), Count(576, 100, 235)),
        # Decoding 2000 images and more takes longer than five seconds.
        pytest.param("train", 2000, Count(4921, 1216, 2000), Count(1782, 247, 835), marks=pytest.mark.slow),
        pytest.param("trainval", 2500, Count(6300, 1543, 2500), Count(2358, 347, 1070), marks=pytest.mark.slow),
        pytest.param("test", 1250, Count(3293, 784, 1250), Count(1226, 229, 523), marks=pytest.mark.slow),
    ],
)
def test_the_real_subset_has_its_published_counts(split, images, total, person):
    check = check_split(data_format("voc").image_sets(Path(ROOT or "")), split)
    assert (check.images, check.defects, check.total) == (images, (), total)
    assert check.classes["person"] == person
