"""A part of the training images: how many, of which classes, and what stays when images are added."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.part import number_of, part_of
from trainers.data.sample import DetectionData, Sample


def data(labels_by_id):
    """Images with these labels; label 0 is an ignored region."""
    samples = []
    for image_id, labels in labels_by_id.items():
        boxes = np.tile(np.array([[0, 0, 9, 9]], np.float32), (len(labels), 1))
        found = np.array(labels, np.int64)
        samples.append(Sample(image_id, Path(f"{image_id}.jpg"), 9, 9, boxes, found, found == 0))
    return DetectionData(("cat", "dog"), tuple(samples))


def ids(part):
    return [sample.image_id for sample in part.samples]


@pytest.mark.parametrize(("wanted", "images"), [(0.25, 10), (0.001, 1), (7, 7), (41, 40), (1, 1)])
def test_a_number_below_1_is_a_share(wanted, images):
    assert number_of(wanted, 40) == images


def test_classes_are_about_equally_frequent_and_the_order_stays():
    cats, dogs = {f"cat{n:02}": [1, 0] for n in range(30)}, {f"dog{n:02}": [2] for n in range(10)}
    part = ids(part_of(data({**cats, **dogs, "empty": []}), 12, seed=0))
    assert [name[:3] for name in part] == ["cat"] * 6 + ["dog"] * 6
    assert part == sorted(part)


@given(st.integers(0, 99), st.integers(1, 20), st.integers(0, 20))
def test_an_image_that_is_added_displaces_at_most_one(seed, wanted, place):
    images = [(f"image{n}", [1]) for n in range(20)]
    before = ids(part_of(data(dict(images)), wanted, seed))
    images.insert(place, ("added", [1]))
    after = ids(part_of(data(dict(images)), wanted, seed))
    assert len(set(before) - set(after)) == ("added" in after)


def test_the_seed_decides():
    images = data({f"image{n}": [1] for n in range(40)})
    assert ids(part_of(images, 0.25, seed=0)) == ids(part_of(images, 10, seed=0))
    assert ids(part_of(images, 10, seed=0)) != ids(part_of(images, 10, seed=1))
