"""COCO's results: ids of images and categories, and a file that pycocotools reads."""

import contextlib
import io
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO

from search.stages.coco_results import category_ids, image_ids, writing_results
from trainers.data.coco.classes import COCO_CLASSES
from trainers.prediction import Prediction


def ids(*names):
    return image_ids([Path(name) for name in names])


def test_a_name_that_is_a_number_is_the_id_and_others_get_what_is_free():
    assert ids("val2017/000000000139.jpg", "285.png") == [139, 285]
    assert ids("b.jpg", "a.jpg") == [1, 2]
    assert ids("b.jpg", "1.jpg", "a.jpg", "3.jpg", "c.jpg") == [2, 1, 4, 3, 5]
    assert ids("x/7.jpg", "y/7.jpg", "z/0007.png") == [7, 1, 2]
    assert ids("2008_000008.jpg", "-3.jpg", "٣.jpg", "1e3.jpg", "0.jpg", f"{10**15}.jpg") == [1, 2, 3, 4, 0, 5]


@given(st.lists(st.text("0129a", min_size=1, max_size=2).map("{}.jpg".format), max_size=12))
def test_ids_are_whole_different_and_those_of_numbers_where_these_differ(names):
    found = ids(*names)
    assert len(set(found)) == len(names)
    numbers = [int(name[:-4]) if name[:-4].isdigit() else None for name in names]
    assert all(number in (None, one) for number, one in zip(numbers, found, strict=True) if numbers.count(number) == 1)


def test_categories_are_cocos_own_for_its_eighty_classes_and_labels_for_others():
    by_name = dict(zip(COCO_CLASSES, category_ids(COCO_CLASSES), strict=True))
    assert (by_name["person"], by_name["stop sign"], by_name["toothbrush"], len(by_name)) == (1, 13, 90, 80)
    assert category_ids(("cat", "dog")) == [1, 2]


def prediction(index, boxes, labels):
    boxes, labels = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4), torch.tensor(labels, dtype=torch.int64)
    names = tuple(("cat", "dog")[label - 1] for label in labels.tolist())
    return Prediction(index, None, 64, 48, boxes, torch.full((len(labels),), 0.5), labels, names)


def test_pycocotools_reads_the_file_and_every_box_names_its_picture(tmp_path):
    pictures = [Path("photos/42.jpg"), Path("photos/b.jpg"), Path("photos/c.jpg")]
    with writing_results(tmp_path / "boxes.json", pictures, ("cat", "dog")) as results:
        results.add(prediction(0, [[1, 2, 4, 8], [0, 0, 64, 48]], [2, 1]))
        results.add(prediction(1, [], []))
        results.add(prediction(2, [[5, 5, 6, 6]], [1]))
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
    with writing_results(tmp_path / "boxes.json", [Path("a.jpg")], ("cat",)) as results:
        results.add(prediction(0, [], []))
    assert json.loads((tmp_path / "boxes.json").read_text()) == []


def test_after_an_error_the_file_of_before_is_as_it_was(tmp_path):
    (tmp_path / "boxes.json").write_text("mine")
    with pytest.raises(KeyboardInterrupt), writing_results(tmp_path / "boxes.json", [Path("a.jpg")], ("cat",)):
        raise KeyboardInterrupt
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("boxes.json", "mine")]


def test_a_name_of_undecodable_bytes_comes_back(tmp_path):
    name = Path(b"\xff\n.jpg".decode("utf-8", "surrogateescape"))
    with writing_results(tmp_path / "boxes.json", [name], ("cat",)) as results:
        results.add(prediction(0, [[0, 0, 1, 1]], [1]))
    (row,) = json.loads((tmp_path / "boxes.json").read_text())
    assert Path(row["file_name"]) == name
