"""VisDrone-DET's layout: what is read, and what each kind of bad file comes to."""

import numpy as np
import pytest
from PIL import Image

from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.data.remarks import CLIPPED, NO_HEIGHT, Remark
from trainers.data.sample import REGION
from trainers.data.visdrone.reader import VISDRONE_CLASSES

CAR = "1,2,3,4,1,4,0,0"


@pytest.fixture
def folder(tmp_path):
    """Three images of 8 x 6, a, b and c, with a car each."""
    base = tmp_path / "VisDrone2019-DET-train"
    for name in ("annotations", "images"):
        (base / name).mkdir(parents=True)
    for name in "abc":
        Image.new("RGB", (8, 6)).save(base / "images" / f"{name}.jpg")
        (base / "annotations" / f"{name}.txt").write_text(f"{CAR}\n")
    return base


def rows(folder, *lines):
    (folder / "annotations" / "b.txt").write_text("\n".join(lines))


def test_columns_become_corners_labels_and_flags(folder):
    rows(folder, "0,1,2,3,1,1,0,2", "", "1,1,7,5,1,10,1,1,", "2,2,1,1,0,9,0,0")
    data = data_format("visdrone").image_sets(folder.parent).read("train")
    assert [sample.image_id for sample in data.samples] == ["a", "b", "c"]
    assert data.class_names == VISDRONE_CLASSES
    second = data.samples[1]
    assert (second.image, second.width, second.height) == (folder / "images" / "b.jpg", 8, 6)
    np.testing.assert_array_equal(second.boxes, [[0, 1, 2, 4], [1, 1, 8, 6], [2, 2, 3, 3]])
    assert second.labels.tolist() == [1, 10, 9]
    assert second.difficult.tolist() == [False, False, True]


def test_others_are_left_out_and_ignored_regions_are_flagged_and_cut_at_the_border(folder):
    rows(folder, "1,1,2,2,1,11,0,0", "-2,3,20,20,0,0,0,0", "30,30,2,2,0,0,0,0", "5,4,7,0,0,0,0,0", CAR)
    second = data_format("visdrone").image_sets(folder.parent).read("train").samples[1]
    assert second.labels.tolist() == [REGION, 4]
    assert second.difficult.tolist() == [True, False]
    np.testing.assert_array_equal(second.boxes, [[0, 3, 8, 6], [1, 2, 4, 6]])


def test_a_box_up_to_two_pixels_beyond_the_image_is_clipped_and_counted(folder):
    rows(folder, "-2,-1,5,4,1,4,0,0", CAR, "6,4,4,4,1,9,0,0", "3,3,4,3,1,1,0,0")
    data = data_format("visdrone").image_sets(folder.parent).read("train")
    np.testing.assert_array_equal(data.samples[1].boxes, [[0, 0, 3, 3], [1, 2, 4, 6], [6, 4, 8, 6], [3, 3, 7, 6]])
    assert data.remarks == (Remark(CLIPPED, 2, folder / "annotations" / "b.txt"),)


def test_objects_of_no_width_or_height_are_skipped_and_counted(folder):
    rows(folder, "1,2,0,4,1,4,0,0", "1,2,3,0,1,9,0,0", CAR, "1,2,0,0,0,1,0,0", "1,2,0,4,0,0,0,0", "1,2,0,4,1,11,0,0")
    data = data_format("visdrone").image_sets(folder.parent).read("train")
    assert data.samples[1].labels.tolist() == [4]
    assert data.remarks == (
        Remark(NO_HEIGHT, 3, folder / "annotations" / "b.txt"),
    )  # regions and others aren't counted


def test_what_systems_leave_beside_data_is_none(folder):
    for name in ("annotations/._a.txt", "images/._a.jpg", "images/Thumbs.db", "annotations/.DS_Store"):
        (folder / name).write_bytes(b"\0")
    assert len(data_format("visdrone").image_sets(folder.parent).read("train").samples) == 3


def test_an_empty_file_is_an_image_without_objects(folder):
    rows(folder)
    assert data_format("visdrone").image_sets(folder.parent).read("train").samples[1].boxes.shape == (0, 4)


def test_there_are_ten_classes():
    assert (len(VISDRONE_CLASSES), VISDRONE_CLASSES[3], VISDRONE_CLASSES[9]) == (10, "car", "motor")


def test_other_classes_are_refused(folder):
    assert (
        len(data_format("visdrone").image_sets(folder.parent).read("train", class_names=VISDRONE_CLASSES).samples) == 3
    )
    with pytest.raises(DataError, match=r"its classes are pedestrian, .*, but cat were asked for"):
        data_format("visdrone").image_sets(folder.parent).read("train", class_names=["cat"])


def test_splits_and_places_are_known_without_reading(folder):
    (folder.parent / "VisDrone2019-DET-test-dev").mkdir()
    assert data_format("visdrone").image_sets(folder.parent).names() == ["test-dev", "train"]
    assert data_format("visdrone").image_sets(folder.parent).images("train")["b"] == folder / "images" / "b.jpg"


