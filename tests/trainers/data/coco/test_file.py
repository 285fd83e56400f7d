"""Instances files are parsed once, and again when they have changed."""

import shutil
from pathlib import Path
from types import SimpleNamespace

from trainers.data.coco.annotation import parse_instances
from trainers.data.coco.file import CACHED_FILES
from trainers.data.formats import data_format


def test_a_file_is_parsed_once_for_its_classes_places_and_samples(write_coco, monkeypatch):
    parsed = []
    monkeypatch.setattr(
        "trainers.data.coco.file.parse_instances", lambda *a: parsed.append(a[1]) or parse_instances(*a)
    )
    root = write_coco()
    for _ in range(2):
        data_format("coco").image_sets(root).class_names("train")
        data_format("coco").image_sets(root).images("train")
    data_format("coco").image_sets(root).read("train")
    data_format("coco").image_sets(root).class_names("train")
    assert len(parsed) == 1
    write_coco(categories=[{"id": 18, "name": "dog"}])  # another file under its name
    assert data_format("coco").image_sets(root).class_names("train") == ("dog",)
    assert len(parsed) == 2


def test_a_file_that_others_drove_out_of_the_cache_is_parsed_again(write_coco):
    root = write_coco()
    names = [f"train{number}" for number in range(CACHED_FILES + 2)]
    for name in names:
        shutil.copy(root / "annotations" / "instances_train.json", root / "annotations" / f"instances_{name}.json")
        shutil.copytree(root / "train", root / name)
    assert data_format("coco").image_sets(root).class_names(names[0]) == ("car", "dog")
    for name in names[1:]:
        assert len(data_format("coco").image_sets(root).read(name).samples) == 3
    assert data_format("coco").image_sets(root).class_names(names[0]) == ("car", "dog")
    assert len(data_format("coco").image_sets(root).read(names[0]).samples) == 3


def test_a_file_that_changes_all_the_time_is_read_as_it_is(write_coco, monkeypatch):
    root = write_coco()
    sizes = iter(range(100))
    true_stat = Path.stat

    def stat(path, **options):
        return (
            SimpleNamespace(st_size=next(sizes), st_mtime_ns=0)
            if path.name == "instances_train.json"
            else true_stat(path, **options)
        )

    monkeypatch.setattr(Path, "stat", stat)
    assert data_format("coco").image_sets(root).class_names("train") == ("car", "dog")
    assert len(data_format("coco").image_sets(root).read("train").samples) == 3
