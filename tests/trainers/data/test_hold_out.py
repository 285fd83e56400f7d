"""Sets that are parts of another set: the same images whatever is added, each image in one part."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.errors import DataError
from trainers.data.hold_out import NOTHING_HELD_OUT, HoldOut, position
from trainers.data.image_sets import ImageSets
from trainers.data.layout import Layout, SetFiles
from trainers.data.remarks import Remark
from trainers.data.sample import Defect, DetectionData, Sample

NAMES = [f"img_{number}" for number in range(12)]
HELD = HoldOut("default", {"val": (0.0, 0.2), "test": (0.8, 1.0)})
# The positions of the twelve: .187 .927 .692 .544 .683 .695 .088 .327 .966 .410 .894 .976
EXPECTED = {"val": [0, 6], "test": [1, 8, 10, 11], "default": [2, 3, 4, 5, 7, 9]}


def members(held, name, names=NAMES):
    return [names.index(one) for one in names if held.has(name, one)]


def sample(name, path):
    empty = np.zeros((0, 4), dtype=np.float32)
    return Sample(name, path, 8, 6, empty, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_))


def test_the_position_of_an_image_is_the_beginning_of_its_ids_sha256():
    assert position("a") == 0xCA978112CA1B / 2**48  # sha256("a") = ca978112ca1bbdcafac2...


def test_each_image_is_in_the_part_in_which_its_position_lies():
    assert {name: members(HELD, name) for name in EXPECTED} == EXPECTED
    assert members(HELD, "another") == list(range(12))


def test_added_images_move_no_other_and_a_changed_share_moves_none_between_the_parts():
    more = [*(f"new_{number}" for number in range(50)), *NAMES]
    assert [more[k] for k in members(HELD, "test", more) if more[k] in NAMES] == ["img_1", "img_8", "img_10", "img_11"]
    larger = replace(HELD, parts={"val": (0.0, 0.5), "test": (0.8, 1.0)})
    assert {name: members(larger, name) for name in EXPECTED} == {
        "val": [0, 6, 7, 9],
        "test": [1, 8, 10, 11],
        "default": [2, 3, 4, 5],
    }


@given(st.text())
def test_every_id_is_in_exactly_one_set(image_id):
    assert 0 <= position(image_id) < 1
    assert sum(HELD.has(name, image_id) for name in EXPECTED) == 1


def test_an_id_that_is_no_text_has_a_position():
    assert 0 <= position("a\udc80") < 1


class Form:
    title = "Test"
    rule, learns_difficult = "voc", True
    name_the_root = "Name the folder"
    layouts = (Layout("lists", lambda root: {path.stem: (SetFiles(root, path, root),) for path in root.glob("*.txt")}),)

    @staticmethod
    def images(files):
        return {name: files[0].images / name for name in files[0].annotations.read_text().split()}

    @staticmethod
    def reader(files, *, class_names, on_bad_data):
        samples = tuple(sample(name, file) for name, file in Form.images(files).items())
        remarks = (Remark("odd", 1, files[0].annotations),)
        return DetectionData(tuple(class_names), samples, (Defect(files[0].annotations, "bad"),), 1, of_files=remarks)


@pytest.fixture
def sets(tmp_path):
    (tmp_path / "default.txt").write_text("\n".join(NAMES))
    return ImageSets(Form, tmp_path, hold_out=HELD)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_part_is_read_and_listed_like_a_set(sets, name):
    ids = [NAMES[number] for number in EXPECTED[name]]
    assert list(sets.images(name)) == ids
    data = sets.read(name, class_names=("cat",))
    assert [one.image_id for one in data.samples] == ids
    whole = name == "default"  # so that no defect is counted three times
    assert (len(data.defects), data.left_out, len(data.remarks)) == ((1, 1, 1) if whole else (0, 0, 0))


def test_what_a_part_is_is_said(sets, tmp_path):
    where = f"read as Test (lists): annotations in {tmp_path}/default.txt, images in {tmp_path}"
    assert sets.reading("val") == f"val: a share of 0.2 of default, {where}"
    assert sets.reading("test") == f"test: a share of 0.2 of default, {where}"
    assert sets.reading("default") == f"default: without val and test, {where}"
    assert replace(sets, hold_out=HoldOut("default", {})).reading("default") == f"default: {where}"
    assert replace(sets, hold_out=NOTHING_HELD_OUT).reading("default") == f"default: {where}"


def test_a_part_is_not_to_hide_a_set_of_that_name(sets, tmp_path):
    (tmp_path / "val.txt").write_text("other")
    message = r"data\.hold_out holds val out of default, but there is an image set 'val'\. Give the part another name"
    with pytest.raises(DataError, match=message):
        sets.images("val")


def test_a_part_without_images_is_refused(sets, tmp_path):
    (tmp_path / "default.txt").write_text("img_2\nimg_3")
    with pytest.raises(DataError, match=r"the image set val: none of the 2 images of default falls into it\. Change"):
        sets.read("val", class_names=("cat",))


def test_the_source_must_be_there(sets, tmp_path):
    (tmp_path / "default.txt").rename(tmp_path / "all.txt")
    with pytest.raises(DataError, match=r"there is no image set 'default'\. Choose one of those there: all"):
        sets.images("val")
