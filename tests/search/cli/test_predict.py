"""`bitfront predict`: what it shows, writes and refuses."""

import json
import os
from pathlib import Path

import pytest
from odd_pictures import object_box, readable, scene, unreadable
from PIL import Image
from red_finder import red_finder
from typer.testing import CliRunner

from search.cli.app import app
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.detector_file import save_detector


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["predict", *map(str, arguments)])


@pytest.fixture
def finder(monkeypatch):
    """Every checkpoint is the stand-in that finds what is red."""
    monkeypatch.setattr("search.stages.predict.load_detector", lambda path: red_finder())


@pytest.fixture
def pictures(tmp_path):
    """Two folders with a picture of the same name."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        scene().save(tmp_path / folder / "x.png")
    return tmp_path


def names_in(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_tiny_detector_finds_draws_and_writes(call, pictures, lively):
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=2, image_size=96, width=0.125)
    candidate = Candidate({"layer/backbone": "react"})
    save_detector(Path("a.safetensors"), lively(build_fixed(spec, candidate)), spec, candidate, ("cat", "дом\n"))
    options = ("--score", 0, "--max-boxes", 3, "--draw", "out", "--json", "boxes.json", "--device", "cpu")
    result = call("a.safetensors", "a", "b/x.png", *options, "--batch-size", 1)
    assert result.exit_code == 0, result.output
    shown = [line for line in result.stdout.splitlines() if not line.startswith("  ")]
    assert shown == ["a/x.png: 200 x 120 pixels, 3 boxes", "b/x.png: 200 x 120 pixels, 3 boxes"]
    rows = json.loads(Path("boxes.json").read_text())
    assert [(row["image_id"], row["file_name"]) for row in rows] == [(1, "a/x.png")] * 3 + [(2, "b/x.png")] * 3
    assert [Image.open(path).size for path in sorted(Path("out").iterdir())] == [(200, 120)] * 2
    assert names_in("out") == ["x.2.png", "x.png"]


def test_pictures_that_are_there_already_are_replaced_only_with_overwrite(call, finder, pictures):
    """b/x.png goes to out/x.2.png, a file of the user's."""
    Path("out").mkdir()
    Path("out/x.2.png").write_text("mine")
    refused = call("c.safetensors", "a", "b", "--draw", "out", "--json", "boxes.json")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        "Error: --draw out would replace 1 of 2 files, such as out/x.2.png. Name another folder, or give --overwrite.\n"
    )
    assert (names_in("out"), Path("out/x.2.png").read_text()) == (["x.2.png"], "mine")
    assert not Path("boxes.json").exists()
    assert call("c.safetensors", "a", "b", "--draw", "out", "--overwrite").exit_code == 0
    assert [Image.open(path).size for path in sorted(Path("out").iterdir())] == [(200, 120)] * 2
    kept = call("c.safetensors", "a", "--draw", "a", "--overwrite")
    assert "There is no picture in a" in kept.stderr
    own = call("c.safetensors", "a/x.png", "--draw", "a", "--overwrite")
    assert "a/x.png would overwrite a/x.png, which is read" in own.stderr


@pytest.mark.parametrize("given", ["a", "a/**/*.png"])
def test_a_second_run_does_not_read_what_the_first_has_drawn(call, finder, pictures, given):
    done = [call("c.safetensors", given, "--draw", "a/drawn", "--overwrite") for _ in range(2)]
    assert [one.exit_code for one in done] == [0, 0]
    assert done[0].stdout == done[1].stdout
    assert names_in("a/drawn") == ["x.png"]


