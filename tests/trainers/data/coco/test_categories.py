"""Categories that only group others are no classes; every other category is one."""

import json

import pytest

from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.data.remarks import GROUPING, Remark

ROOT = {"id": 0, "name": "pets", "supercategory": "none"}
CAT = {"id": 1, "name": "cat", "supercategory": "pets"}
DOG = {"id": 2, "name": "dog", "supercategory": "pets"}


def objects_of(*category_ids):
    return [{"id": k, "image_id": 1, "category_id": one} for k, one in enumerate(category_ids)]


@pytest.mark.parametrize(
    ("categories", "owners", "classes", "groups"),
    [
        ([ROOT, CAT, DOG], [1, 2], ("cat", "dog"), 1),
        ([ROOT, CAT, DOG], ["1", 2.0], ("cat", "dog"), 1),
        ([CAT, ROOT, DOG], [2], ("cat", "dog"), 1),  # a class without objects stays one
        ([ROOT, CAT, DOG], [], ("cat", "dog"), 1),
        ([ROOT, CAT, DOG], [0, 1], ("pets", "cat", "dog"), 0),
        ([ROOT, CAT, DOG], ["0"], ("pets", "cat", "dog"), 0),
        ([ROOT], [], ("pets",), 0),
        ([ROOT | {"supercategory": "pets"}], [], ("pets",), 0),  # of itself alone
        ([ROOT | {"supercategory": "all"}, {"id": 7, "name": "all"}, CAT], [1], ("cat",), 2),
        ([{"id": 1, "name": "cat"}, {"id": 2, "name": "dog", "supercategory": None}], [2], ("cat", "dog"), 0),
        ([{"id": 1, "name": "cat", "supercategory": ["dog"]}, {"id": 2, "name": "dog"}], [1], ("cat", "dog"), 0),
        # a root that is named like a class
        ([ROOT | {"name": "cat"}, CAT | {"supercategory": "cat"}], [1], ("cat",), 1),
        ([ROOT | {"name": "cat"}, CAT | {"supercategory": "cat"}], [], ("cat",), 1),
        (
            [ROOT | {"name": "cat"}, CAT | {"supercategory": "cat"}, DOG | {"supercategory": "cat"}],
            [2],
            ("cat", "dog"),
            1,
        ),
    ],
)
def test_a_category_that_groups_others_and_owns_no_object_is_no_class(write_coco, categories, owners, classes, groups):
    root = write_coco(categories=categories, annotations=objects_of(*owners))
    sets = data_format("coco").image_sets(root)
    data = sets.read("train")
    assert data.class_names == sets.class_names("train") == classes
    assert data.remarks == (
        (Remark(GROUPING, groups, root / "annotations" / "instances_train.json"),) if groups else ()
    )
    assert len(data.samples[0].labels) == len(owners)


def test_labels_count_the_classes_alone(write_coco):
    data = (
        data_format("coco")
        .image_sets(write_coco(categories=[ROOT, CAT, DOG], annotations=objects_of(2, 1)))
        .read("train")
    )
    assert data.samples[0].labels.tolist() == [2, 1]


def test_a_category_that_the_user_names_is_a_class_and_no_remark(write_coco):
    root = write_coco(categories=[ROOT, CAT, DOG], annotations=objects_of(2))
    data = data_format("coco").image_sets(root).read("train", class_names=["cat", "dog", "pets"])
    assert (data.samples[0].labels.tolist(), data.remarks) == ([2], ())


def test_two_classes_of_one_name_that_both_own_objects_stay_refused(write_coco):
    twins = [ROOT | {"name": "cat"}, CAT | {"supercategory": "cat"}]
    root = write_coco(categories=twins, annotations=objects_of(0, 1))
    with pytest.raises(DataError, match="the category 1, 'cat', is there twice"):
        data_format("coco").image_sets(root).read("train")


def test_the_classes_of_train_decide_for_the_other_sets(write_coco):
    root = write_coco(categories=[ROOT, CAT, DOG], annotations=objects_of(1))
    sets = data_format("coco").image_sets(root)
    classes = sets.class_names("train")
    file = root / "annotations" / "instances_val.json"
    content = json.loads((root / "annotations" / "instances_train.json").read_text())
    (root / "val").symlink_to(root / "train")
    content["annotations"][0]["category_id"] = 2
    file.write_text(json.dumps(content))
    sets = data_format("coco").image_sets(root)
    assert sets.read("val", class_names=classes).samples[0].labels.tolist() == [2]
    content["annotations"][0]["category_id"] = 0
    file.write_text(json.dumps(content, indent=1))
    with pytest.raises(DataError, match=r"is of the unknown class 'pets'; known: cat, dog\. Name all classes"):
        sets.read("val", class_names=classes)