def test_what_is_missing_is_told_with_what_is_there(folder, tmp_path):
    with pytest.raises(DataError, match=r"it doesn't exist\. Let --data, data\.root or"):
        data_format("visdrone").image_sets(tmp_path / "none").read("train")
    with pytest.raises(DataError, match=r"there is no image set 'val'\. Choose one .* there: train"):
        data_format("visdrone").image_sets(folder.parent).read("val")
    (folder / "images").rename(folder / "pictures")
    with pytest.raises(DataError, match="images: the folder is missing"):
        data_format("visdrone").image_sets(folder.parent).read("train")


def without_annotation(folder):
    (folder / "annotations" / "b.txt").unlink()
    return "the annotation can't be read (No such file or directory)"


def without_image(folder):
    (folder / "images" / "b.jpg").unlink()
    return "the image can't be read (No such file or directory)"


def with_two_images(folder):
    Image.new("RGB", (8, 6)).save(folder / "images" / "b.png")
    return "there are 2 images for one annotation: b.jpg, b.png"


def with_an_image_that_is_none(folder):
    (folder / "images" / "b.jpg").write_text("<html>")
    return "the file is no JPEG, PNG, BMP, TIFF or WebP image (6 bytes)"


def with_an_image_linked_from_outside(folder):
    outside = folder.parent.parent / f"{folder.parent.name}-outside.jpg"
    (folder / "images" / "b.jpg").rename(outside)
    (folder / "images" / "b.jpg").symlink_to(outside)
    return "the image is a link that leads outside the data folder"


def with_an_annotation_linked_from_outside(folder):
    (folder / "annotations" / "b.txt").unlink()
    (folder / "annotations" / "b.txt").symlink_to("/etc/hostname")
    return "the annotation is a link that leads outside the data folder"


def with_binary(folder):
    (folder / "annotations" / "b.txt").write_bytes(b"1,2\xff")
    return "the annotation is no plain text (ordinal not in range(128) at byte 3)"


def with_rows(line, expected):
    def spoil(folder):
        rows(folder, CAR, line)
        return expected

    return spoil


DEFECTS = pytest.mark.parametrize(
    "spoil",
    [
        without_annotation,
        without_image,
        with_two_images,
        with_an_image_that_is_none,
        with_an_image_linked_from_outside,
        with_an_annotation_linked_from_outside,
        with_binary,
        with_rows("1,2,3,4,1,4,0", "line 2 has 7 columns, must have eight: left, top, width, height, score"),
        with_rows("1,2,3,4,1,4,0,0,,", "line 2 has 9 columns, must have eight"),
        with_rows("1,2,nan,4,1,4,0,0", "the width in line 2 is 'nan', must be a whole number"),
        with_rows("1,2,1e1,4,1,4,0,0", "the width in line 2 is '1e1', must be a whole number"),
        with_rows("1,2,,4,1,4,0,0", "the width in line 2 is '', must be a whole number"),
        with_rows(f"{'9' * 400},2,3,4,1,4,0,0", "the left in line 2 is '9999"),
        with_rows("1,2,3,4,2,4,0,0", "the score in line 2 is 2, must be 0 to 1"),
        with_rows("1,2,3,4,1,12,0,0", "the category in line 2 is 12, must be 0 to 11"),
        with_rows("1,2,3,4,1,-1,0,0", "the category in line 2 is -1, must be 0 to 11"),
        with_rows("1,2,3,-4,1,4,0,0", "the box in line 2 has no area: it is 3 wide and -4 high"),
        with_rows("-3,2,9,4,1,4,0,0", "the box in line 2 is outside its image of 8 x 6: x from -3 to 6"),
        with_rows("1,3,3,6,1,4,0,0", "is outside its image of 8 x 6: x from 1 to 4 and y from 3 to 9"),
        with_rows("8,2,2,4,1,4,0,0", "is outside its image of 8 x 6: x from 8 to 10"),  # two pixels, but none inside
    ],
)


@DEFECTS
def test_a_defect_is_an_error_that_names_file_reason_and_way_out(folder, spoil):
    expected = spoil(folder)
    with pytest.raises(DataError) as caught:
        data_format("visdrone").image_sets(folder.parent).read("train")
    assert expected in str(caught.value)
    assert str(caught.value).startswith(str(folder))
    assert "set data.on_bad_data: skip" in str(caught.value)


@DEFECTS
def test_with_skip_the_whole_image_is_left_out_and_listed(folder, spoil):
    expected = spoil(folder)
    data = data_format("visdrone").image_sets(folder.parent).read("train", on_bad_data="skip")
    assert [sample.image_id for sample in data.samples] == ["a", "c"]
    (defect,) = data.defects
    assert expected in defect.reason
