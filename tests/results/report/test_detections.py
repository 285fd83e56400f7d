import json
import shutil

import pytest

import results
from results import layout
from results.errors import RunError
from results.report.detections import detections_section, iou, judged

OBJECT = {"box": [0.0, 0.0, 10.0, 10.0], "label": 1}


@pytest.mark.parametrize(
    ("other", "expected"),
    [([0, 0, 10, 10], 1.0), ([0, 0, 10, 5], 0.5), ([5, 0, 15, 10], 1 / 3), ([10, 0, 20, 10], 0.0), ([0, 0, 0, 0], 0.0)],
)
def test_iou_of_a_square_of_ten(other, expected):
    assert iou(OBJECT["box"], other) == pytest.approx(expected)


def test_the_better_of_two_detections_takes_the_object():
    better, worse = OBJECT | {"score": 0.9}, OBJECT | {"score": 0.8}
    assert [(one["score"], one["kind"]) for one in judged([worse, better], [OBJECT])] == [
        (0.9, "found"),
        (0.8, "false"),
    ]


def test_another_class_finds_nothing():
    assert judged([OBJECT | {"label": 2, "score": 0.9}], [OBJECT])[0]["kind"] == "false"


def test_the_section_has_boxes_and_image(hostile_folder):
    data = detections_section(results.open_run(hostile_folder)).data
    assert [one["kind"] for one in data["images"][0]["detections"][0]] == ["found", "false"]
    assert data["images"][0]["jpeg"].startswith("/9j/")


def test_a_run_without_detections_says_so(run_folder):
    with pytest.raises(RunError, match="No detections are kept in this run"):
        detections_section(results.open_run(run_folder))


def test_an_image_comes_from_the_folder_of_detections_alone(hostile_folder, tmp_path):
    """A run that was passed on names a file of its reader's."""
    folder = shutil.copytree(hostile_folder, tmp_path / "run")
    (folder / "secret").write_text("secret")
    file = folder / layout.DETECTIONS / layout.DETECTIONS_RECORD
    record = json.loads(file.read_text())
    record["images"][0]["file"] = "../secret"
    file.write_text(json.dumps(record))
    with pytest.raises(FileNotFoundError):
        detections_section(results.open_run(folder))
