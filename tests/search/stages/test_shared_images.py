"""Images that are in two sets of a run: refused before anything is written, or left out of the earlier set."""

import json
import re
import shutil

import pytest

from search.config import load_config
from search.plan.plan import plan_training
from search.run.folder import RunFolder
from search.stages.data import note_data, read_data
from search.stages.images import load_split, prepare_root
from search.stages.train import run_train
from trainers.data.errors import DataError
from trainers.progress import SilentProgress

CONFIG = """
name: tiny
device: cpu
data: {{format: {form}, root: {root}, image_size: 96, classes: {classes}}}
student: {{detector: ssd_resnet18, width: 0.125}}
teachers: {{twin: {{epochs: 1, batch_size: 4}}}}
train: {{layers: sign, epochs: 1, batch_size: 4}}
"""
IMAGES = {
    "voc": "VOCdevkit/VOC2007/JPEGImages",
    "coco": "{split}",
    "visdrone": "VisDrone2019-DET-{split}/images",
    "yolo": "images/{split}",
}


@pytest.fixture
def shared(tiny_data, tmp_path):
    """Copies the pixels of an image of one set over those of another; returns both files and a config."""

    def make(form, one, other, *overrides):
        root = tmp_path / "data"
        if not root.exists():
            tiny_data(form, root)
        files = [root / IMAGES[form].format(split=name.split("_")[0]) / f"{name}.jpg" for name in (one, other)]
        shutil.copy(*files)
        text = CONFIG.format(form=form, root=root, classes="[cat, dog]" if form == "voc" else "null")
        (tmp_path / "tiny.yaml").write_text(text)
        return *files, load_config(tmp_path / "tiny.yaml", overrides)

    return make


@pytest.mark.parametrize("form", IMAGES)
def test_a_copy_under_another_name_in_two_sets_is_refused_before_anything_is_written(shared, tmp_path, form):
    one, other, config = shared(form, "train_2", "test_1")
    message = f"image sets share images: train and test share 1 image, the first: {one} and {other}. Figures on"
    with pytest.raises(DataError, match=re.escape(message)):
        run_train(config, tmp_path / "run", None, SilentProgress())
    assert not (tmp_path / "run").exists()


def test_every_pair_of_sets_is_named_and_the_way_out(shared, images_plan, tmp_path):
    shared("visdrone", "train_2", "test_1")
    shared("visdrone", "train_3", "test_2")
    one, other, config = shared("visdrone", "val_0", "test_3")
    with pytest.raises(DataError) as refused:
        prepare_root(images_plan(config), RunFolder(tmp_path / "run"))
    assert "train and test share 2 images, the first: " in str(refused.value)
    assert f"; val and test share 1 image, the first: {one} and {other}." in str(refused.value)
    assert "or set data.on_bad_data: skip to leave these images out of the set that comes first" in str(refused.value)


def test_an_image_that_two_lists_name_is_one_file(shared, images_plan, tmp_path):
    _, _, config = shared("voc", "train_2", "train_0")  # within a set a copy does no harm
    assert prepare_root(images_plan(config), RunFolder(tmp_path / "run")) == []
    lists = tmp_path / "data" / "VOCdevkit" / "VOC2007" / "ImageSets" / "Main"
    (lists / "test.txt").write_text("test_0\nval_1\n")
    file = tmp_path / "data" / IMAGES["voc"] / "val_1.jpg"
    with pytest.raises(DataError, match=re.escape(f"val and test share 1 image, the first: {file}. Figures")):
        prepare_root(images_plan(config), RunFolder(tmp_path / "run"))


def test_one_name_for_two_images_is_no_shared_image(shared, images_plan, tmp_path):
    _, _, config = shared("coco", "train_1", "train_0")
    data = tmp_path / "data"
    shutil.copy(data / "val" / "val_1.jpg", data / "train" / "val_1.jpg")  # in no list
    assert prepare_root(images_plan(config), RunFolder(tmp_path / "run")) == []


@pytest.mark.parametrize("form", IMAGES)
def test_with_skip_shared_images_are_left_out_of_the_earlier_set_and_noted(shared, recorded_progress, tmp_path, form):
    shared(form, "train_2", "train_5")
    shared(form, "train_2", "val_1")
    one, other, config = shared(form, "train_2", "test_1", "data.on_bad_data=skip")
    plan, run, progress = plan_training(config, None).base, RunFolder(tmp_path / "run"), recorded_progress()
    run.path.mkdir()
    data = read_data(plan, run, progress, with_test=True)
    names = [[image_id.split("/")[-1].removesuffix(".jpg") for image_id in one.image_ids] for one in data.read.values()]
    assert names == [
        ["train_0", "train_1", "train_3", "train_4", "train_6", "train_7"],
        ["val_0", "val_2", "val_3"],
        ["test_0", "test_1", "test_2", "test_3"],
    ]
    assert [one.left_out for one in data.read.values()] == [2, 1, 0]
    note_data(data, run, progress)
    noted = json.loads((run.path / "data_defects.json").read_text())
    assert noted["train"][0]["file"] == str(one)
    assert noted["train"][0]["reason"].startswith("the image is in the set val, too, as ")
    assert [len(noted[split]) for split in ("train", "val", "test")] == [2, 1, 0]
    assert noted["val"][0]["reason"] == f"the image is in the set test, too, as {other}"
    assert f"train: 2 of 8 images left out, the first for {one}: the image is in the set val, too" in progress.notes[-2]


def test_with_skip_a_set_of_nothing_but_shared_images_is_refused(shared, images_plan, tmp_path):
    for number in range(4):
        _, _, config = shared("coco", f"val_{number}", f"test_{number}", "data.on_bad_data=skip")
    plan, run = images_plan(config), RunFolder(tmp_path / "run")
    with pytest.raises(DataError, match="the image set val: all its 4 usable images are in later sets, too; "):
        load_split(plan, run, "val", shared=prepare_root(plan, run))
