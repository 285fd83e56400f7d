"""The downloads that are requested from torchvision, and the errors when they fail."""

import urllib.error

import pytest

from trainers.data.errors import DataError
from trainers.data.voc.download import download_voc


@pytest.fixture
def asked(monkeypatch):
    """Stands for torchvision's class: notes what was asked, and unpacks the lists of the archive."""
    calls = []

    def voc_detection(root, year, image_set, download):
        calls.append((year, image_set, download))
        lists = root / "VOCdevkit" / f"VOC{year}" / "ImageSets" / "Main"
        lists.mkdir(parents=True, exist_ok=True)
        for name in ("test",) if image_set == "test" else ("train", "val", "trainval"):
            (lists / f"{name}.txt").touch()

    monkeypatch.setattr("torchvision.datasets.VOCDetection", voc_detection)
    return calls


def test_each_archive_is_asked_for_once_and_not_again(asked, tmp_path):
    for _ in range(2):
        download_voc(tmp_path / "new", ("train", "val", "test"), "2007")
        assert asked == [("2007", "train", True), ("2007", "test", True)]


def test_of_both_years_test_is_had_of_2007_only(asked, tmp_path):
    download_voc(tmp_path, ("trainval", "test"), "2007+2012")
    assert asked == [("2007", "trainval", True), ("2007", "test", True), ("2012", "trainval", True)]


def test_image_sets_that_voc_does_not_publish_are_left_to_the_reader(asked, tmp_path):
    download_voc(tmp_path, ("mine",), "2007")
    download_voc(tmp_path, ("test",), "2012")
    assert asked == []


@pytest.mark.parametrize("place", ["", "VOC2007", "VOCdevkit/VOC2007"])
def test_what_lies_below_the_root_in_any_layout_is_not_downloaded(asked, tmp_path, place):
    lists = tmp_path / place / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").touch()
    download_voc(tmp_path, ("train", "test"), "2007")
    assert asked == [("2007", "test", True)]


@pytest.mark.parametrize("failure", [urllib.error.URLError("no network"), RuntimeError("File not found or corrupted.")])
def test_a_failure_is_an_error_that_says_what_else_to_do(monkeypatch, tmp_path, failure):
    def fail(*arguments, **options):
        raise failure

    monkeypatch.setattr("torchvision.datasets.VOCDetection", fail)
    with pytest.raises(DataError, match=r"VOC2007 can't be downloaded \(.*\)\. Put the folder VOCdevkit there by hand"):
        download_voc(tmp_path, ("train",), "2007")
