"""The report of a run with networks and test images, and what it does without them."""

import json
import shutil

import pytest
from PIL import Image
from typer.testing import CliRunner

from results import layout
from results.tables import write_run_tables
from search.cli.app import app
from search.config import config_text
from search.plan.sources import settled
from search.run.folder import RunFolder
from search.run.lock import RunLock
from search.stages.detections import missing_detections, networks_of
from search.stages.report import report_at_end
from spaces.candidate import ALL_REAL
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.shapes.writer import SHAPE_CLASSES, write_shapes
from trainers.detector_file import save_detector

TRIAL = {"number": 0, "id": "aa00000000", "state": "complete", "layer/stem": "real", "map50": 0.5, "bit_ops": 100.0}
SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=len(SHAPE_CLASSES), image_size=96, width=0.125)


class Notes:
    """A progress that keeps its notes."""

    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


@pytest.fixture(scope="module")
def finished(tiny_config, tmp_path_factory):
    """A run with a twin and a retrained detector, both untrained, over twelve test images; for reading only."""
    place = tmp_path_factory.mktemp("finished")
    write_shapes(place / "images", sizes={"train": 1, "val": 1, "test": 12}, image_size=64)
    data = {"format": "voc", "root": str(place / "images"), "image_size": 96, "classes": list(SHAPE_CLASSES)}
    config = settled(tiny_config(data=data | {"train": "train", "val": "val", "test": "test"}), None)
    run = RunFolder(place / "run")
    retrained = run.path / layout.RETRAINED / "aa00000000"
    for folder in (run.teacher("twin").parent, retrained):
        folder.mkdir(parents=True)
    for file in (run.teacher("twin"), retrained / layout.DETECTOR):
        save_detector(file, build_fixed(SPEC, ALL_REAL), SPEC, ALL_REAL, SHAPE_CLASSES)
    (retrained / layout.RESULT_FIGURES).write_text(json.dumps({"id": "aa00000000", "test": {"map50": 0.25}}))
    run.config.write_text(config_text(config))
    write_run_tables(run.path, [TRIAL], x="bit_ops", y="map50")
    return run, config


@pytest.fixture
def run(finished, tmp_path):
    return RunFolder(shutil.copytree(finished[0].path, tmp_path / "run"))


@pytest.fixture
def call():
    return lambda *arguments: CliRunner().invoke(app, ["report", *map(str, arguments)])


def record(run):
    return json.loads((run.path / layout.DETECTIONS / layout.DETECTIONS_RECORD).read_text())


def test_ten_images_and_the_detections_of_each_network_are_kept(run, call):
    done = call(run.path)
    assert (done.exit_code, done.stderr) == (0, "")
    assert (run.path / layout.REPORT).is_file()
    kept = record(run)
    assert [one["name"] for one in kept["networks"]] == ["twin (teacher)", "retrained aa00000000"]
    assert [len(one["detections"]) for one in kept["networks"]] == [10, 10]
    assert len(kept["images"]) == 10
    with Image.open(run.path / layout.DETECTIONS / "9.jpg") as image:
        assert image.size == (96, 96)


def test_what_is_kept_is_not_made_again_until_a_network_changes(run, finished, call):
    call(run.path)
    made = (run.path / layout.DETECTIONS / layout.DETECTIONS_RECORD).stat().st_mtime_ns
    call(run.path)
    assert (run.path / layout.DETECTIONS / layout.DETECTIONS_RECORD).stat().st_mtime_ns == made
    save_detector(run.teacher("twin"), build_fixed(SPEC, ALL_REAL), SPEC, ALL_REAL, SHAPE_CLASSES)
    assert missing_detections(run, networks_of(run, finished[1]))


def test_without_the_images_the_page_is_made_and_a_note_says_what_it_lacks(run, call):
    text = run.config.read_text()
    run.config.write_text(text.replace("/images", "/gone"))
    done = call(run.path)
    assert done.exit_code == 0
    assert "The report has no detections on test images" in done.stderr
    assert "No detections are kept in this run" in (run.path / layout.REPORT).read_text("utf-8")


def test_images_that_moved_are_named(run, call, finished):
    text = run.config.read_text()
    run.config.write_text(text.replace("/images", "/gone"))
    assert call(run.path, "--data", finished[0].path.parent / "images").exit_code == 0
    assert len(record(run)["images"]) == 10


def test_the_page_may_lie_elsewhere(run, call, tmp_path):
    done = call(run.path, "-o", tmp_path / "page.html")
    assert done.exit_code == 0
    assert str(tmp_path / "page.html") in done.stdout
    assert not (run.path / layout.REPORT).exists()


def test_a_run_at_work_is_not_written_to(run, call):
    write_run_tables(run.path, [TRIAL], x="bit_ops", y="map50", planned=9, ended=False)
    with RunLock(run.path):
        done = call(run.path)
    assert done.exit_code == 0
    assert "The search is at work: detections on test images come with its end." in done.stderr
    assert not (run.path / layout.DETECTIONS).exists()


def test_no_run_is_a_users_mistake(tmp_path, call):
    done = call(tmp_path / "nothing")
    assert done.exit_code == 2
    assert "does not exist. Start a run with" in done.stderr


def test_a_folder_as_output_is_a_users_mistake(run, call, tmp_path):
    done = call(run.path, "-o", tmp_path)
    assert done.exit_code == 2
    assert str(tmp_path) in done.stderr


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyError("a bug")])
def test_a_search_outlives_its_report(run, finished, monkeypatch, error):
    def fail(path):
        raise error

    monkeypatch.setattr("search.stages.report._page", fail)
    progress = Notes()
    report_at_end(finished[1], run, progress)
    assert progress.texts == [
        f"report.html was not written ({type(error).__name__}: {error}). Make it with: bitfront report {run.path}"
    ]
