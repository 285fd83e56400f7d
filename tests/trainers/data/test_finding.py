"""Which format the data in a folder have: found by its layouts, asked for where none or several fit."""

import shutil

import pytest

from trainers.data.errors import DataError
from trainers.data.finding import find_format, find_sets
from trainers.data.formats import FORMATS
from trainers.data.layout import NamedFiles


@pytest.mark.parametrize("name", ["voc", "coco", "visdrone"])
def test_the_format_is_the_one_with_a_layout_for_the_folder(name, tiny_data, tmp_path):
    root = tiny_data(name, tmp_path)
    assert find_format(root).title == FORMATS[name].title
    assert find_sets(root, None).names() == ["test", "train", "val"]


def test_a_year_is_passed_on(tiny_data, tmp_path):
    root = tiny_data("voc", tmp_path)
    (root / "VOCdevkit" / "VOC2007").rename(root / "VOCdevkit" / "VOC2012")
    assert find_format(root, "2012").title == "VOC"


def test_where_no_format_fits_the_message_says_what_was_looked_for(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError) as refused:
        find_format(tmp_path)
    formats = "VOC (VOCdevkit), COCO (annotations/instances_*.json), VisDrone (VisDrone2019-DET-train) and YOLO ("
    message = str(refused.value)
    assert message.startswith(f"{tmp_path}: no format fits what is here; looked for {formats}")
    assert "Shapes" not in message
    assert ", and for their other layouts. Give --format, which lists all layouts of one, and name each set" in message


def test_a_folder_too_high_up_leads_to_the_one_with_data(tiny_data, tmp_path):
    (tmp_path / "a").mkdir()
    tiny_data("coco", tmp_path / "export")
    with pytest.raises(DataError, match=rf"Name {tmp_path}/export, which has data, or give --format"):
        find_format(tmp_path)


def test_another_year_of_voc_is_named(tiny_data, tmp_path):
    root = tiny_data("voc", tmp_path)
    (root / "VOCdevkit" / "VOC2007").rename(root / "VOCdevkit" / "VOC2012")
    with pytest.raises(DataError, match=r"Set data\.year \(--year\) to what is there: 2012\."):
        find_format(root)


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"none: there is no data here: it doesn't exist\. Correct the path"):
        find_format(tmp_path / "none")
    (tmp_path / "data.yaml").write_text("train: images/train")
    with pytest.raises(DataError, match=r"data\.yaml: there is no data here: it is a file\. Name its folder"):
        find_format(tmp_path / "data.yaml")


def test_two_formats_in_one_folder_are_asked_about(tiny_data, tmp_path):
    root = tiny_data("coco", tiny_data("voc", tmp_path))
    with pytest.raises(DataError, match=r"this may be VOC or COCO data\. Say which: --format voc or --format coco\."):
        find_format(root)
    assert find_sets(root, "coco").form.title == "COCO"
    shutil.rmtree(root / "VOCdevkit")
    assert find_format(root).title == "COCO"


def test_without_a_folder_the_files_and_the_format_are_named(tmp_path):
    with pytest.raises(DataError, match=r"no folder was named\. Name it, or the files of each set: --format"):
        find_sets(None, "coco")
    named = NamedFiles({"mine": tmp_path / "a.json"}, {"mine": tmp_path})
    with pytest.raises(DataError, match=r"without a folder their format isn't known\. Give --format"):
        find_sets(None, None, named=named)
    assert find_sets(None, "coco", named=named).names() == ["mine"]
