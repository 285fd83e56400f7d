"""COCO's layout: what is read, and what each kind of bad file comes to."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.data.coco import coco_classes, coco_places, coco_splits, read_coco
from trainers.data.coco_annotation import parse_image, parse_instances, parse_objects
from trainers.data.coco_classes import COCO_CLASSES
from trainers.data.coco_file import KEPT
from trainers.data.errors import DataError, NothingUsableError
from trainers.data.formats import shared_images

CATEGORIES = [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}]


def image(number, **changes):
    return {"id": number, "file_name": f"{number}.jpg", "width": 8, "height": 6} | changes


def annotation(number, image_id, **changes):
    return {"id": number, "image_id": image_id, "bbox": [1, 2, 3.5, 4], "category_id": 18} | changes


def content(**changes):
    """Three images, 1, 2 and 3, with a dog each."""
    whole = {
        "categories": CATEGORIES,
        "images": [image(number) for number in (1, 2, 3)],
        "annotations": [annotation(10 + number, number) for number in (1, 2, 3)],
    }
    return whole | changes


@pytest.fixture
def write(tmp_path):
    """Writes train's file with empty images beside it: the reader never opens one."""

    def write_train(**changes):
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "train").mkdir(exist_ok=True)
        for number in (1, 2, 3):
            (tmp_path / "train" / f"{number}.jpg").touch()
        (tmp_path / "annotations" / "instances_train.json").write_text(json.dumps(content(**changes)))
        return tmp_path

    return write_train


def test_images_come_in_the_order_of_the_file_with_corners_and_labels_in_the_order_of_category_ids(write):
    data = read_coco(write(), "train")
    assert [sample.image_id for sample in data.samples] == ["1.jpg", "2.jpg", "3.jpg"]
    first = data.samples[0]
    assert (first.width, first.height) == (8, 6)
    np.testing.assert_array_equal(first.boxes, [[1, 2, 4.5, 6]])
    assert (data.class_names, data.rule, data.defects) == (("car", "dog"), "coco", ())
    assert first.labels.tolist() == [2]


def test_classes_that_are_named_decide_the_labels(write):
    assert read_coco(write(), "train", class_names=["dog", "cat", "car"]).samples[0].labels.tolist() == [1]


def test_crowds_are_kept_as_what_needs_not_be_found(write):
    crowd = [annotation(1, 1, iscrowd=1), annotation(2, 1, iscrowd=0), annotation(3, 1)]
    assert read_coco(write(annotations=crowd), "train").samples[0].difficult.tolist() == [True, False, False]


def test_an_image_without_annotations_is_an_image_without_objects(write):
    data = read_coco(write(annotations=[]), "train")
    assert [sample.boxes.shape for sample in data.samples] == [(0, 4)] * 3


def test_half_a_pixel_beyond_the_border_is_rounding_and_cut(write):
    root = write(annotations=[annotation(1, 1, bbox=[-0.5, 0, 9.0, 6.5])])
    np.testing.assert_array_equal(read_coco(root, "train").samples[0].boxes, [[0, 0, 8, 6]])


def test_there_are_eighty_classes_of_cocos_own():
    assert (len(COCO_CLASSES), len(set(COCO_CLASSES))) == (80, 80)
    assert (COCO_CLASSES[0], COCO_CLASSES[17], COCO_CLASSES[-1]) == ("person", "horse", "toothbrush")


def test_splits_places_and_classes_are_known_before_the_images_are(write):
    root = write()
    assert coco_splits(root) == ["train"]
    assert coco_places(root, "train") == {f"{n}.jpg": root / "train" / f"{n}.jpg" for n in (1, 2, 3)}
    assert coco_classes(root, "train") == ("car", "dog")


