"""COCO's layout: what each kind of bad entry in an instances file comes to, as an error and when it is skipped."""

import pytest

from trainers.data.errors import DataError, NothingUsableError
from trainers.data.formats import data_format

DEFECTS = pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"images": [{}, {"file_name": "../2.jpg"}, {}]}, "names '../2.jpg', which leads outside"),
        ({"images": [{}, {"file_name": "/etc/passwd"}, {}]}, "'/etc/passwd', which leads outside"),
        ({"images": [{}, {"file_name": "\ud800.jpg"}, {}]}, r"'\ud800.jpg', which leads outside"),
        ({"images": [{}, {"file_name": "a\0.jpg"}, {}]}, r"'a\x00.jpg', which leads outside"),
        ({"images": [{}, {"file_name": "gone.jpg"}, {}]}, "the image can't be read (No such file"),
        ({"images": [{}, {"file_name": "."}, {}]}, "the image is no file"),
        ({"images": [{}, {"file_name": 7}, {}]}, "the file_name of image 2 is 7, must be a name"),
        ({"images": [{}, {"width": -1}, {}]}, "the width of image 2 is -1, must be a whole number"),
        ({"images": [{}, {"height": 6.5}, {}]}, "the height of image 2 is 6.5, must be a whole"),
        ({"images": [{}, {"height": "6 px"}, {}]}, "the height of image 2 is '6 px', must be a whole"),
        ({"images": [{}, {"height": float("nan")}, {}]}, "the height of image 2 is nan, must be a whole"),
        ({"images": [{}, {"height": True}, {}]}, "the height of image 2 is True, must be a whole"),
        ({"images": [{}, {"width": 10**40}, {}]}, "the width of image 2 is 1000"),
        ({"images": [{}, ["2"], {}], "annotations": []}, "an image is ['2'], must be a mapping"),
        ({"images": [{}, {"id": True}, {}], "annotations": []}, "with a whole number or a name as its id"),
        ({"images": [{}, {"id": ""}, {}], "annotations": []}, "with a whole number or a name as its id"),
        ({"annotations": [{"image_id": 2, "category_id": 4}]}, "is of the category 4, which isn't in the file"),
        ({"annotations": [{"image_id": 2, "category_id": None}]}, "is of the category None, which isn't in the file"),
        (
            {"annotations": [{"image_id": 2, "iscrowd": 2}]},
            "iscrowd of object 1 of image 2 ('2.jpg') is 2, must be 0 or",
        ),
        ({"annotations": [{"image_id": 2, "iscrowd": "no"}]}, "is 'no', must be 0 or 1"),
        ({"annotations": [{"image_id": 2, "iscrowd": 0.5}]}, "is 0.5, must be 0 or 1"),
        ({"annotations": [{"image_id": 2, "category_id": 18.5}]}, "is of the category 18.5, which isn't in the file"),
        ({"annotations": [{"image_id": 2, "category_id": True}]}, "is of the category True, which isn't in the file"),
        ({"annotations": [{"image_id": 2, "bbox": [1, 2, 3]}]}, "is [1, 2, 3], must be four finite numbers"),
        ({"annotations": [{"image_id": 2, "bbox": [1, 2, 3, float("nan")]}]}, "must be four finite numbers"),
        ({"annotations": [{"image_id": 2, "bbox": [1, 2, float("inf"), 3]}]}, "must be four finite numbers"),
        ({"annotations": [{"image_id": 2, "bbox": [1, 2, "3", True]}]}, "must be four finite numbers"),
        ({"annotations": [{"image_id": 2, "bbox": None}]}, "is None, must be four finite numbers"),
        ({"annotations": [{"image_id": 2, "bbox": [1, 2, 0, 3]}]}, "has no area: it is 0 wide and 3 high"),
        ({"annotations": [{"image_id": 2, "bbox": [1, 2, 3, -1]}]}, "has no area: it is 3 wide and -1 high"),
        ({"annotations": [{"image_id": 2, "bbox": [8.1, 2, 0.2, 1]}]}, "has no area within its image"),
        ({"annotations": [{"image_id": 2, "bbox": [7, 2, 1e-12, 1]}]}, "has no area within its image"),
        ({"annotations": [{"image_id": 2, "bbox": [1, 2, 9.5, 3]}]}, "is outside its image of 8 x 6: x from 1 to 10.5"),
        ({"annotations": [{"image_id": 2, "bbox": [-3, 2, 4, 3]}]}, "is outside its image of 8 x 6: x from -3 to 1"),
        (
            {"annotations": [{"image_id": 2, "bbox": [7, 2, 3.00001, 3]}]},
            "x from 7 to 10.00001 and y from 2 to 5, allowed is x from -2 to 10 and y from -2 to 8",
        ),
        ({"annotations": [{"image_id": 2, "bbox": ["1", "2", "NaN", "3"]}]}, "must be four finite numbers"),
        ({"annotations": [{"image_id": 2, "bbox": ["1", "2", "1e999", "3"]}]}, "must be four finite numbers"),
        ({"annotations": [{"image_id": 2, "bbox": ["1", "2", "3,5", "3"]}]}, "must be four finite numbers"),
        ({"annotations": [{"image_id": 2, "bbox": "1234"}]}, "must be four finite numbers"),
        ({"annotations": [{"image_id": 2, "bbox": [0.25, 0.5, 0.5, 0.25]}]}, "must be pixels, not shares of the image"),
    ],
)


