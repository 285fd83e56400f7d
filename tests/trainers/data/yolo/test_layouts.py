"""Where the files of YOLO data may lie, and which image set is what."""

import pytest

from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.data.layout import SetFiles
from trainers.data.yolo.places import as_labels, place_below

NAMES = "names: [cat, dog]\n"


def sets(root):
    return data_format("yolo").image_sets(root)


def folders(root, name):
    """By which folders of labels and of images a set is read."""
    return [
        (str(part.annotations.relative_to(root)), str(part.images.relative_to(root))) for part in sets(root).files(name)
    ]


def classes(root, name):
    """The labels of the objects of each image, by its path below the root."""
    data = sets(root).read(name, class_names=("cat", "dog"))
    return {str(sample.image.relative_to(root)): sample.labels.tolist() for sample in data.samples}


def test_folders_of_images_and_labels_have_a_folder_for_each_set(write):
    root = write(
        "images/train2017/a.jpg images/my-val/b.jpg", {"labels/train2017/a.txt": None, "labels/my-val/b.txt": None}
    )
    assert sets(root).names() == ["my-val", "train2017"]
    assert folders(root, "my-val") == [("labels/my-val", "images/my-val")]
    assert classes(root, "train2017") == {"images/train2017/a.jpg": [2]}
    assert "train2017: read as YOLO (images/<set> with labels/<set>): annotations in" in sets(root).reading("train2017")


def test_each_set_has_a_folder_of_images_and_labels(write):
    root = write("train/images/a.jpg valid/images/b.jpg", {"train/labels/a.txt": None, "valid/labels/b.txt": None})
    assert sets(root).names() == ["train", "valid"]
    assert folders(root, "valid") == [("valid/labels", "valid/images")]


def test_a_roboflow_export_has_the_sets_that_its_yaml_names(write):
    yaml = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\n" + NAMES
    images = "train/images/a.jpg valid/images/b.jpg test/images/c.jpg"
    labels = {f"{name}/labels/{file}.txt": None for name, file in (("train", "a"), ("valid", "b"), ("test", "c"))}
    root = write(images, {"data.yaml": yaml, "README.dataset.txt": "An export.\n", **labels})
    assert sets(root).names() == ["test", "train", "val"]
    assert folders(root, "val") == [("valid/labels", "valid/images")]
    assert classes(root, "val") == {"valid/images/b.jpg": [2]}
    assert sets(root).class_names("val") == ("cat", "dog")
    assert "val: read as YOLO (a data YAML with train, val and names): annotations in" in sets(root).reading("val")


def test_a_set_that_the_yaml_leaves_out_is_found_by_its_folder(write):
    labels = {"labels/train/a.txt": None, "labels/extra/b.txt": None}
    root = write("images/train/a.jpg images/extra/b.jpg", {"data.yaml": f"train: images/train\n{NAMES}", **labels})
    assert sets(root).names() == ["extra", "train"]
    assert len(sets(root).read("extra").samples) == 1


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("", "images/train"),
        (".", "images/train"),
        ("/somebody/datasets/pets", "images/train"),
        ("../datasets/pets", "images/train"),
        ("C:\\Users\\me\\pets", "images\\train"),
        ("", "./images/train/"),
        ("", "/content/pets/images/train"),
        ("", "../pets/images/train"),
        ("", "pets/images/train"),
        ("images", "train"),
        ("missing", "images/train"),
        ("", "{root}/images/train"),
        ("{root}", "images/train"),
    ],
)
def test_a_path_of_another_machine_is_what_lies_below_the_root(write, tmp_path, path, place):
    text = f"path: {path}\ntrain: {place}\n{NAMES}".format(root=tmp_path)
    root = write("images/train/a.jpg", {"data.yaml": text, "labels/train/a.txt": None})
    assert folders(root, "train") == [("labels/train", "images/train")]
    assert classes(root, "train") == {"images/train/a.jpg": [2]}


def test_the_stated_path_goes_before_the_yamls_own_folder(write):
    text = f"path: pets\ntrain: images/train\n{NAMES}"
    labels = {"pets/labels/train/a.txt": None, "labels/train/b.txt": None}
    root = write("pets/images/train/a.jpg images/train/b.jpg", {"data.yaml": text, **labels})
    assert folders(root, "train") == [("pets/labels/train", "pets/images/train")]


def test_a_set_may_have_several_folders_and_ids_then_begin_with_them(write):
    text = f"train: [images/day, images/night]\n{NAMES}"
    labels = {"labels/day/a.txt": "0 0.5 0.5 1 1\n", "labels/night/a.txt": None}
    root = write("images/day/a.jpg images/night/a.jpg", {"data.yaml": text, **labels})
    assert sets(root).names() == ["train"]
    assert [sample.image_id for sample in sets(root).read("train").samples] == ["images/day/a", "images/night/a"]
    assert classes(root, "train") == {"images/day/a.jpg": [1], "images/night/a.jpg": [2]}
    assert list(sets(root).images("train")) == ["images/day/a", "images/night/a"]


