"""A YOLO image set: which image has which labels, and what each kind of bad file comes to."""

import numpy as np
import pytest
from PIL import Image

from trainers.data.check import check_split
from trainers.data.decoding import decode
from trainers.data.errors import DataError, NothingUsableError
from trainers.data.formats import data_format
from trainers.data.layout import NamedFiles
from trainers.data.remarks import CLIPPED, NO_LABELS, REPEATED, Remark

YAML = "train: images/train\nval: images/val\nnames: [cat, dog]\n"


def sets(root, **named):
    return data_format("yolo").image_sets(root, **named)


@pytest.fixture
def root(write):
    """Three images of 8 x 6, a, b and c, with a dog each."""
    labels = {f"labels/train/{name}.txt": None for name in "abc"}
    return write("images/train/a.jpg images/train/b.png images/train/c.jpeg", {"data.yaml": YAML, **labels})


def test_a_label_file_belongs_to_the_image_of_its_name(root):
    data = sets(root).read("train")
    assert [sample.image_id for sample in data.samples] == ["a", "b", "c"]
    assert (data.class_names, data.rule, data.learns_difficult) == (("cat", "dog"), "coco", False)
    second = data.samples[1]
    assert (second.image, second.width, second.height) == (root / "images" / "train" / "b.png", 8, 6)
    np.testing.assert_array_equal(second.boxes, [[2, 1.5, 6, 4.5]])
    assert (second.labels.tolist(), second.difficult.tolist(), second.remarks) == ([2], [False], ())
    assert sets(root).images("train")["c"] == root / "images" / "train" / "c.jpeg"


@pytest.mark.parametrize("ending", ["JPG", "bmp", "tif", "tiff", "webp", "PNG"])
def test_a_picture_may_be_of_any_kind(root, write, ending):
    write(f"images/train/d.{ending}", {"labels/train/d.txt": None})
    data = sets(root).read("train")
    assert (data.samples[3].image.name, data.samples[3].labels.tolist()) == (f"d.{ending}", [2])
    assert len(decode(data, 16)) == 4


def test_labels_are_of_the_upright_picture(root):
    """As it is seen, it is 40 x 80 pixels, and its dog is white; stored, it lies on its side."""
    upright = np.zeros((80, 40, 3), dtype=np.uint8)
    upright[20:60, 10:30] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be seen, it is turned by a quarter clockwise
    Image.fromarray(np.rot90(upright)).save(root / "images" / "train" / "a.jpg", exif=exif, quality=95)
    data = sets(root).read("train")
    first = data.samples[0]
    assert ((first.width, first.height), first.boxes.tolist()) == ((40, 80), [[10, 20, 30, 60]])
    decoded = decode(data, 80)
    np.testing.assert_array_equal(decoded.boxes[0], [20, 20, 60, 60])  # 40 x 80 became 80 x 80
    picture = np.asarray(decoded.images[0])
    assert picture[:, 24:56, 24:56].min() > 200
    assert max(picture[:, :, :14].max(), picture[:, :14].max()) < 50


def test_an_image_without_labels_has_no_objects(root):
    (root / "labels" / "train" / "a.txt").unlink()
    (root / "labels" / "train" / "b.txt").write_text("")
    data = sets(root).read("train")
    assert [len(sample.boxes) for sample in data.samples] == [0, 0, 1]
    assert data.remarks == (Remark(NO_LABELS, 1, root / "images" / "train" / "a.jpg"),)


def test_a_set_of_which_no_image_has_labels_looks_for_them_in_the_wrong_place(root):
    for name in "abc":
        (root / "labels" / "train" / f"{name}.txt").unlink()
    with pytest.raises(DataError, match=r"none of the 3 images of .*labels/train has a label file, such as a\.txt"):
        sets(root).read("train", on_bad_data="skip")


def test_what_tools_leave_beside_data_is_none(root, write):
    write("images/train/._a.jpg", {"labels/train/classes.txt": "cat\ndog\n", "labels/train.cache": "x"})
    write("images/train/.ipynb_checkpoints/a.jpg", {"labels/train/._a.txt": "x", "labels/train/.DS_Store": "x"})
    assert len(sets(root).read("train").samples) == 3


def test_folders_below_a_set_belong_to_it(root, write):
    write("images/train/night/a.jpg", {"labels/train/night/a.txt": "0 0.5 0.5 1 1\n"})
    samples = sets(root).read("train").samples
    assert [(sample.image_id, sample.labels.tolist()) for sample in samples][-1] == ("night/a", [1])
    assert len(samples) == 4


def test_what_is_accepted_is_counted(root):
    (root / "labels" / "train" / "a.txt").write_text("0 0.5 0.5 1.25 0.5\n1 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.5 0.5\n")
    data = sets(root).read("train")
    path = root / "labels" / "train" / "a.txt"
    assert data.remarks == (Remark(CLIPPED, 1, path), Remark(REPEATED, 1, path))
    np.testing.assert_array_equal(data.samples[0].boxes, [[0, 1.5, 8, 4.5], [2, 1.5, 6, 4.5]])


