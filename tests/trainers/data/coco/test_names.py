"""File names in instances files: which picture each one means."""

import json
import os

import pytest

from trainers.data.coco.names import PictureNames
from trainers.data.errors import DataError
from trainers.data.formats import data_format


@pytest.fixture
def folder(tmp_path):
    """images/train with a.jpg, b.jpg and cam/a.jpg."""
    folder = tmp_path / "images" / "train"
    (folder / "cam").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "cam/a.jpg", "cam/c.jpg"):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("file_name", "picture"),
    [
        ("a.jpg", "a.jpg"),
        ("./a.jpg", "a.jpg"),
        (".//cam/./a.jpg", "cam/a.jpg"),
        (r"cam\a.jpg", "cam/a.jpg"),
        (r".\a.jpg", "a.jpg"),
        ("train/a.jpg", "a.jpg"),
        ("images/train/a.jpg", "a.jpg"),
        (r"data\images\train\cam\a.jpg", "cam/a.jpg"),
        ("train/train/a.jpg", "a.jpg"),
        ("/home/somebody/photos/a.jpg", "a.jpg"),
        ("/home/somebody/cam/a.jpg", "cam/a.jpg"),
        (r"C:\Users\somebody\cam\a.jpg", "cam/a.jpg"),
        (r"\\server\share\b.jpg", "b.jpg"),
    ],
)
def test_the_picture_that_is_there_is_found(folder, file_name, picture):
    assert PictureNames(folder, []).find(file_name) == picture


@pytest.mark.parametrize(
    ("file_name", "same"),
    [
        ("gone.jpg", "gone.jpg"),
        ("./gone.jpg", "gone.jpg"),
        ("other/a.jpg", "other/a.jpg"),  # a.jpg may be another picture
        ("val/a.jpg", "val/a.jpg"),
        ("c.jpg", "c.jpg"),  # no folder is searched
        ("train/gone.jpg", "train/gone.jpg"),
        ("../train/a.jpg", "../train/a.jpg"),
        (r"..\train\a.jpg", "../train/a.jpg"),
        ("/home/../train/a.jpg", "/home/../train/a.jpg"),
        ("/etc/passwd", "/etc/passwd"),
        ("C:a.jpg", "C:a.jpg"),
        ("a\0/b.jpg", "a\0/b.jpg"),
        ("\ud800/b.jpg", "\ud800/b.jpg"),
        (".", "."),
        ("/", "/"),
    ],
)
def test_no_picture_is_guessed(folder, file_name, same):
    assert PictureNames(folder, []).find(file_name) == same


def test_the_beginnings_that_are_dropped_from_full_paths_must_agree(folder):
    """Where `cam` lies below what is dropped, `cam2` isn't dropped too: its picture would be one of another folder."""
    cameras = ["/data/cam/a.jpg", "/data/cam2/a.jpg"]
    for file_names in (cameras, cameras[::-1]):
        names = PictureNames(folder, file_names)
        assert [names.find(name) for name in cameras] == ["cam/a.jpg", "/data/cam2/a.jpg"]
    apart = ["/data/one/a.jpg", "/data/two/b.jpg"]  # copied into one folder
    names = PictureNames(folder, apart)
    assert [names.find(name) for name in apart] == ["a.jpg", "b.jpg"]


def test_a_file_that_is_there_counts_before_the_name_of_the_folder(folder):
    (folder / "train").mkdir()
    (folder / "train" / "a.jpg").touch()
    assert PictureNames(folder, []).find("train/a.jpg") == "train/a.jpg"


def test_each_folder_is_listed_once_and_no_file_is_asked_for(folder, monkeypatch):
    listed = []
    scandir = os.scandir
    monkeypatch.setattr("trainers.data.coco.names.scandir", lambda path: listed.append(path) or scandir(path))
    names = PictureNames(folder, [])
    assert [names.find(f"train/{name}") for name in ("a.jpg", "b.jpg", "cam/a.jpg", "cam/c.jpg")] == [
        "a.jpg",
        "b.jpg",
        "cam/a.jpg",
        "cam/c.jpg",
    ]
    assert sorted(listed) == [folder, folder / "cam", folder / "train", folder / "train" / "cam"]


SPELLINGS = pytest.mark.parametrize("spelling", ["{}", "./{}", "train/{}", r"train\{}", r"D:\data\{}", "/mnt/train/{}"])


@SPELLINGS
def test_pictures_of_all_spellings_are_read_and_are_those_of_the_other_callers(write_coco, spelling):
    names = [{"id": k, "file_name": spelling.format(f"{k}.jpg")} for k in (1, 2, 3)]
    root = write_coco(images=names)
    data = data_format("coco").image_sets(root).read("train")
    assert [sample.image_id for sample in data.samples] == ["1.jpg", "2.jpg", "3.jpg"]
    assert [sample.boxes.tolist() for sample in data.samples] == [[[1, 2, 4.5, 6]]] * 3
    assert data_format("coco").image_sets(root).images("train") == {one.image_id: one.image for one in data.samples}
    assert [one.image for one in data.samples] == [root / "train" / f"{k}.jpg" for k in (1, 2, 3)]


def test_a_set_below_images_has_names_from_the_root(write_coco):
    root = write_coco(images=[{"id": k, "file_name": f"images/train/{k}.jpg"} for k in (1, 2, 3)])
    (root / "images").mkdir()
    (root / "train").rename(root / "images" / "train")
    data = data_format("coco").image_sets(root).read("train")
    assert [sample.image for sample in data.samples] == [root / "images" / "train" / f"{k}.jpg" for k in (1, 2, 3)]


def test_a_full_path_to_a_picture_that_isnt_there_stays_refused(write_coco):
    root = write_coco(images=[{}, {"file_name": r"C:\data\gone.jpg"}, {}])
    with pytest.raises(DataError, match=r"names 'C:/data/gone\.jpg', which leads outside the data folder"):
        data_format("coco").image_sets(root).read("train")


def test_pictures_that_are_links_are_read_where_the_user_follows_them(write_coco, tmp_path_factory):
    root, cache = write_coco(), tmp_path_factory.mktemp("cache")
    for k in (1, 2, 3):
        (root / "train" / f"{k}.jpg").rename(cache / f"blob{k}")
        (root / "train" / f"{k}.jpg").symlink_to(cache / f"blob{k}")
    with pytest.raises(
        DataError, match=r"is a link that leads outside the data folder; .* Set data\.follow_links: true"
    ):
        data_format("coco").image_sets(root).read("train")
    sets = data_format("coco").image_sets(root, follow_links=True)
    assert [sample.image_id for sample in sets.read("train").samples] == ["1.jpg", "2.jpg", "3.jpg"]


def test_names_that_json_escapes_are_the_same(write_coco, coco_content):
    root = write_coco(images=[{"id": 1, "file_name": "图.jpg"}, {}, {}])
    (root / "train" / "图.jpg").touch()
    assert "\\u" in json.dumps(coco_content(images=[{"id": 1, "file_name": "图.jpg"}]))
    assert data_format("coco").image_sets(root).read("train").samples[0].image == root / "train" / "图.jpg"
