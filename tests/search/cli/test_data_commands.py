"""`bitfront data check`: its table, its list of defects and its exit status."""

import shutil
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from search.cli.app import app
from trainers.data.coco.reader import read_coco
from trainers.data.formats import FORMATS
from trainers.data.remarks import Remark


@pytest.fixture
def check():
    def call(*arguments):
        return CliRunner().invoke(app, ["data", "check", *map(str, arguments)])

    return call


def cells(stdout):
    """The table as rows of stripped cells."""
    lines = [line.replace("┃", "│").strip("│") for line in stdout.splitlines() if line.startswith(("┃", "│"))]
    return [[cell.strip() for cell in line.split("│")] for line in lines]


def test_counts_stand_by_class_and_split(check, tiny_data, tmp_path):
    result = check(tiny_data("coco", tmp_path), "--format", "coco")
    assert result.exit_code == 0, result.stderr
    assert cells(result.stdout) == [
        ["class", "test", "train", "val"],
        ["images", "4", "8", "4"],
        ["cat", "2 + 1 (2)", "4 + 2 (4)", "2 + 1 (2)"],
        ["dog", "2 + 1 (2)", "4 + 1 (4)", "2 + 1 (2)"],
        ["all objects", "4 + 2 (4)", "8 + 3 (8)", "4 + 2 (4)"],
    ]
    assert "objects + objects that are crowds (images with either)" in result.stdout
    assert result.stdout.endswith("defects: 0\n")


def test_the_format_is_found_and_what_is_read_is_said_on_top(check, tiny_data, tmp_path):
    root = tiny_data("visdrone", tmp_path)
    result = check(root)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    for line, split in zip(lines, ("test", "train", "val"), strict=False):
        folder = root / f"VisDrone2019-DET-{split}"
        assert line.startswith(f"{split}: read as VisDrone (")
        assert line.endswith(f"): annotations in {folder}/annotations, images in {folder}/images")


