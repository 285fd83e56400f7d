"""What instances files of other tools hold that COCO's don't: each is read, with the boxes where the object is."""

import json

import numpy as np
import pytest
from PIL import Image

from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.data.remarks import CLIPPED, SIZE_OF_PICTURE, Remark


def read(root):
    return data_format("coco").image_sets(root).read("train")


@pytest.mark.parametrize(
    "spelling", [str, float, "{}.0".format, "000{}".format, "frame {}".format, lambda number: f"{number:x}-{number}"]
)
def test_ids_of_images_may_be_texts_and_floats(write_coco, spelling):
    images = [{"id": spelling(k), "file_name": f"{k}.jpg"} for k in (1, 2, 3)]
    annotations = [{"id": k, "image_id": spelling(k), "bbox": [k, 0, 1, 1]} for k in (3, 1, 2)]
    data = read(write_coco(images=images, annotations=annotations))
    assert [sample.boxes.tolist() for sample in data.samples] == [[[k, 0, k + 1, 1]] for k in (1, 2, 3)]


@pytest.mark.parametrize(("of_image", "of_annotation"), [("12", 12.0), (12.0, "12"), (12, "12.0"), ("0012", 12)])
def test_one_id_may_be_spelt_in_two_ways(write_coco, of_image, of_annotation):
    images = [{"id": of_image, "file_name": "1.jpg"}]
    root = write_coco(images=images, annotations=[{"id": 1, "image_id": of_annotation}])
    assert read(root).samples[0].boxes.tolist() == [[1, 2, 4.5, 6]]


@pytest.mark.parametrize(("of_category", "of_annotation"), [("18", 18), (18, "18"), (18.0, 18), (18, 18.0)])
def test_ids_of_categories_may_be_texts_and_floats_and_decide_the_order_as_numbers(
    write_coco, of_category, of_annotation
):
    categories = [{"id": of_category, "name": "dog"}, {"id": "3", "name": "car"}]
    data = read(write_coco(categories=categories, annotations=[{"id": 1, "image_id": 1, "category_id": of_annotation}]))
    assert data.class_names == ("car", "dog")
    assert data.samples[0].labels.tolist() == [2]


@pytest.mark.parametrize("ids", [(1, 1, 1), ("a", "b", "b"), ([], {}, None), (True, 1, 1.0)])
def test_ids_of_annotations_dont_matter(write_coco, ids):
    data = read(write_coco(annotations=[{"id": one, "image_id": k} for k, one in enumerate(ids, start=1)]))
    assert [sample.boxes.tolist() for sample in data.samples] == [[[1, 2, 4.5, 6]]] * 3


def test_a_crowd_has_many_spellings(write_coco):
    values = [0, False, None, 0.0, "0", 1, True, 1.0, "1"]
    data = read(write_coco(annotations=[{"id": k, "image_id": 1, "iscrowd": one} for k, one in enumerate(values)]))
    assert data.samples[0].difficult.tolist() == [False] * 5 + [True] * 4


def test_sizes_and_boxes_may_be_texts_and_floats(write_coco):
    image = {"id": 1, "width": "8", "height": 6.0}
    root = write_coco(images=[image], annotations=[{"id": 1, "image_id": 1, "bbox": ["1", "2.0", 3.5, "4e0"]}])
    sample = read(root).samples[0]
    assert (sample.width, sample.height, sample.boxes.tolist()) == (8, 6, [[1, 2, 4.5, 6]])
    assert isinstance(sample.width, int)
    assert sample.remarks == ()


@pytest.mark.parametrize("without", ["absent", "null"])
def test_a_file_without_annotations_is_one_of_images_without_objects(write_coco, without):
    root = write_coco()
    file = root / "annotations" / "instances_train.json"
    content = json.loads(file.read_text()) | {"annotations": None}
    if without == "absent":
        del content["annotations"]
    file.write_text(json.dumps(content))
    data = read(root)
    assert [sample.boxes.shape for sample in data.samples] == [(0, 4)] * 3
    assert data.class_names == ("car", "dog")