@pytest.mark.parametrize("name", ["/etc/hostname", "../val/1.jpg", "a\0.jpg"])
def test_a_name_that_leads_outside_is_no_place_and_never_opened(write, monkeypatch, name):
    opened = []
    monkeypatch.setattr("filecmp.cmp", lambda one, other, **options: opened.append(one) or True)
    root = write(images=[image(1, file_name="1.jpg"), image(2, file_name=name)], annotations=[])
    shutil.copytree(root / "train", root / "val")
    shutil.copy(root / "annotations" / "instances_train.json", root / "annotations" / "instances_val.json")
    places = [coco_places(root, split) for split in ("train", "val")]
    assert [list(one) for one in places] == [["1.jpg"]] * 2
    assert shared_images(*places) == ["1.jpg"]
    assert opened == [root / "train" / "1.jpg"]


def test_a_file_is_parsed_once_for_all_that_is_asked_before_it_is_read(write, monkeypatch):
    parsed = []
    monkeypatch.setattr(
        "trainers.data.coco_file.parse_instances", lambda *a: parsed.append(a[1]) or parse_instances(*a)
    )
    root = write()
    for _ in range(2):
        coco_classes(root, "train")
        coco_places(root, "train")
    read_coco(root, "train")
    coco_classes(root, "train")
    assert len(parsed) == 1
    write(categories=[{"id": 18, "name": "dog"}])  # another file under its name
    assert coco_classes(root, "train") == ("dog",)
    assert len(parsed) == 2


def test_a_file_that_was_put_off_for_others_is_known_again(write):
    root = write()
    names = [f"train{number}" for number in range(KEPT + 2)]
    for name in names:
        shutil.copy(root / "annotations" / "instances_train.json", root / "annotations" / f"instances_{name}.json")
        shutil.copytree(root / "train", root / name)
    assert coco_classes(root, names[0]) == ("car", "dog")
    for name in names[1:]:
        assert len(read_coco(root, name).samples) == 3
    assert coco_classes(root, names[0]) == ("car", "dog")
    assert len(read_coco(root, names[0]).samples) == 3


def test_a_file_that_changes_all_the_time_is_read_as_it_is_found(write, monkeypatch):
    root = write()
    sizes = iter(range(100))
    true_stat = Path.stat

    def stat(path, **options):
        return (
            SimpleNamespace(st_size=next(sizes), st_mtime_ns=0)
            if path.suffix == ".json"
            else true_stat(path, **options)
        )

    monkeypatch.setattr(Path, "stat", stat)
    assert coco_classes(root, "train") == ("car", "dog")
    assert len(read_coco(root, "train").samples) == 3


def test_a_missing_root_or_split_says_what_is_there(write, tmp_path):
    with pytest.raises(DataError, match=r"no instances_<split>\.json here\. Let --data, data\.root or BITFRONT_COCO"):
        read_coco(tmp_path / "none", "train")
    with pytest.raises(DataError, match=r"instances_val\.json: there is no such split\. Choose one .* there: train"):
        read_coco(write(), "val")


@pytest.mark.parametrize("split", ["../train", "/etc/passwd", "", "train.json"])
def test_a_split_is_a_name_and_no_path(write, split):
    with pytest.raises(DataError, match="there is no such split"):
        read_coco(write(), split)