@DEFECTS
def test_a_defect_is_an_error_that_names_file_reason_and_way_out(write_coco, changes, expected):
    with pytest.raises(DataError) as caught:
        data_format("coco").image_sets(write_coco(**changes)).read("train")
    assert expected in str(caught.value)
    assert "set data.on_bad_data: skip" in str(caught.value)


@DEFECTS
def test_with_skip_the_whole_image_is_left_out_and_listed(write_coco, changes, expected):
    data = data_format("coco").image_sets(write_coco(**changes)).read("train", on_bad_data="skip")
    assert [sample.image_id for sample in data.samples] == ["1.jpg", "3.jpg"]
    (defect,) = data.defects
    assert expected in defect.reason


@pytest.mark.parametrize(
    ("double", "reasons"),
    [
        (
            [{"id": 1}, {"id": 1, "file_name": "2.jpg"}],
            ["2 images have the id 1, one of them has the file name '1.jpg'", "'2.jpg'"],
        ),
        (
            [{"id": 1}, {"id": 2, "file_name": "1.jpg"}],
            ["2 images have the file name '1.jpg', one of them has the id 1", "the id 2"],
        ),
        ([{"id": 1}, {"id": 2, "file_name": "./1.jpg"}], ["2 images have the file name '1.jpg', one of", "the id 2"]),
        ([{"id": 1}, {"id": 2, "file_name": ".//1.jpg"}], ["2 images have the file name '1.jpg', one of", "the id 2"]),
        (
            [{"id": 1}, {"id": 1, "width": -1, "file_name": "2.jpg"}],
            ["2 images have the id 1, one of", "the width of image 1"],
        ),
        ([{"id": 1}, {"id": "1.0", "file_name": "2.jpg"}], ["2 images have the id 1, one of them", "'2.jpg'"]),
        ([{"id": "a", "file_name": "1.jpg"}, {"id": "a", "file_name": "2.jpg"}], ["2 images have the id 'a', one"] * 2),
        ([{"id": 1}, {"id": 2, "file_name": r"train\1.jpg"}], ["2 images have the file name '1.jpg'", "the id 2"]),
        ([{"id": 1, "file_name": "/a/1.jpg"}, {"id": 2, "file_name": "/b/1.jpg"}], ["2 images have the file name"] * 2),
        ([{"id": 1}, {"id": 1}, {"id": 1}], ["3 images have the id 1, one of them has the file name '1.jpg'"] * 3),
    ],
)
def test_images_with_the_same_id_or_the_same_file_are_all_left_out(write_coco, double, reasons):
    root = write_coco(images=[*double, {"id": 3}], annotations=[{}, {"id": 3}])
    with pytest.raises(DataError, match=r"instances_train\.json: . images have the .* set data\.on_bad_data: skip"):
        data_format("coco").image_sets(root).read("train")
    data = data_format("coco").image_sets(root).read("train", on_bad_data="skip")
    assert [sample.image_id for sample in data.samples] == ["3.jpg"]
    images = [defect.reason for defect in data.defects if not defect.reason.startswith("annotation")]
    assert len(images) == data.left_out == len(reasons)
    assert all(expected in reason for expected, reason in zip(reasons, images, strict=True))


@pytest.mark.parametrize(
    ("stray", "expected"),
    [
        ({"image_id": 9}, "annotation 2 is of the image 9, which isn't in the file"),
        ({"image_id": [1]}, "annotation 2 is of the image [1], which isn't in the file"),
        ("dog", "annotation 2 is 'dog', must be a mapping"),
    ],
)
def test_an_annotation_of_no_image_is_a_defect_of_no_image(write_coco, stray, expected):
    root = write_coco(annotations=[{}, stray])
    with pytest.raises(DataError, match=r"instances_train\.json: annotation 2 is"):
        data_format("coco").image_sets(root).read("train")
    data = data_format("coco").image_sets(root).read("train", on_bad_data="skip")
    assert len(data.samples) == 3
    assert [defect.reason for defect in data.defects] == [expected]


def test_an_unknown_class_says_how_to_name_all(write_coco):
    with pytest.raises(DataError, match=r"unknown class 'dog'; known: cat\. Name all classes of the data in data\.cl"):
        data_format("coco").image_sets(write_coco()).read("train", class_names=["cat"])


def test_when_nothing_is_usable_every_defect_is_in_the_error(write_coco):
    with pytest.raises(NothingUsableError, match="none of the 3 images listed is usable; the first") as caught:
        data_format("coco").image_sets(write_coco()).read("train", class_names=["cat"], on_bad_data="skip")
    assert len(caught.value.defects) == 3
