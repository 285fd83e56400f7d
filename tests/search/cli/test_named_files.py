"""Files that no layout finds or that two layouts fit, and links out of the data: asked about, then named."""

import os
import re
import shutil
from pathlib import Path

import pytest
from data_layouts import CLASSES, coco_named, scenes, visdrone_short, voc_flat
from typer.testing import CliRunner

from search.cli.app import app
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.detector_file import save_detector


@pytest.fixture
def call():
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def detector(tmp_path):
    """The file of a detector of cats and dogs that has learnt nothing."""
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=2, image_size=96, width=0.125)
    save_detector(tmp_path / "a.safetensors", build_fixed(spec, Candidate({})), spec, Candidate({}), CLASSES)
    return tmp_path / "a.safetensors"


def test_a_set_with_two_readings_is_asked_about_and_named(call, tiny_data, tmp_path):
    root = tiny_data("coco", tmp_path / "data")
    shutil.copytree(root / "val", root / "images" / "val")
    asked = call("data", "check", root)
    assert (asked.exit_code, asked.stdout) == (2, "")
    assert "the set val can be read as annotations/instances_<split>.json with images in <split>/ (" in asked.stderr
    assert "Say which: data.annotations.val (--annotations) and data.images.val (--images)." in asked.stderr
    chosen = call(
        "data",
        "check",
        root,
        "--images",
        f"val={root}/val",
        "--annotations",
        f"val={root}/annotations/instances_val.json",
    )
    assert chosen.exit_code == 0, chosen.output


def test_an_evaluation_finds_the_format_or_takes_named_files(call, detector, tmp_path):
    coco_named(tmp_path / "data")
    files = ["--annotations", tmp_path / "data/labels/part_test.json", "--images", tmp_path / "data/photos"]
    named = call("evaluate", detector, "--format", "coco", *files)
    assert named.exit_code == 0, named.output
    assert f"test: read as COCO (as named): annotations in {files[1]}, images in {files[3]}" in named.stderr
    voc_flat(tmp_path / "voc")
    found = call("evaluate", detector, "--data", tmp_path / "voc", "--split", "val")
    assert found.exit_code == 0, found.output
    assert "val: read as VOC (" in found.stderr
    assert "Give --format." in call("evaluate", detector, *files).stderr
    assert "no folder was named. Name it, or the files of each set" in call("evaluate", detector).stderr


def linked(folder: Path, cache: Path) -> None:
    """Moves the images of a folder into a cache, as content-addressed files, and leaves links to them."""
    cache.mkdir()
    for number, path in enumerate(sorted(folder.rglob("*.jpg"))):
        shutil.move(path, cache / f"{number:040x}")
        path.symlink_to(cache / f"{number:040x}")


@pytest.mark.parametrize("write", [visdrone_short, voc_flat])
def test_links_into_a_cache_are_followed_where_the_user_says_so(call, write, tmp_path):
    root = tmp_path / "data"
    write(root)
    linked(root, tmp_path / "cache")
    options = ["data", "check", root, *(["--classes", ",".join(CLASSES)] if write is voc_flat else [])]
    refused = call(*options)
    assert refused.exit_code == 1
    assert refused.stdout.count("is a link that leads outside the data folder") == 16
    followed = call(*options, "--follow-links")
    assert followed.exit_code == 0, followed.output
    assert "defects: 0" in followed.stdout


def test_what_a_mac_leaves_beside_the_files_is_no_data(call, tmp_path):
    voc_flat(tmp_path)
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        for path in list((tmp_path / folder).iterdir()):
            path.with_name(f"._{path.name}").write_bytes(os.urandom(20))
        (tmp_path / folder / ".DS_Store").write_bytes(b"\0")
    result = call("data", "check", tmp_path, "--classes", ",".join(CLASSES))
    assert result.exit_code == 0, result.output
    assert re.findall(r"^(\w+): read as", result.stdout, re.MULTILINE) == ["test", "train", "val"]


def test_a_copy_of_training_images_under_new_names_is_reported(call, tmp_path):
    voc_flat(tmp_path)
    for one, other in zip(scenes("train", 4), scenes("test", 4), strict=True):
        shutil.copy(tmp_path / "JPEGImages" / f"{one.name}.jpg", tmp_path / "JPEGImages" / f"{other.name}.jpg")
    result = call("data", "check", tmp_path, "--classes", ",".join(CLASSES))
    assert result.exit_code == 1
    assert "test and train share 4 images, the first: " in result.stdout
    assert result.stdout.rstrip().endswith("defects: 1")