def test_files_may_be_named_without_a_folder(check, tiny_data, tmp_path, monkeypatch):
    root = tiny_data("coco", tmp_path / "data")
    (root / "annotations" / "instances_val.json").rename(tmp_path / "labels.json")
    (root / "val").rename(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    files = ["--annotations", "mine=labels.json", "--images", "mine=photos"]
    alone = check("--format", "coco", *files)
    assert alone.exit_code == 0, alone.stderr
    assert cells(alone.stdout)[:2] == [["class", "mine"], ["images", "4"]]
    assert f"mine: read as COCO (as named): annotations in {tmp_path}/labels.json, images in" in alone.stdout
    beside = check(root, *files, "--split", "mine", "--split", "train")
    assert cells(beside.stdout)[:2] == [["class", "mine", "train"], ["images", "4", "8"]]


def test_sets_that_list_different_classes_are_named(check, tiny_data, tmp_path):
    root = tiny_data("coco", tmp_path)
    file = root / "annotations" / "instances_val.json"
    file.write_text(file.read_text().replace('"cat"', '"tram"'))
    shown = check(root)
    assert shown.exit_code == 0
    line = "The sets list different classes (test: cat, dog; train: cat, dog; val: tram, dog). A run takes those of"
    assert line in shown.stdout


def test_links_that_lead_outside_lead_to_the_option_that_follows_them(check, tiny_data, tmp_path):
    root = tiny_data("voc", tmp_path / "data")
    image = root / "VOCdevkit" / "VOC2007" / "JPEGImages" / "train_3.jpg"
    image.rename(tmp_path / "elsewhere.jpg")
    image.symlink_to(tmp_path / "elsewhere.jpg")
    assert (
        "defects: 1\nIf you trust the data, have links followed: --follow-links\n"
        in check(root, "--classes", "cat,dog").stdout
    )
    assert check(root, "--classes", "cat,dog", "--follow-links").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "train"], "--images is 'train', must be SET=PATH, such as --images train=PATH."),
        (["--images", "=a"], "--images is '=a', must be SET=PATH"),
        (["--annotations", "val=a", "--annotations", "val=b"], "--annotations names the set 'val' twice. Leave one"),
        (
            ["--images", "val=nowhere"],
            "there is nothing here, but data.images.val (--images) names it. Correct the path.",
        ),
    ],
)
def test_a_mistake_in_named_files_gives_exit_status_2(check, tiny_data, tmp_path, arguments, message):
    result = check(tiny_data("coco", tmp_path), *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_remarks_are_counted_below_the_defects_and_are_none(check, tiny_data, tmp_path, monkeypatch):
    root = tiny_data("coco", tmp_path)

    def read(files, *, class_names, on_bad_data):
        data = read_coco(files, class_names=class_names, on_bad_data=on_bad_data)
        return replace(data, of_files=(Remark("boxes were clipped", 3, files[0].annotations),))

    form = replace(FORMATS["coco"], reader=read)
    monkeypatch.setitem(FORMATS, "coco", form)
    result = check(root, "--split", "val")
    assert result.exit_code == 0
    file = root / "annotations" / "instances_val.json"
    assert result.stdout.endswith(f"defects: 0\nval: boxes were clipped: 3, the first: {file}\n")


def test_ignored_regions_have_a_row_and_a_split_may_be_chosen(check, tiny_data, tmp_path):
    result = check(tiny_data("visdrone", tmp_path), "--format", "visdrone", "--split", "val")
    rows = dict(cells(result.stdout))
    assert (rows["class"], rows["car"], rows["ignored regions"], rows["van"]) == ("val", "2 + 0 (2)", "2", "0 + 0 (0)")


def test_yolos_classes_are_those_of_the_yaml_or_named(check, tiny_data, tmp_path):
    root = tiny_data("yolo", tmp_path)
    result = check(root, "--format", "yolo")
    assert result.exit_code == 0, result.stderr
    assert ["cat", "2 + 0 (2)", "4 + 0 (4)", "2 + 0 (2)"] in cells(result.stdout)
    (root / "data.yaml").unlink()
    unnamed = check(root, "--format", "yolo", "--split", "val")
    assert unnamed.exit_code == 1
    assert "labels/val: no file names its classes (a data YAML with names, classes.txt or obj.names)" in unnamed.stdout
    named = check(root, "--format", "yolo", "--classes", "cow,hen")
    assert [row[0] for row in cells(named.stdout)] == ["class", "images", "cow", "hen", "all objects"]


def test_classes_of_ones_own_are_named(check, tiny_data, tmp_path):
    result = check(tiny_data("voc", tmp_path), "--classes", "cat,dog,cow", "--split", "train", "--year", 2007)
    assert result.exit_code == 0, result.stderr
    assert [row[0] for row in cells(result.stdout)] == ["class", "images", "cat", "dog", "cow", "all objects"]


@pytest.mark.parametrize(
    ("form", "classes", "message"),
    [
        (
            "coco",
            "cat,dgo",
            "among the categories of the files 'dgo' is not known. Did you mean 'dog'? Known: cat, dog.",
        ),
        (
            "visdrone",
            "car,bus",
            "VisDrone's classes are fixed. Leave it out; they are pedestrian, people, bicycle, car",
        ),
        ("voc", "cat,,dog", "--classes is 'cat,,dog': must be names with commas between, each of them once."),
        ("voc", "cat,dog, cat", "--classes is 'cat,dog,cat': must be names with commas between, each of them once."),
    ],
)
def test_a_mistake_in_the_classes_gives_exit_status_2_and_says_what_is_allowed(
    check, tiny_data, tmp_path, form, classes, message
):
    result = check(tiny_data(form, tmp_path), "--format", form, "--classes", classes)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_broken_file_is_a_defect_though_classes_are_named(check, tiny_data, tmp_path):
    root = tiny_data("coco", tmp_path)
    (root / "annotations" / "instances_val.json").write_text("{")
    result = check(root, "--format", "coco", "--classes", "cat,dog")
    assert result.exit_code == 1
    assert "instances_val.json: broken JSON" in result.stdout


def test_lists_of_one_class_are_no_splits(check, tiny_data, tmp_path):
    root = tiny_data("voc", tmp_path)
    lists = root / "VOCdevkit" / "VOC2007" / "ImageSets" / "Main"
    for name in ("aeroplane_trainval", "zebra_train"):  # of VOC's own classes and of another
        (lists / f"{name}.txt").write_text("000005 -1\n000007  1\n")
    (lists / "person_indoors.txt").write_text("val_0\nval_1\n")  # of ids alone, whatever it is called
    result = check(root)
    assert result.exit_code == 0, result.stdout
    assert cells(result.stdout)[0] == ["class", "person_indoors", "test", "train", "val"]


def test_defects_are_listed_with_file_and_reason_and_give_exit_status_1(check, tiny_data, tmp_path):
    root = tiny_data("voc", tmp_path)
    bad = root / "VOCdevkit" / "VOC2007" / "Annotations" / "train_3.xml"
    bad.write_text("<annotation>")
    (root / "VOCdevkit" / "VOC2007" / "ImageSets" / "Main" / "trainval.txt").write_text("train_3\ntrain_4")
    result = check(root)
    assert result.exit_code == 1
    assert result.stdout.count(f"{bad}: broken XML") == 1  # though two splits list it
    assert result.stdout.endswith("defects: 1\n")
    assert ["images", "4", "7", "1", "4"] in cells(result.stdout)


def test_a_class_of_ones_own_leads_to_the_option_that_names_them(check, tiny_data, tmp_path):
    root = tiny_data("voc", tmp_path)
    bad = root / "VOCdevkit" / "VOC2007" / "Annotations" / "train_3.xml"
    bad.write_text(bad.read_text().replace("<name>cat</name>", "<name>bolt</name>").replace("dog", "bolt"))
    hint = "name all of them in the order of their labels: --classes bolt,cat,dog\n"
    assert f"defects: 2\nIf the classes are your own, {hint}" in check(root).stdout
    assert "--classes" not in check(root, "--classes", "cat,dog").stdout


def test_of_a_class_of_ones_own_three_objects_are_listed_until_the_classes_are_named(check, tiny_data, tmp_path):
    """Six objects are cats in train: of the images 0, 2, 4 and 6, and the flagged ones of the first and the last."""
    root = tiny_data("voc", tmp_path)
    for file in (root / "VOCdevkit" / "VOC2007" / "Annotations").glob("train_*.xml"):
        file.write_text(file.read_text().replace("<name>cat</name>", "<name>bolt</name>"))
    result = check(root, "--split", "train")
    assert result.stdout.count("is of the unknown class 'bolt'") == 3
    assert "... and 3 more objects of the unknown class 'bolt'\ndefects: 6\n" in result.stdout
    named = check(root, "--split", "train", "--classes", "cat,dog").stdout
    assert named.count("is of the unknown class 'bolt'") == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "coco"], "there is no COCO data here: looked for annotations/instances_<split>.json"),
        (["--format", "voc", "--year", "2012"], "there is no VOC data here: looked for VOCdevkit/VOC2012"),
        (["--year", "2012"], "no format fits what is here; looked for VOC (VOCdevkit), COCO"),
        (["--split", "tset"], "there is no image set 'tset'. Choose one of those there: test, train, val."),
    ],
)
def test_a_wrong_root_or_split_gives_exit_status_2(check, tiny_data, tmp_path, arguments, message):
    result = check(tiny_data("voc", tmp_path), *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_copy_in_another_set_is_a_defect(check, tiny_data, tmp_path):
    root = tiny_data("yolo", tmp_path)
    files = [root / "images" / "train" / "train_2.jpg", root / "images" / "test" / "test_1.jpg"]
    shutil.copy(*files)
    result = check(root)
    assert result.exit_code == 1
    line = f"test and train share 1 image, the first: {files[1]} and {files[0]}\n"
    assert result.stdout.endswith(f"{line}defects: 1\n")


def test_lists_of_one_set_in_another_are_no_defect_unless_they_are_asked_for(check, tiny_data, tmp_path):
    root = tiny_data("voc", tmp_path)
    lists = root / "VOCdevkit" / "VOC2007" / "ImageSets" / "Main"
    (lists / "trainval.txt").write_text((lists / "train.txt").read_text() + "\n" + (lists / "val.txt").read_text())
    assert check(root).exit_code == 0
    both = check(root, "--split", "trainval", "--split", "val")
    assert both.exit_code == 1
    assert "trainval and val share 4 images, the first: " in both.stdout
    (lists / "test.txt").write_text("test_0\nval_1\n")
    assert "test and val share 1 image, the first: " in check(root).stdout
