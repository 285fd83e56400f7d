"""VOC data of several years read as one, and what is known of it before it is read."""

import shutil

import pytest

from trainers.data.errors import DataError
from trainers.data.formats import data_format


@pytest.fixture
def root(tiny_data, tmp_path):
    """VOC2007, and VOC2012 with the same ids but without a list called test."""
    root = tiny_data("voc", tmp_path)
    shutil.copytree(root / "VOCdevkit" / "VOC2007", root / "VOCdevkit" / "VOC2012")
    (root / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main" / "test.txt").unlink()
    return root


def test_of_two_years_one_is_read_behind_the_other_and_ids_stay_unique(root):
    data = data_format("voc", "2007+2012").image_sets(root).read("val")
    assert [sample.image_id for sample in data.samples] == [
        f"{year}/val_{number}" for year in (2007, 2012) for number in range(4)
    ]
    assert data.samples[4].image == root / "VOCdevkit" / "VOC2012" / "JPEGImages" / "val_0.jpg"


def test_one_year_alone_keeps_its_ids(root):
    assert data_format("voc", "2012").image_sets(root).read("val").samples[0].image_id == "val_0"


def test_a_set_that_only_one_year_has_is_read_from_that_one(root):
    first, second, *_ = data_format("voc", "2007+2012").image_sets(root).read("test").samples
    assert [first.image_id, second.image_id] == ["2007/test_0", "2007/test_1"]


def test_a_set_that_no_year_has_and_a_year_that_is_missing_are_errors(root):
    with pytest.raises(DataError, match=r"there is no image set 'trainvall'"):
        data_format("voc", "2007+2012").image_sets(root).read("trainvall")
    with pytest.raises(DataError, match="looked for VOCdevkit/VOC2007 and VOCdevkit/VOC2011 with"):
        data_format("voc", "2007+2011").image_sets(root).read("val")


def test_image_sets_and_places_of_all_years_are_known_before_anything_is_read(root):
    (root / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main" / "extra.txt").write_text("val_0")
    (root / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main" / "cat_val.txt").write_text("val_0 1")
    assert data_format("voc", "2007+2012").image_sets(root).names() == ["extra", "test", "train", "val"]
    places = data_format("voc", "2007+2012").image_sets(root).images("val")
    assert len(set(places.values())) == len(places) == 8
    assert set(data_format("voc").image_sets(root).images("val")) == {f"val_{number}" for number in range(4)}


def test_a_folder_without_lists_is_one_set(root):
    shutil.rmtree(root / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main")
    (root / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main").mkdir()
    sets = data_format("voc", "2012").image_sets(root)
    assert sets.names() == ["all"]
    assert len(sets.read("all", class_names=("cat", "dog")).samples) == 16


def test_images_and_annotations_that_are_links_to_outside_are_refused(root, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.touch()
    base = root / "VOCdevkit" / "VOC2007"
    for file in (base / "JPEGImages" / "val_0.jpg", base / "Annotations" / "val_1.xml"):
        file.unlink()
        file.symlink_to(outside)
    data = data_format("voc").image_sets(root).read("val", on_bad_data="skip")
    assert [sample.image_id for sample in data.samples] == ["val_2", "val_3"]
    assert [defect.reason.split(";")[0] for defect in data.defects] == [
        "the image is a link that leads outside the data folder",
        "the annotation is a link that leads outside the data folder",
    ]
