"""Instances files from outside: whatever they hold, they are read or refused as bad data."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.data.coco.annotation import parse_instances
from trainers.data.coco.images import parse_image
from trainers.data.coco.objects import parse_objects
from trainers.data.errors import DataError
from trainers.data.formats import data_format


def file_of(**parts):
    """An instances file without images, but for the given parts."""
    return json.dumps({"categories": [], "images": [], "annotations": []} | parts).encode()


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
        (file_of(annotations={}), "annotations is {}, must be a list"),
        (file_of(categories={}), "categories is {}, must be a list"),
        (file_of(categories=[{"id": 1}]), "must have a whole number as its id and a name"),
        (file_of(categories=[{"id": 1, "name": "\ud800"}]), "and a name"),
        (file_of(categories=[{"id": 18, "name": "dog"}] * 2), "the category 18, 'dog', is there twice"),
        (file_of(categories=[{"id": 18, "name": "dog"}, {"id": "18.0", "name": "cat"}]), "the category 18, 'dog', is"),
        (file_of(categories=[{"id": 18, "name": "dog"}, {"id": 3, "name": "dog"}]), "the category 18, 'dog', is there"),
    ],
)


@BROKEN
@pytest.mark.parametrize("on_bad_data", ["error", "skip"])
def test_a_file_that_is_no_instances_file_is_an_error_in_either_case(write_coco, text, expected, on_bad_data):
    root = write_coco()
    (root / "annotations" / "instances_train.json").write_bytes(text)
    with pytest.raises(DataError) as caught:
        data_format("coco").image_sets(root).read("train", on_bad_data=on_bad_data)
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
            image = parse_image(entry, path)
            if not image.width or not image.height:
                continue  # the picture would say how large it is
            objects = parse_objects(instances.objects.get(image.id, ()), image, instances.categories, labels, path)
        except DataError:
            continue
        assert (objects.boxes >= 0).all()
        assert (objects.boxes[:, :2] < objects.boxes[:, 2:]).all()
        assert (objects.boxes[:, 2:] <= np.float32([image.width, image.height])).all()
        assert set(objects.labels.tolist()) <= set(range(1, len(labels) + 1))


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


@settings(deadline=None)
@given(FILES)
def test_json_of_any_kind_is_read_or_refused_as_data(tmp_path_factory, file):
    only_data_errors(json.dumps(file).encode(), tmp_path_factory.getbasetemp())


@settings(deadline=None)
@given(st.lists(st.floats(-2, 10, width=32) | st.integers(-2, 10), min_size=4, max_size=4))
def test_boxes_near_the_border_are_inside_or_refused(tmp_path_factory, coco_content, bbox):
    file = coco_content(annotations=[{"bbox": bbox}])
    only_data_errors(json.dumps(file).encode(), tmp_path_factory.getbasetemp())