DEFECTS = pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"images": [image(1), image(2, file_name="../2.jpg"), image(3)]}, "names '../2.jpg', which leads outside"),
        ({"images": [image(1), image(2, file_name="/etc/passwd"), image(3)]}, "'/etc/passwd', which leads outside"),
        ({"images": [image(1), image(2, file_name="\ud800.jpg"), image(3)]}, r"'\ud800.jpg', which leads outside"),
        ({"images": [image(1), image(2, file_name="a\0.jpg"), image(3)]}, r"'a\x00.jpg', which leads outside"),
        ({"images": [image(1), image(2, file_name="gone.jpg"), image(3)]}, "the image can't be read (No such file"),
        ({"images": [image(1), image(2, file_name="."), image(3)]}, "the image is no file"),
        ({"images": [image(1), image(2, file_name=7), image(3)]}, "the file_name of image 2 is 7, must be a name"),
        ({"images": [image(1), image(2, width=0), image(3)]}, "the width of image 2 is 0, must be a whole number"),
        ({"images": [image(1), image(2, height=6.0), image(3)]}, "the height of image 2 is 6.0, must be a whole"),
        ({"images": [image(1), image(2, width=10**40), image(3)]}, "the width of image 2 is 1000"),
        ({"images": [image(1), ["2"], image(3)], "annotations": []}, "an image is ['2'], must be a mapping"),
        ({"images": [image(1), image(True), image(3)], "annotations": []}, "with a whole number as its id"),
        ({"annotations": [annotation(1, 1), annotation(1, 2)]}, "two annotations have the id 1, one of them is of"),
        ({"annotations": [annotation(1, 1), annotation([], 2)]}, "has the id [], must be a whole number"),
        ({"annotations": [annotation(1, 2, category_id=4)]}, "is of the category 4, which isn't in the file"),
        ({"annotations": [annotation(1, 2, category_id=None)]}, "is of the category None, which isn't in the file"),
        ({"annotations": [annotation(1, 2, iscrowd=2)]}, "iscrowd of object 1 of image 2 ('2.jpg') is 2, must be 0 or"),
        ({"annotations": [annotation(1, 2, bbox=[1, 2, 3])]}, "is [1, 2, 3], must be four finite numbers"),
        ({"annotations": [annotation(1, 2, bbox=[1, 2, 3, float("nan")])]}, "must be four finite numbers"),
        ({"annotations": [annotation(1, 2, bbox=[1, 2, float("inf"), 3])]}, "must be four finite numbers"),
        ({"annotations": [annotation(1, 2, bbox=[1, 2, "3", True])]}, "must be four finite numbers"),
        ({"annotations": [annotation(1, 2, bbox=None)]}, "is None, must be four finite numbers"),
        ({"annotations": [annotation(1, 2, bbox=[1, 2, 0, 3])]}, "has no area: it is 0 wide and 3 high"),
        ({"annotations": [annotation(1, 2, bbox=[1, 2, 3, -1])]}, "has no area: it is 3 wide and -1 high"),
        ({"annotations": [annotation(1, 2, bbox=[8.1, 2, 0.2, 1])]}, "has no area within its image"),
        ({"annotations": [annotation(1, 2, bbox=[7, 2, 1e-12, 1])]}, "has no area within its image"),
        ({"annotations": [annotation(1, 2, bbox=[1, 2, 8, 3])]}, "is outside its image of 8 x 6: x from 1 to 9"),
        ({"annotations": [annotation(1, 2, bbox=[-1, 2, 3, 3])]}, "is outside its image of 8 x 6: x from -1 to 2"),
        (
            {"annotations": [annotation(1, 2, bbox=[7, 2, 1.50000001, 3])]},
            "x from 7 to 8.50000001 and y from 2 to 5, allowed is x from -0.5 to 8.5 and y from -0.5 to 6.5",
        ),
    ],
)


@DEFECTS
def test_a_defect_is_an_error_that_names_file_reason_and_way_out(write, changes, expected):
    with pytest.raises(DataError) as caught:
        read_coco(write(**changes), "train")
    assert expected in str(caught.value)
    assert "set data.on_bad_data: skip" in str(caught.value)


@DEFECTS
def test_with_skip_the_whole_image_is_left_out_and_listed(write, changes, expected):
    data = read_coco(write(**changes), "train", on_bad_data="skip")
    assert [sample.image_id for sample in data.samples] == ["1.jpg", "3.jpg"]
    (defect,) = data.defects
    assert expected in defect.reason