@pytest.mark.parametrize(
    ("width", "height"), [(0, 0), (None, None), ("0", 0.0), (8, 0), (None, "6"), ("absent", "absent")]
)
def test_a_size_that_is_missing_is_that_of_the_picture(write_coco, width, height):
    root = write_coco()
    file = root / "annotations" / "instances_train.json"
    content = json.loads(file.read_text())
    sides = {"width": width, "height": height}
    for name, side in sides.items():
        content["images"][1][name] = side
        if side == "absent":
            del content["images"][1][name]
    file.write_text(json.dumps(content))
    Image.new("RGB", (8, 6)).save(root / "train" / "2.jpg")
    data = read(root)
    assert (data.samples[1].width, data.samples[1].height) == (8, 6)
    assert data.samples[1].boxes.tolist() == [[1, 2, 4.5, 6]]
    assert data.remarks == (Remark(SIZE_OF_PICTURE, 1, root / "train" / "2.jpg"),)


def test_the_size_of_a_picture_that_exif_turns_is_the_upright_one(write_coco):
    root = write_coco(images=[{"width": None, "height": None}, {}, {}])
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("RGB", (6, 8)).save(root / "train" / "1.jpg", exif=exif)
    sample = read(root).samples[0]
    assert (sample.width, sample.height) == (8, 6)


def test_a_picture_whose_header_is_broken_has_no_size(write_coco):
    root = write_coco(images=[{"id": 1, "width": 0}])
    with pytest.raises(DataError, match=r"train/1\.jpg: the file is no"):
        read(root)


def test_a_missing_picture_without_a_size_is_one_defect(write_coco):
    root = write_coco(images=[{}, {"id": 2, "file_name": "gone.jpg", "width": None}, {}])
    data = data_format("coco").image_sets(root).read("train", on_bad_data="skip")
    (defect,) = data.defects
    assert "the image can't be read (No such file" in defect.reason


def test_other_keys_may_be_null(write_coco):
    root = write_coco(
        images=[{"id": 1, "license": None, "date_captured": None, "coco_url": None}],
        annotations=[{"id": None, "image_id": 1, "area": None, "segmentation": None, "iscrowd": None}],
        categories=[{"id": 18, "name": "dog", "supercategory": None}],
    )
    assert read(root).samples[0].boxes.tolist() == [[1, 2, 4.5, 6]]


@pytest.mark.parametrize(
    ("bbox", "inside", "clipped"),
    [
        ([0, 0, 8, 6], [0, 0, 8, 6], 0),
        ([-0.5, -0.5, 9, 7], [0, 0, 8, 6], 0),  # rounding
        ([-1, -1, 4, 4], [0, 0, 3, 3], 1),
        ([-2, -2, 12, 10], [0, 0, 8, 6], 1),
        ([5, 4, 5, 4], [5, 4, 8, 6], 1),
        ([7, 5, 1, 1.51], [7, 5, 8, 6], 1),
        ([1.1, 0, 8.9, 6], [1.1, 0, 8, 6], 1),  # the sum is no exact 10
    ],
)
def test_a_box_up_to_two_pixels_beyond_its_image_is_clipped_and_counted(write_coco, bbox, inside, clipped):
    root = write_coco(annotations=[{"id": 1, "image_id": 2, "bbox": bbox}, {"id": 2, "image_id": 2}])
    data = read(root)
    np.testing.assert_array_equal(data.samples[1].boxes, np.float32([inside, [1, 2, 4.5, 6]]))
    assert data.remarks == ((Remark(CLIPPED, 1, root / "train" / "2.jpg"),) if clipped else ())


def test_clipped_boxes_are_counted_one_by_one(write_coco):
    annotations = [{"id": k, "image_id": 2 + k % 2, "bbox": [-1, 0, 3, 3]} for k in range(5)]
    root = write_coco(annotations=annotations)
    assert str(read(root).remarks[0]) == f"{CLIPPED}: 5, the first: {root}/train/2.jpg"