def test_odd_pictures_have_their_boxes_and_what_is_none_is_named(call, finder, tmp_path):
    (tmp_path / "in").mkdir()
    good, bad = readable(Path("in")), unreadable(Path("in"))
    result = call("c.safetensors", "in", *Path("in").glob("*_ending"), "--draw", "in/drawn", "--json", "boxes.json")
    assert result.exit_code == 1
    assert names_in("in/drawn") == sorted(good)
    boxes = {Path(row["file_name"]).name: row["bbox"] for row in json.loads(Path("boxes.json").read_text())}
    assert boxes.keys() == good.keys()
    for name, (_, width, height) in good.items():
        left, top, right, bottom = object_box(width, height)
        assert boxes[name] == pytest.approx([left, top, right - left, bottom - top], abs=2)
    notes = [line for line in result.stderr.splitlines() if line.endswith("It is left out.")]
    assert sorted(line.partition(": ")[0] for line in notes) == sorted(f"in/{name}" for name in bad)
    assert result.stderr.splitlines()[-1] == "Pictures that could not be read: 6"


def test_the_boxes_of_a_picture_are_shown_with_their_class_and_edges(call, finder, pictures):
    result = call("c.safetensors", "a/x.png", "--score", "0.2")
    assert result.stdout == (
        "a/x.png: 200 x 120 pixels, 2 boxes\n  red 0.75 at 40.0 36.0 120.0 96.0\n  image 0.25 at 0.0 0.0 200.0 120.0\n"
    )
    assert result.exit_code == 0
    assert call("c.safetensors", "a/x.png", "--score", "0.9").stdout == "a/x.png: 200 x 120 pixels, 0 boxes\n"


def test_names_that_a_terminal_can_not_show_are_escaped(call, finder, tmp_path):
    name = os.fsdecode(b"\xff\x1b[2J\n.png")
    scene().save(tmp_path / "a.png")
    Path("a.png").rename(name)
    Path("bad\n.png").touch()
    result = call("c.safetensors", ".", "--json", "boxes.json", "--draw", "out")
    assert result.stdout.splitlines()[0] == r"\udcff\x1b[2J\n.png: 200 x 120 pixels, 1 box"
    assert r"bad\n.png: the file is no JPEG" in result.stderr
    assert names_in("out") == [name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.png"], "There is no picture none.png: no file or folder has that name"),
        (["a/x.png", "--draw", "a"], "a/x.png would overwrite a/x.png, which is read. Name another place."),
        (["a/x.png", "--json", "a/x.png"], "a/x.png would overwrite a/x.png, which is read"),
        (["a/x.png", "--json", "c.safetensors"], "c.safetensors would overwrite c.safetensors, which is read"),
        (["a/x.png", "--draw", "b/x.png"], "--draw b/x.png is a file, must be a folder. Name another."),
        (["a/x.png", "--json", "b"], "b can't be used: it is a folder"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_written(call, finder, pictures, arguments, message):
    Path("c.safetensors").write_text("mine")
    before = {path: path.read_bytes() for path in pictures.rglob("*") if path.is_file()}
    result = call("c.safetensors", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert {path: path.read_bytes() for path in pictures.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "options", [["--score", "1.5"], ["--score", "nan"], ["--batch-size", "0"], ["--max-boxes", "0"]]
)
def test_options_out_of_range_are_refused(call, finder, pictures, options):
    result = call("c.safetensors", "a/x.png", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert options[0] in result.stderr


def test_a_file_that_is_no_detector_is_refused(call, pictures):
    Path("c.safetensors").write_text("mine")
    result = call("c.safetensors", "a", "--draw", "out", "--json", "boxes.json")
    assert result.exit_code == 2
    assert "c.safetensors is no Bitfront checkpoint" in result.stderr
    assert names_in(".") == ["a", "b", "c.safetensors"]


def test_a_second_detector_is_no_picture(call, pictures):
    result = call("runs/1/detector.safetensors", "runs/2/detector.safetensors", "a", "--draw", "out")
    assert result.exit_code == 2
    assert result.output == (
        "Error: 2 detectors were given; name one, then the pictures:\n"
        "  runs/1/detector.safetensors\n  runs/2/detector.safetensors\n"
    )
    assert not Path("out").exists()


def test_of_a_missing_checkpoint_and_missing_pictures_the_checkpoint_is_named_first(call):
    result = call("ID/detector.safetensors", "photos")
    assert result.exit_code == 2
    assert "There is no checkpoint ID/detector.safetensors." in result.output
