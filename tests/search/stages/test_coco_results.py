"""COCO's results: ids of images and categories, and a file that pycocotools reads."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO

from search.stages.coco_results import category_ids, ids_of_pictures, ids_of_set, image_ids, writing_results
from trainers.data.coco.classes import COCO_CLASSES
from trainers.data.coco.ids import Ids
from trainers.data.formats import FORMATS


def ids(*names):
    return list(ids_of_pictures([Path(name) for name in names], ()).images.values())


def test_a_name_that_is_a_number_is_the_id_and_others_get_what_is_free():
    assert ids("val2017/000000000139.jpg", "285.png") == [139, 285]
    assert ids("b.jpg", "a.jpg") == [1, 2]
    assert ids("b.jpg", "1.jpg", "a.jpg", "3.jpg", "c.jpg") == [2, 1, 4, 3, 5]
    assert ids("x/7.jpg", "y/7.jpg", "z/0007.png") == [7, 1, 2]
    assert ids("2008_000008.jpg", "-3.jpg", "٣.jpg", "1e3.jpg", "0.jpg", f"{10**15}.jpg") == [1, 2, 3, 4, 0, 5]


@given(st.lists(st.text("0129a", min_size=1, max_size=2), max_size=12))
def test_ids_are_whole_different_and_those_of_numbers_where_these_differ(names):
    found = image_ids(names)
    assert len(set(found)) == len(names)
    numbers = [int(name) if name.isdigit() else None for name in names]
    assert all(number in (None, one) for number, one in zip(numbers, found, strict=True) if numbers.count(number) == 1)


def test_categories_are_cocos_own_for_its_eighty_classes_and_labels_for_others():
    by_name = dict(zip(COCO_CLASSES, category_ids(COCO_CLASSES), strict=True))
    assert (by_name["person"], by_name["stop sign"], by_name["toothbrush"], len(by_name)) == (1, 13, 90, 80)
    assert category_ids(("cat", "dog")) == [1, 2]


def boxes(boxes, labels):
    """Boxes, their scores, all 0.5, and their labels."""
    return np.array(boxes, np.float32).reshape(-1, 4), np.full(len(labels), 0.5, np.float32), np.array(labels, np.int64)


def writing(path, *pictures, classes=("cat", "dog")):
    return writing_results(path, ids_of_pictures(list(map(Path, pictures)), classes), classes)


def test_pycocotools_reads_the_file_and_every_box_names_its_picture(tmp_path):
    with writing(tmp_path / "boxes.json", "photos/42.jpg", "photos/b.jpg", "photos/c.jpg") as results:
        results.add("photos/42.jpg", *boxes([[1, 2, 4, 8], [0, 0, 64, 48]], [2, 1]))
        results.add("photos/b.jpg", *boxes([], []))
        results.add("photos/c.jpg", *boxes([[5, 5, 6, 6]], [1]))
        assert not (tmp_path / "boxes.json").exists()
    rows = json.loads((tmp_path / "boxes.json").read_text())
    assert rows[0] == {
        "image_id": 42,
        "category_id": 2,
        "bbox": [1.0, 2.0, 3.0, 6.0],
        "score": 0.5,
        "file_name": "photos/42.jpg",
        "category_name": "dog",
    }
    assert [(row["image_id"], row["file_name"]) for row in rows[1:]] == [(42, "photos/42.jpg"), (2, "photos/c.jpg")]
    coco = COCO()
    coco.dataset = {"images": [{"id": 42}, {"id": 1}, {"id": 2}], "categories": [{"id": 1}, {"id": 2}]}
    coco.createIndex()
    with contextlib.redirect_stdout(io.StringIO()):
        read = coco.loadRes(str(tmp_path / "boxes.json"))
    assert [read.anns[n]["area"] for n in read.getAnnIds(imgIds=[42])] == [18.0, 64.0 * 48]


def test_no_box_at_all_is_an_empty_list(tmp_path):
    with writing(tmp_path / "boxes.json", "a.jpg") as results:
        results.add("a.jpg", *boxes([], []))
    assert json.loads((tmp_path / "boxes.json").read_text()) == []


def test_after_an_error_the_file_of_before_is_as_it_was(tmp_path):
    (tmp_path / "boxes.json").write_text("mine")
    with pytest.raises(KeyboardInterrupt), writing(tmp_path / "boxes.json", "a.jpg"):
        raise KeyboardInterrupt
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("boxes.json", "mine")]


def test_a_name_of_undecodable_bytes_comes_back(tmp_path):
    name = Path(b"\xff\n.jpg".decode("utf-8", "surrogateescape"))
    with writing(tmp_path / "boxes.json", name) as results:
        results.add(str(name), *boxes([[0, 0, 1, 1]], [1]))
    (row,) = json.loads((tmp_path / "boxes.json").read_text())
    assert Path(row["file_name"]) == name


def test_a_set_has_the_ids_of_its_annotations_and_else_the_numbers_of_its_names(tiny_data, tmp_path):
    coco = FORMATS["coco"].image_sets(tiny_data("coco", tmp_path / "coco"))
    found = ids_of_set(coco, "val", ("val_0.jpg",), ("dog", "cat"))
    assert (found.images["val_0.jpg"], found.categories) == (7, {"cat": 17, "dog": 18})
    voc = FORMATS["voc"].image_sets(tmp_path)
    names = ("000007", "2008_000008", "VOC2012/000009", "0009")
    found = ids_of_set(voc, "test", names, COCO_CLASSES)
    assert list(found.images.items()) == [("000007", 7), ("2008_000008", 1), ("VOC2012/000009", 9), ("0009", 2)]
    assert (found.categories["person"], found.categories["toothbrush"]) == (1, 90)
    assert ids_of_set(voc, "test", names, ("cat", "dog")).categories == {"cat": 1, "dog": 2}


def test_boxes_are_written_in_full_and_those_of_a_class_without_an_id_are_left_out(tmp_path):
    with writing_results(tmp_path / "boxes.json", Ids({"a": "x"}, {"dog": 18}), ("cat", "dog")) as results:
        results.add("a", np.array([[0, 0, 1, 1], [0.1, 0.2, 1 / 3, 2 / 3]]), np.array([0.5, 0.1]), np.array([1, 2]))
    [row] = json.loads((tmp_path / "boxes.json").read_text())
    assert row["bbox"] == [0.1, 0.2, 1 / 3 - 0.1, 2 / 3 - 0.2]
    assert (row["image_id"], row["category_id"], row["score"], row["category_name"]) == ("x", 18, 0.1, "dog")
