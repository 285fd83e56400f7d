"""What a run says of its data: as what they are read, and what was accepted in them."""

import json
from dataclasses import replace

import pytest

from search.config import ConfigError, load_config
from search.run.folder import RunFolder
from search.stages.data import note_data, read_data
from trainers.data.formats import data_format
from trainers.data.remarks import Remark
from trainers.progress import SilentProgress


@pytest.fixture
def tiny_plan(tiny_data, images_plan, tmp_path):
    """A plan over a tiny data set of one format, which has classes of its own."""

    def make(form, classes=None):
        root = tiny_data(form, tmp_path / "data")
        classes = classes or ("[cat, dog]" if form == "voc" else "null")
        text = f"name: a\ndata: {{format: {form}, root: {root}, image_size: 96, classes: {classes}}}\n"
        (tmp_path / "a.yaml").write_text(text + "student: {detector: ssd_resnet18, width: 0.125}\n")
        return images_plan(load_config(tmp_path / "a.yaml"))

    return make


@pytest.mark.parametrize("form", ["voc", "coco", "visdrone"])
def test_a_run_says_as_what_it_reads_its_images_before_it_decodes_them(tiny_plan, recorded_progress, tmp_path, form):
    plan, progress = tiny_plan(form), recorded_progress()
    read_data(plan, RunFolder(tmp_path / "run"), progress)
    (_, train), (_, val), (_, test), *others = progress.events
    for split, note in (("train", train), ("val", val), ("test", test)):
        assert note.startswith(f"{split}: read as {data_format(form).title} (")
    assert [event[:2] for event in others if event[0] != "advance"] == [
        ("stage", "images of train"),
        ("stage", "images of val"),
    ]


def test_what_was_accepted_is_noted_in_the_log_and_in_a_file_of_the_run(tiny_plan, recorded_progress, tmp_path):
    plan = tiny_plan("coco")
    run, progress = RunFolder(tmp_path / "run"), recorded_progress()
    run.path.mkdir()
    data = read_data(plan, run, SilentProgress())
    remark = Remark("boxes were clipped", 3, tmp_path / "a.json")
    marked = replace(data, read=data.read | {"train": replace(data.read["train"], remarks=(remark,))})
    note_data(marked, run, progress)
    assert progress.notes == [f"train: boxes were clipped: 3, the first: {tmp_path}/a.json"]
    assert json.loads((run.path / "data_remarks.json").read_text()) == {
        "train": [{"count": 3, "what": "boxes were clipped", "first": f"{tmp_path}/a.json"}],
        "val": [],
    }
    assert not (run.path / "data_defects.json").exists()


@pytest.mark.parametrize("form", ["coco", "yolo"])
def test_a_class_that_no_file_lists_is_refused_as_the_check_of_the_data_does(tiny_plan, tmp_path, form):
    plan, run = tiny_plan(form, "[cat, dog, hen]"), RunFolder(tmp_path / "run")
    with pytest.raises(ConfigError) as refused:
        read_data(plan, run, SilentProgress())
    assert str(refused.value) == (
        "data.classes is [cat, dog, hen], but among the categories of the files 'hen' is not known. Known: cat, dog."
    )
    run.path.mkdir()
    (run.path / "journal.log").touch()  # a run that an earlier version began goes on
    assert read_data(plan, run, SilentProgress()).train.class_names == ("cat", "dog", "hen")


def test_where_files_list_no_classes_one_without_an_object_is_noted(tiny_plan, recorded_progress, tmp_path):
    progress = recorded_progress()
    read_data(tiny_plan("voc", "[cat, hen, dog]"), RunFolder(tmp_path / "run"), progress)
    assert [note for note in progress.notes if "hen" in note] == [
        "train: data.classes names hen, of which there is no object to learn."
    ]