@pytest.mark.parametrize(
    ("double", "reasons"),
    [
        (
            [image(1), image(1, file_name="2.jpg")],
            ["2 images have the id 1, one of them has the file name '1.jpg'", "'2.jpg'"],
        ),
        (
            [image(1), image(2, file_name="1.jpg")],
            ["2 images have the file name '1.jpg', one of them has the id 1", "the id 2"],
        ),
        ([image(1), image(2, file_name="./1.jpg")], ["2 images have the file name '1.jpg', one of", "the id 2"]),
        ([image(1), image(2, file_name=".//1.jpg")], ["2 images have the file name '1.jpg', one of", "the id 2"]),
        ([image(1), image(1, width=0, file_name="2.jpg")], ["2 images have the id 1, one of", "the width of image 1"]),
        ([image(1), image(1), image(1)], ["3 images have the id 1, one of them has the file name '1.jpg'"] * 3),
    ],
)
def test_of_images_with_one_id_or_one_file_none_is_kept(write, double, reasons):
    root = write(images=[*double, image(3)], annotations=[annotation(1, 1), annotation(3, 3)])
    with pytest.raises(DataError, match=r"instances_train\.json: . images have the .* set data\.on_bad_data: skip"):
        read_coco(root, "train")
    data = read_coco(root, "train", on_bad_data="skip")
    assert [sample.image_id for sample in data.samples] == ["3.jpg"]
    images = [defect.reason for defect in data.defects if not defect.reason.startswith("annotation")]
    assert len(images) == data.left_out == len(reasons)
    assert all(expected in reason for expected, reason in zip(reasons, images, strict=True))


def test_an_image_has_one_name_however_its_file_writes_it(write):
    root = write(images=[image(1, file_name="./1.jpg"), image(2), image(3, file_name=".//3.jpg")])
    assert [sample.image_id for sample in read_coco(root, "train").samples] == ["1.jpg", "2.jpg", "3.jpg"]
    assert coco_places(root, "train") == {f"{n}.jpg": root / "train" / f"{n}.jpg" for n in (1, 2, 3)}


@pytest.mark.parametrize(
    ("stray", "expected"),
    [
        (annotation(1, 9), "annotation 2 is of the image 9, which isn't in the file"),
        (annotation(1, [1]), "annotation 2 is of the image [1], which isn't in the file"),
        ("dog", "annotation 2 is 'dog', must be a mapping"),
    ],
)
def test_an_annotation_of_no_image_is_a_defect_of_no_image(write, stray, expected):
    root = write(annotations=[annotation(5, 1), stray])
    with pytest.raises(DataError, match=r"instances_train\.json: annotation 2 is"):
        read_coco(root, "train")
    data = read_coco(root, "train", on_bad_data="skip")
    assert len(data.samples) == 3
    assert [defect.reason for defect in data.defects] == [expected]


def test_an_unknown_class_says_how_to_name_all(write):
    with pytest.raises(DataError, match=r"unknown class 'dog'; known: cat\. Name all classes of the data in data\.cl"):
        read_coco(write(), "train", class_names=["cat"])


def test_when_nothing_is_usable_every_defect_is_in_the_error(write):
    with pytest.raises(NothingUsableError, match="none of the 3 images listed is usable; the first") as caught:
        read_coco(write(), "train", class_names=["cat"], on_bad_data="skip")
    assert len(caught.value.defects) == 3


def test_an_image_that_is_a_link_to_outside_is_refused_and_one_within_the_root_is_not(write, tmp_path):
    root = write()
    outside = tmp_path.parent / f"{tmp_path.name}-outside.jpg"
    outside.touch()
    (root / "val").mkdir()
    (root / "val" / "3.jpg").touch()
    for number, target in ((2, outside), (3, root / "val" / "3.jpg")):
        (root / "train" / f"{number}.jpg").unlink()
        (root / "train" / f"{number}.jpg").symlink_to(target)
    data = read_coco(root, "train", on_bad_data="skip")
    assert [sample.image_id for sample in data.samples] == ["1.jpg", "3.jpg"]
    assert "the image is a link that leads outside the data folder" in data.defects[0].reason


def test_a_whole_folder_may_lie_elsewhere(write, tmp_path):
    root = write()
    (root / "train").rename(tmp_path.parent / f"{tmp_path.name}-images")
    (root / "train").symlink_to(tmp_path.parent / f"{tmp_path.name}-images")
    assert len(read_coco(root, "train").samples) == 3


