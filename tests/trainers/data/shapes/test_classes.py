"""Generated pictures by class."""

import numpy as np
from PIL import Image

from trainers.data.classes.folder import find_pictures
from trainers.data.shapes.classes import ONE_OBJECT, write_shape_classes
from trainers.data.shapes.scene import SHAPE_CLASSES, draw_scene


def test_each_class_has_as_many_pictures_and_a_picture_depends_on_its_place_alone(tmp_path):
    write_shape_classes(tmp_path / "a", sizes={"train": 11, "val": 5}, image_size=64)
    write_shape_classes(tmp_path / "b", sizes={"train": 5}, image_size=64)
    found = find_pictures(tmp_path / "a", "train")
    assert found.classes == tuple(sorted(SHAPE_CLASSES))
    assert sorted(map(found.labels.count, range(5))) == [2, 2, 2, 2, 3]
    assert found.files[0] == "circle/000000.jpg"
    for file in find_pictures(tmp_path / "b", "train").files:
        assert (tmp_path / "a" / "train" / file).read_bytes() == (tmp_path / "b" / "train" / file).read_bytes()
    with Image.open(tmp_path / "a" / "val" / "star" / "000003.jpg") as picture:
        assert picture.size == (64, 64)
    before = (tmp_path / "b" / "train" / "star" / "000003.jpg").stat().st_mtime_ns
    write_shape_classes(tmp_path / "b", sizes={"train": 5}, image_size=64)
    assert (tmp_path / "b" / "train" / "star" / "000003.jpg").stat().st_mtime_ns == before


def test_a_scene_of_a_class_has_that_one_object_and_others_stay_as_they_were():
    for label in range(1, len(SHAPE_CLASSES) + 1):
        scene = draw_scene(np.random.default_rng(label), 64, ONE_OBJECT, label)
        assert scene.labels.tolist() == [label]
        assert (scene.boxes[0, 2:] - scene.boxes[0, :2]).max() >= 0.25 * 64
