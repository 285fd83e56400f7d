"""`bitfront data check`: its table, its list of defects and its exit status."""

import pytest
from typer.testing import CliRunner

from search.cli import app


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


def test_ignored_regions_have_a_row_and_a_split_may_be_chosen(check, tiny_data, tmp_path):
    result = check(tiny_data("visdrone", tmp_path), "--format", "visdrone", "--split", "val")
    rows = dict(cells(result.stdout))
    assert (rows["class"], rows["car"], rows["ignored regions"], rows["van"]) == ("val", "2 + 0 (2)", "2", "0 + 0 (0)")


def test_classes_of_ones_own_are_named(check, tiny_data, tmp_path):
    result = check(tiny_data("voc", tmp_path), "--classes", "cat,dog,cow", "--split", "train", "--year", 2007)
    assert result.exit_code == 0, result.stderr
    assert [row[0] for row in cells(result.stdout)] == ["class", "images", "cat", "dog", "cow", "all objects"]


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "yolo"], "--format is 'yolo'; allowed are voc, coco, visdrone."),
        (["--format", "coco"], "there is no instances_<split>.json here"),
        (["--year", "2012"], "VOC2012: there is no data here"),
        (["--split", "tset"], "there is no split 'tset'. Choose one of those there: test, train, val."),
    ],
)
def test_a_wrong_root_or_split_gives_exit_status_2(check, tiny_data, tmp_path, arguments, message):
    result = check(tiny_data("voc", tmp_path), *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
