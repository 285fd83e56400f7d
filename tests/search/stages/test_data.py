"""What makes the data of a run the same as before."""

import json

import pytest
from PIL import Image, ImageOps

from results import layout
from search.config import load_config
from search.errors import RunError
from search.run.folder import RunFolder
from search.stages.data import note_data, read_data
from trainers.progress import SilentProgress

CONFIG = """
name: tiny
data: {{format: voc, root: {root}, image_size: 96, classes: [cat, dog]}}
student: {{detector: ssd_resnet18}}
"""


@pytest.fixture
def root(tiny_data, tmp_path):
    return tiny_data("voc", tmp_path / "data")


@pytest.fixture
def reading(images_plan, root, tmp_path):
    """Reads the data of a run that has a teacher already, and notes their digests."""
    (tmp_path / "tiny.yaml").write_text(CONFIG.format(root=root))
    run = RunFolder(tmp_path / "run")
    run.teacher("twin").parent.mkdir(parents=True)
    run.teacher("twin").touch()

    def read():
        data = read_data(images_plan(load_config(tmp_path / "tiny.yaml")), run, SilentProgress())
        note_data(data, run, SilentProgress())
        return data

    return read


@pytest.fixture
def digests(tmp_path):
    return tmp_path / "run" / layout.DATA_DIGEST


@pytest.mark.parametrize("image", ["train_3.jpg", "val_0.jpg"])
def test_a_picture_that_changed_is_refused(reading, root, image):
    reading()
    file = root / "VOCdevkit" / "VOC2007" / "JPEGImages" / image
    ImageOps.mirror(Image.open(file)).save(file)
    with pytest.raises(RunError, match="was begun with other images or annotations than are there now"):
        reading()


def test_two_pictures_that_changed_places_are_refused(reading, root):
    reading()
    folder = root / "VOCdevkit" / "VOC2007" / "JPEGImages"
    (folder / "train_1.jpg").rename(folder / "one.jpg")
    (folder / "train_2.jpg").rename(folder / "train_1.jpg")
    (folder / "one.jpg").rename(folder / "train_2.jpg")
    with pytest.raises(RunError, match="was begun with other images"):
        reading()


def test_a_run_whose_digests_had_no_pixels_goes_on_and_gets_new_ones(reading, digests):
    data = reading()
    now = digests.read_text()
    earlier = {name: getattr(data, name)._digest_of_objects().hexdigest() for name in ("train", "val")}
    digests.write_text(json.dumps(earlier))
    reading()
    assert digests.read_text() == now
    digests.write_text(json.dumps(earlier | {"val": earlier["train"]}))
    with pytest.raises(RunError, match="was begun with other images"):
        reading()


def test_a_fingerprint_covers_rule_pixels_and_flags(reading):
    train = reading().train
    changed = [
        train.subset(range(len(train) - 1)),
        train.without_difficult(),
        type(train).from_arrays(train.arrays(), train.image_ids, train.class_names, "coco", train.learns_difficult),
        type(train).from_arrays(train.arrays(), train.image_ids, train.class_names, train.rule, learns_difficult=False),
        type(train).from_arrays(
            train.arrays() | {"images": 255 - train.images}, train.image_ids, train.class_names, train.rule
        ),
    ]
    fingerprints = {one.fingerprint() for one in [train, *changed]}
    assert len(fingerprints) == 6