def test_classes_named_otherwise_are_found_by_their_names(root):
    (root / "labels" / "train" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    data = sets(root).read("train", class_names=("bird", "dog", "cat"))
    assert [sample.labels.tolist() for sample in data.samples] == [[3], [2], [2]]
    with pytest.raises(DataError, match=r"line 1 has the unknown class 0 \(cat\), which isn't among dog, cow"):
        sets(root).read("train", class_names=("dog", "cow"))


def test_where_no_file_names_classes_the_ids_are_those_of_the_config(root):
    (root / "data.yaml").unlink()
    with pytest.raises(
        DataError, match=r"no file names its classes .* Name all classes in the order of their ids: data"
    ):
        sets(root).class_names("train")
    data = sets(root).read("train", class_names=("person", "car"))
    assert (data.class_names, data.samples[0].labels.tolist()) == (("person", "car"), [2])
    with pytest.raises(DataError, match=r"line 1 has the unknown class 1; known are 0 \(person\)"):
        sets(root).read("train", class_names=("person",))


def test_keypoints_that_the_yaml_announces_are_not_read(root):
    (root / "data.yaml").write_text(YAML + "kpt_shape: [1, 2]\n")
    for name in "abc":
        (root / "labels" / "train" / f"{name}.txt").write_text("1 0.5 0.5 0.5 0.5 0.1 0.9\n")
    np.testing.assert_array_equal(sets(root).read("train").samples[0].boxes, [[2, 1.5, 6, 4.5]])


def test_named_folders_are_read_with_the_yaml_of_the_root(root, write):
    write("photos/x.jpg", {"boxes/x.txt": None})
    named = NamedFiles({"extra": root / "boxes"}, {"extra": root / "photos"})
    data = sets(root, named=named).read("extra")
    assert [(sample.image_id, sample.labels.tolist()) for sample in data.samples] == [("x", [2])]
    assert sets(None, named=named).read("extra", class_names=("a", "b")).samples[0].labels.tolist() == [2]
    mistaken = NamedFiles({"extra": root / "data.yaml"}, {"extra": root / "photos"})
    with pytest.raises(DataError, match=r"a data YAML was named in place of the labels of a set\. Name the folder"):
        sets(root, named=mistaken).read("extra")


def without_image(root):
    (root / "images" / "train" / "b.png").unlink()
    return "labels/train/b.txt: there is no image for this label file in"


def with_two_images(root):
    Image.new("RGB", (8, 6)).save(root / "images" / "train" / "b.jpg")
    return "there are 2 images for one label file: b.jpg, b.png"


def with_an_image_that_is_none(root):
    (root / "images" / "train" / "b.png").write_text("<html>")
    return "b.png: the file is no"


def with_a_label_file_that_is_none(root):
    (root / "labels" / "train" / "b.txt").write_bytes(b"\x00\xff")
    return "b.txt: the label file is no plain text"


def with_a_bad_line(root):
    (root / "labels" / "train" / "b.txt").write_text("1 0.5 0.5 0.5\n")
    return "b.txt: line 1 has 4 columns"


def with_an_image_linked_from_outside(root):
    return _linked_from_outside(root, "images/train/b.png", "the image is a link that leads outside the data folder")


def with_labels_linked_from_outside(root):
    return _linked_from_outside(root, "labels/train/b.txt", "the label file is a link that leads outside the data")


def _linked_from_outside(root, name, expected):
    outside = root.parent / f"{root.name}-{name.replace('/', '-')}"
    (root / name).rename(outside)
    (root / name).symlink_to(outside)
    return expected


def with_a_broken_link_to_labels(root):
    (root / "labels" / "train" / "b.txt").unlink()
    (root / "labels" / "train" / "b.txt").symlink_to("nowhere.txt")
    return "the label file can't be read (No such file or directory)"


DEFECTS = pytest.mark.parametrize(
    "spoil",
    [
        without_image,
        with_two_images,
        with_an_image_that_is_none,
        with_a_label_file_that_is_none,
        with_a_bad_line,
        with_an_image_linked_from_outside,
        with_labels_linked_from_outside,
        with_a_broken_link_to_labels,
    ],
)


@DEFECTS
def test_a_defect_is_an_error_that_names_file_reason_and_way_out(root, spoil):
    expected = spoil(root)
    with pytest.raises(DataError) as caught:
        sets(root).read("train")
    assert expected in str(caught.value)
    assert str(caught.value).startswith(str(root))
    assert "data.on_bad_data: skip" in str(caught.value)


@DEFECTS
def test_with_skip_the_whole_image_is_left_out_and_listed(root, spoil):
    expected = spoil(root)
    data = sets(root).read("train", on_bad_data="skip")
    assert ([sample.image_id for sample in data.samples], data.left_out) == (["a", "c"], 1)
    (defect,) = data.defects
    assert expected in f"{defect.path}: {defect.reason}"


def test_links_are_followed_where_the_user_says_so(root):
    with_an_image_linked_from_outside(root)
    with_labels_linked_from_outside(root)
    assert len(sets(root, follow_links=True).read("train").samples) == 3


def test_a_missing_folder_is_named_with_the_way_out(root):
    with pytest.raises(
        DataError, match=r"images/val: the folder is missing\. Correct the data's YAML or data\.root, or"
    ):
        sets(root).read("val")
    with pytest.raises(DataError, match=r"images/val: the folder is missing"):
        sets(root).images("val")


def test_a_set_without_an_image_has_nothing_usable(root):
    (root / "images" / "val").mkdir()
    (root / "labels" / "val").mkdir()
    with pytest.raises(NothingUsableError, match="it lists no image"):
        sets(root).read("val")


def test_a_check_counts_and_lists(tiny_data, tmp_path):
    tiny = tiny_data("yolo", tmp_path)
    check = check_split(sets(tiny), "train")
    assert {name: (count.objects, count.images) for name, count in check.classes.items()} == {
        "cat": (4, 4),
        "dog": (4, 4),
    }
    assert (check.images, check.total.objects, check.defects) == (8, 8, ())
