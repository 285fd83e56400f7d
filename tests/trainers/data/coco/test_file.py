"""Instances files are parsed once, and again when they have changed."""

import shutil
from pathlib import Path
from types import SimpleNamespace

from trainers.data.coco.annotation import parse_instances
from trainers.data.coco.file import CACHED_FILES
from trainers.data.coco.reader import coco_classes, coco_places, read_coco


def test_a_file_is_parsed_once_for_its_classes_places_and_samples(write_coco, monkeypatch):
    parsed = []
    monkeypatch.setattr(
        "trainers.data.coco.file.parse_instances", lambda *a: parsed.append(a[1]) or parse_instances(*a)
    )
    root = write_coco()
    for _ in range(2):
        coco_classes(root, "train")
        coco_places(root, "train")
    read_coco(root, "train")
    coco_classes(root, "train")
    assert len(parsed) == 1
    write_coco(categories=[{"id": 18, "name": "dog"}])  # another file under its name
    assert coco_classes(root, "train") == ("dog",)
    assert len(parsed) == 2


def test_a_file_that_others_drove_out_of_the_cache_is_parsed_again(write_coco):
    root = write_coco()
    names = [f"train{number}" for number in range(CACHED_FILES + 2)]
    for name in names:
        shutil.copy(root / "annotations" / "instances_train.json", root / "annotations" / f"instances_{name}.json")
        shutil.copytree(root / "train", root / name)
    assert coco_classes(root, names[0]) == ("car", "dog")
    for name in names[1:]:
        assert len(read_coco(root, name).samples) == 3
    assert coco_classes(root, names[0]) == ("car", "dog")
    assert len(read_coco(root, names[0]).samples) == 3


def test_a_file_that_changes_all_the_time_is_read_as_it_is(write_coco, monkeypatch):
    root = write_coco()
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