BROKEN = pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "broken JSON"),
        (b"{", "broken JSON"),
        (b"\xff\xfe\x00", "broken JSON"),
        (b"[" * 100_000, "broken JSON"),
        (b'{"images": [' + b"9" * 5000 + b"]}", "broken JSON"),
        (b"[]", "holds [], an instances file is a mapping"),
        (b"{}", "images is None, must be a list"),
        (json.dumps(content(annotations=None)).encode(), "annotations is None, must be a list"),
        (json.dumps(content(categories={})).encode(), "categories is {}, must be a list"),
        (json.dumps(content(categories=[{"id": 1}])).encode(), "must have a whole number as its id and a name"),
        (json.dumps(content(categories=[{"id": 1, "name": "\ud800"}])).encode(), "and a name"),
        (json.dumps(content(categories=CATEGORIES * 2)).encode(), "the category 18, 'dog', is there twice"),
    ],
)


@BROKEN
@pytest.mark.parametrize("on_bad_data", ["error", "skip"])
def test_a_file_that_is_no_instances_file_is_an_error_in_either_case(write, text, expected, on_bad_data):
    root = write()
    (root / "annotations" / "instances_train.json").write_bytes(text)
    with pytest.raises(DataError) as caught:
        read_coco(root, "train", on_bad_data=on_bad_data)
    assert str(caught.value).startswith(f"{root}/annotations/instances_train.json: ")
    assert expected in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(root))


def only_data_errors(text, path):
    """Whatever the text, it is refused as data, or gives boxes inside their images."""
    try:
        instances = parse_instances(text, path)
    except DataError:
        return
    labels = {name: label for label, name in enumerate(instances.categories.values(), start=1)}
    for entry in instances.images:
        try:
            one = parse_image(entry, path)
            found = parse_objects(instances.objects.get(one.id, ()), one, instances.categories, labels, path)
        except DataError:
            continue
        assert (found.boxes >= 0).all()
        assert (found.boxes[:, :2] < found.boxes[:, 2:]).all()
        assert (found.boxes[:, 2:] <= np.float32([one.width, one.height])).all()
        assert set(found.labels.tolist()) <= set(range(1, len(labels) + 1))


SCALARS = st.none() | st.booleans() | st.integers(-3, 12) | st.floats() | st.text(max_size=4) | st.just(10**30)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4), max_leaves=5)
ENTRIES = {
    "images": st.fixed_dictionaries(
        {"id": st.integers(1, 2) | VALUES, "file_name": VALUES, "width": st.integers(1, 9), "height": VALUES}
    ),
    "annotations": st.fixed_dictionaries(
        {"image_id": st.integers(1, 2), "bbox": st.lists(SCALARS, min_size=4, max_size=4) | VALUES},
        optional={"id": VALUES, "category_id": st.integers(1, 2) | VALUES, "iscrowd": VALUES},
    ),
    "categories": st.fixed_dictionaries({"id": st.integers(1, 2) | VALUES, "name": st.text(max_size=2) | VALUES}),
}
FILES = st.fixed_dictionaries({name: st.lists(entry | VALUES, max_size=3) for name, entry in ENTRIES.items()})


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_refused_as_data(tmp_path_factory, text):
    only_data_errors(text, tmp_path_factory.getbasetemp())


@settings(deadline=None, max_examples=200)
@given(FILES)
def test_json_of_any_kind_is_read_or_refused_as_data(tmp_path_factory, file):
    only_data_errors(json.dumps(file).encode(), tmp_path_factory.getbasetemp())


@settings(deadline=None)
@given(st.lists(st.floats(-2, 10, width=32) | st.integers(-2, 10), min_size=4, max_size=4))
def test_boxes_near_the_border_are_inside_or_refused(tmp_path_factory, bbox):
    file = content(annotations=[annotation(1, 1, bbox=bbox)])
    only_data_errors(json.dumps(file).encode(), tmp_path_factory.getbasetemp())