def test_a_folder_of_a_set_may_hold_both_or_have_labels_beside_the_images(write):
    text = f"train: train\nval: mixed\n{NAMES}"
    labels = {"train/labels/a.txt": None, "mixed/b.txt": None}
    root = write("train/images/a.jpg mixed/b.jpg", {"data.yaml": text, **labels})
    assert classes(root, "train") == {"train/images/a.jpg": [2]}
    assert classes(root, "val") == {"mixed/b.jpg": [2]}


def test_a_folder_that_leads_outside_is_looked_for_below_the_root(write):
    root = write("data/images/a.jpg secret/images/b.jpg", {"secret/labels/b.txt": None})
    (root / "data" / "data.yaml").write_text(f"train: ../secret/images\n{NAMES}")
    with pytest.raises(DataError, match=r"data/secret/images: the folder is missing"):
        sets(root / "data").read("train")


def test_undivided_data_are_one_set(write):
    root = write("images/a.jpg images/b.jpg", {"labels/a.txt": None, "classes.txt": "cat\ndog\n", "notes.json": "{}"})
    assert sets(root).names() == ["all"]
    assert classes(root, "all") == {"images/a.jpg": [2], "images/b.jpg": []}
    assert sets(root).class_names("all") == ("cat", "dog")


def test_labels_may_lie_beside_their_images_as_labelimg_writes_them(write):
    root = write("train/a.jpg train/b.jpg", {"train/a.txt": None, "classes.txt": "cat\ndog\n"})
    assert sets(root).names() == ["train"]
    assert folders(root, "train") == [("train", "train")]
    assert classes(root, "train") == {"train/a.jpg": [2], "train/b.jpg": []}
    write("c.jpg", {"c.txt": None})
    assert sets(root).names() == ["all"]
    assert classes(root, "all") == {"c.jpg": [2], "train/a.jpg": [2], "train/b.jpg": []}
    (root / "classes.txt").unlink()  # texts beside images could be anything, such as captions
    with pytest.raises(DataError, match="there is no YOLO data here"):
        sets(root).names()


@pytest.mark.parametrize("place", ["labels/train", "labels", "."])
@pytest.mark.parametrize("name", ["classes.txt", "obj.names"])
def test_classes_may_stand_in_a_list_beside_the_labels_or_above(write, place, name):
    root = write("images/train/a.jpg", {"labels/train/a.txt": None, f"{place}/{name}": "\ufeffcat\n hot dog \n\n"})
    assert sets(root).class_names("train") == ("cat", "hot dog")
    assert len(sets(root).read("train").samples) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [("cat\n\ndog\n", "line 2 is empty, but each line names"), ("cat\ndog\ncat\n", "it lists the class 'cat' twice")],
)
def test_a_list_of_classes_must_name_each_once(write, text, message):
    root = write("images/train/a.jpg", {"labels/train/a.txt": None, "labels/classes.txt": text})
    with pytest.raises(DataError, match=rf"labels/classes\.txt: {message}"):
        sets(root).class_names("train")


def test_two_layouts_with_the_same_set_are_asked_about(write):
    labels = {"labels/train/a.txt": None, "train/labels/b.txt": None}
    root = write("images/train/a.jpg train/images/b.jpg", labels)
    with pytest.raises(
        DataError, match=r"the set train can be read as .*data\.annotations\.train.* and data\.images\.train"
    ):
        sets(root).files("train")


def test_nothing_else_is_yolo_data(write):
    root = write("images/train/a.jpg train/images/b.jpg pictures/c.jpg", {"labels/train/a.xml": "", "list.txt": "c\n"})
    with pytest.raises(
        DataError, match=r"there is no YOLO data here: looked for a data YAML .*; images/<set> with lab"
    ):
        sets(root).names()


def test_the_folder_of_labels_is_that_of_the_last_images():
    assert as_labels(("images", "x", "images", "y")) == ("images", "x", "labels", "y")
    assert as_labels(("pictures",)) == ("pictures",)


def test_no_path_leads_out_of_the_root(tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    for text in ("../../etc", "/etc/passwd", "a/../../..", "\\\\server\\share\\x", "..", "/", "a" * 9000, "\0"):
        assert place_below(root, [root], text).is_relative_to(root)
        assert ".." not in place_below(root, [root], text).parts


def test_the_end_images_alone_says_too_little(write):
    root = write("images/a.jpg", {})
    assert place_below(root, [root], "/a/train/images") == root / "a" / "train" / "images"
    assert SetFiles(root, root, place_below(root, [root], "../images")).images == root / "images"


def test_a_single_folder_at_the_end_of_a_path_is_taken_only_where_the_path_leads_elsewhere(tmp_path):
    """`val: images/val` that is missing isn't another folder `val`."""
    (tmp_path / "val").mkdir()
    assert place_below(tmp_path, [tmp_path], "images/val") == tmp_path / "images" / "val"
    assert place_below(tmp_path, [tmp_path], "/content/pets/val") == tmp_path / "val"
    assert place_below(tmp_path, [tmp_path], "../val") == tmp_path / "val"
