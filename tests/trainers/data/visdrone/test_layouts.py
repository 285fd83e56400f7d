"""Where the files of VisDrone may lie, and which image set is what."""

import pytest
from PIL import Image

from trainers.data.errors import DataError
from trainers.data.formats import data_format


@pytest.fixture
def write(tmp_path):
    """Writes an image a.jpg and its annotation, with one car, into folders of images and of annotations."""

    def write_pair(images, annotations):
        for folder in (images, annotations):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6)).save(tmp_path / images / "a.jpg")
        (tmp_path / annotations / "a.txt").write_text("1,2,3,4,1,4,0,0\n")
        return tmp_path

    return write_pair


def sets(root):
    return data_format("visdrone").image_sets(root)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("VisDrone2019-DET-train", "train"),
        ("VisDrone2018-DET-val", "val"),
        ("VisDrone2019-DET-test-dev", "test-dev"),
        ("VisDrone2019-DET-train/VisDrone2019-DET-train", "train"),
        ("train", "train"),
        ("test-dev", "test-dev"),
        ("val/val", "val"),
    ],
)
def test_a_folder_a_set_has_its_long_or_its_short_name(write, folder, name):
    root = write(f"{folder}/images", f"{folder}/annotations")
    assert sets(root).names() == [name]
    [part] = sets(root).files(name)
    assert (part.annotations, part.images) == (root / folder / "annotations", root / folder / "images")
    assert [sample.labels.tolist() for sample in sets(root).read(name).samples] == [[4]]


def test_a_set_may_be_a_folder_of_images_and_one_of_annotations(write):
    root = write("images/train", "annotations/train")
    assert sets(root).names() == ["train"]
    assert sets(root).read("train").samples[0].image == root / "images" / "train" / "a.jpg"


def test_sets_of_two_years_keep_their_long_names(write):
    write("VisDrone2018-DET-val/images", "VisDrone2018-DET-val/annotations")
    write("VisDrone2019-DET-train/images", "VisDrone2019-DET-train/annotations")
    root = write("VisDrone2019-DET-val/images", "VisDrone2019-DET-val/annotations")
    assert sets(root).names() == ["VisDrone2018-DET-val", "VisDrone2019-DET-val", "train"]


def test_a_long_and_a_short_name_of_a_set_are_asked_about(write):
    write("train/images", "train/annotations")
    root = write("VisDrone2019-DET-train/images", "VisDrone2019-DET-train/annotations")
    with pytest.raises(
        DataError, match=r"the set train can be read as .*data\.annotations\.train.* and data\.images\.train"
    ):
        sets(root).files("train")


def test_folders_without_texts_are_not_visdrones(write):
    root = write("train/images", "train/annotations")
    (root / "train" / "annotations" / "a.txt").rename(root / "train" / "annotations" / "a.xml")
    with pytest.raises(DataError, match="there is no VisDrone data here: looked for VisDrone2019-DET-<set> with"):
        sets(root).names()
