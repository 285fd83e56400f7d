"""YOLO image sets that are lists of image paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.data.layout import NamedFiles

YAML = "train: train.txt\nval: [val.txt]\nnames: [cat, dog]\n"


def sets(root, **named):
    return data_format("yolo").image_sets(root, **named)


@pytest.fixture
def root(write):
    """Two images and no list: images/a.jpg and images/more/b.png, with a dog each."""
    texts = {"labels/a.txt": None, "labels/more/b.txt": None, "classes.txt": "cat\ndog\n"}
    return write("images/a.jpg images/more/b.png", texts)


@pytest.mark.parametrize(
    "lines",
    [
        ["images/a.jpg", "images/more/b.png"],
        ["./images/a.jpg", "./images/more/b.png", ""],
        ["/home/me/pets/images/a.jpg", "/home/me/pets/images/more/b.png"],
        ["C:\\pets\\images\\a.jpg", "C:\\pets\\images\\more\\b.png"],
        ["../datasets/pets/images/a.jpg", "../datasets/pets/images/more/b.png"],
        ["data/images/a.jpg", "data/images/more/b.png"],
        ["data/images/none.jpg", "data/images/a.jpg", "data/images/more/b.png"],
    ],
)
@pytest.mark.parametrize("described", [True, False])
def test_paths_may_be_those_of_another_machine(root, lines, described):
    (root / "train.txt").write_text("\n".join(lines))
    if described:
        (root / "data.yaml").write_text(YAML)
    assert sets(root).files("train")[0].annotations == root / "train.txt"
    data = sets(root).read("train", on_bad_data="skip")
    assert [sample.image_id for sample in data.samples] == ["images/a", "images/more/b"]
    assert [sample.image for sample in data.samples] == [root / "images" / "a.jpg", root / "images" / "more" / "b.png"]
    assert [sample.labels.tolist() for sample in data.samples] == [[2], [2]]
    assert sets(root).images("train")["images/more/b"] == root / "images" / "more" / "b.png"
    assert [defect.path.name for defect in data.defects] == (["none.jpg"] if len(lines) == 3 and lines[2] else [])


def test_lists_in_a_folder_count_from_it_or_from_the_root(root, write):
    write("", {"lists/train.txt": "../images/a.jpg\n", "lists/val.txt": "images/more/b.png\n"})
    (root / "data.yaml").write_text("train: lists/train.txt\nval: lists/val.txt\nnames: [cat, dog]\n")
    assert [sample.image_id for sample in sets(root).read("train").samples] == ["images/a"]
    assert [sample.image_id for sample in sets(root).read("val").samples] == ["images/more/b"]


def test_labels_may_lie_beside_their_images_as_darknet_has_them(write):
    texts = {"obj.names": "cat\ndog\n", "obj.data": "classes = 2\n", "train.txt": "data/obj_train_data/a.jpg\n"}
    root = write("obj_train_data/a.jpg", {"obj_train_data/a.txt": None, **texts})
    assert sets(root).names() == ["train"]
    data = sets(root).read("train")
    assert (data.class_names, data.samples[0].labels.tolist()) == (("cat", "dog"), [2])


def test_lists_go_before_the_undivided_folder_and_are_known_by_their_first_line(root):
    (root / "train.txt").write_text("\nimages/a.jpg\n")
    (root / "README.txt").write_text("Pets.\n")
    (root / "bytes.txt").write_bytes(b"\xff\xff")
    assert sets(root).names() == ["more", "train"]
    (root / "train.txt").write_text("images/a.jpg\n", encoding="utf-16")
    assert sets(root).names() == ["more", "train"]


def test_a_set_may_consist_of_a_list_and_a_folder(root, write):
    write("images/new/c.jpg", {"labels/new/c.txt": None, "train.txt": "images/a.jpg\n"})
    (root / "data.yaml").write_text("train: [train.txt, images/new]\nnames: [cat, dog]\n")
    assert [sample.image_id for sample in sets(root).read("train").samples] == ["images/a", "images/new/c"]


def test_an_image_that_is_listed_twice_is_read_once(root):
    (root / "train.txt").write_text("images/a.jpg\n./images/a.jpg\n")
    with pytest.raises(DataError, match=r"train\.txt: lists the image 'images/a' twice"):
        sets(root).read("train")
    data = sets(root).read("train", on_bad_data="skip")
    assert (len(data.samples), len(data.defects), data.left_out) == (1, 1, 0)


def test_two_images_of_one_name_have_one_label_file(root, write):
    write("images/a.png", {"train.txt": "images/a.jpg\nimages/a.png\nimages/more/b.png\n"})
    with pytest.raises(DataError, match=r"there are 2 images for one label file: images/a\.jpg, images/a\.png"):
        sets(root).read("train")


@pytest.mark.parametrize("line", ["../secret.jpg", "images/../../secret.jpg"])
def test_a_path_that_leads_outside_is_refused(write, line):
    root = write("data/images/a.jpg secret.jpg", {"data/labels/a.txt": None}) / "data"
    (root / "train.txt").write_text(f"images/a.jpg\n{line}\n")
    with pytest.raises(DataError, match=r"train\.txt: lists '\.\./secret\.jpg', which leads outside the data folder"):
        sets(root).read("train", class_names=("cat", "dog"))
    assert list(sets(root).images("train")) == ["images/a"]


def test_an_image_that_is_missing_is_a_defect(root):
    (root / "train.txt").write_text("images/a.jpg\nimages/x.jpg\n")
    with pytest.raises(DataError, match=r"images/x\.jpg: the image can't be read .*train\.txt lists it"):
        sets(root).read("train")


def test_a_list_of_which_no_image_has_labels_is_refused(root):
    (root / "labels" / "a.txt").unlink()
    (root / "train.txt").write_text("images/a.jpg\n")
    with pytest.raises(
        DataError, match=r"none of the 1 images of .*train\.txt has a label file, such as labels/a\.txt"
    ):
        sets(root).read("train")


def test_a_list_that_is_no_text_is_refused(root):
    (root / "train.txt").write_bytes(b"\xff\xff")
    (root / "data.yaml").write_text(YAML)
    with pytest.raises(DataError, match=r"train\.txt: the image set can't be read .*It must be text, the path of"):
        sets(root).read("train")


def test_a_list_may_be_named(root, write):
    write("", {"mine.lst": "/elsewhere/a.jpg\n"})
    (root / "images" / "a.txt").write_text("0 0.5 0.5 1 1\n")
    named = NamedFiles({"mine": root / "mine.lst"}, {"mine": root / "images"})
    assert sets(root, named=named).read("mine").samples[0].labels.tolist() == [1]


LINE = st.text("./\\\\: aimgesjp\0\t", max_size=14) | st.sampled_from(
    ["images/a.jpg", "../images/a.jpg", "/x/images/a.jpg"]
)


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """Reads a list with that content, of the image images/a.jpg; what leads outside is a defect."""
    root = tmp_path_factory.mktemp("root")
    for folder in ("images", "labels"):
        (root / folder).mkdir()
    Image.new("RGB", (8, 6)).save(root / "images" / "a.jpg")
    (root / "labels" / "a.txt").write_text("1 0.5 0.5 0.5 0.5\n")

    def read(content):
        (root / "train.txt").write_bytes(content)
        named = NamedFiles({"mine": root / "train.txt"}, {"mine": root})
        return sets(root, named=named).read("mine", class_names=("cat", "dog"), on_bad_data="skip")

    return read


@given(st.lists(LINE, max_size=4).map(lambda lines: "\n".join(lines).encode()) | st.binary(max_size=30))
def test_lists_of_any_kind_are_read_or_refused_as_data(listed, content):
    try:
        data = listed(content)
    except DataError:
        return
    assert [sample.image_id for sample in data.samples] == ["images/a"]
    assert data.samples[0].labels.tolist() == [2]
