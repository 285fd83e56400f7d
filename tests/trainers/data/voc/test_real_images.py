"""Real PASCAL VOC images; the counts are those of the subset that BITFRONT_VOC_ROOT is expected to hold."""

import os
from pathlib import Path

import numpy as np
import pytest

from trainers.data.decoding import decode
from trainers.data.formats import data_format
from trainers.data.voc.reader import VOC_CLASSES

ROOT = os.environ.get("BITFRONT_VOC_ROOT")

pytestmark = pytest.mark.skipif(not ROOT, reason="BITFRONT_VOC_ROOT doesn't name a folder that holds VOCdevkit")

# Objects and difficult objects of each class in the split val, as published with the subset.
VAL = {
    "aeroplane": (28, 0),
    "bicycle": (36, 7),
    "bird": (41, 7),
    "boat": (17, 9),
    "bottle": (54, 10),
    "bus": (15, 2),
    "car": (126, 41),
    "cat": (36, 1),
    "chair": (107, 71),
    "cow": (16, 7),
    "diningtable": (29, 6),
    "dog": (58, 2),
    "horse": (26, 8),
    "motorbike": (42, 9),
    "person": (576, 100),
    "pottedplant": (40, 10),
    "sheep": (32, 6),
    "sofa": (32, 17),
    "train": (23, 4),
    "tvmonitor": (45, 10),
}


@pytest.fixture(scope="module")
def val():
    return data_format("voc").image_sets(Path(ROOT or "")).read("val")


def test_the_split_has_the_published_number_of_objects_of_each_class(val):
    labels = np.concatenate([sample.labels for sample in val.samples])
    difficult = np.concatenate([sample.difficult for sample in val.samples])
    counts = {
        name: (int(((labels == k) & ~difficult).sum()), int(((labels == k) & difficult).sum()))
        for k, name in enumerate(VOC_CLASSES, start=1)
    }
    assert (len(val.samples), val.defects) == (500, ())
    assert counts == VAL


def test_train_and_val_are_disjoint(val):
    train = data_format("voc").image_sets(Path(ROOT or "")).read("train")
    assert len(train.samples) == 2000
    assert not {sample.image_id for sample in train.samples} & {sample.image_id for sample in val.samples}


def test_images_decode_and_boxes_lie_inside(val):
    decoded = decode(val, 96)
    assert (decoded.images.shape, decoded.defects) == ((500, 3, 96, 96), ())
    assert (decoded.boxes >= 0).all()
    assert (decoded.boxes <= 96.001).all()
    assert (decoded.boxes[:, :2] < decoded.boxes[:, 2:]).all()
