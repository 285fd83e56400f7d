"""What lies behind a detector's figures, and its detections as COCO's results."""

import csv
import io
import json

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from typer.testing import CliRunner

from search.cli.app import app
from search.stages.coco_results import ids_of_set
from search.stages.evaluate import write_detections
from spaces.candidate import ALL_REAL
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.decoding import decode
from trainers.data.finding import find_sets
from trainers.data.resizing import Resizing
from trainers.detector_file import save_detector
from trainers.evaluate.figures import all_figures, details

SIZES = ("ap_small", "ap_medium", "ap_large", "ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large")


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """A network of random weights, most of whose detections are wrong."""
    file = tmp_path_factory.mktemp("detector") / "any.safetensors"
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=2, image_size=96, width=0.125)
    torch.manual_seed(0)
    save_detector(file, build_fixed(spec, ALL_REAL), spec, ALL_REAL, ("dog", "cat"))
    return file


@pytest.fixture
def evaluate(detector, tiny_data, tmp_path):
    root = tiny_data("coco", tmp_path / "coco")

    def call(*options):
        words = ["evaluate", detector, "--data", root, "--split", "train", "--device", "cpu", *options]
        return CliRunner().invoke(app, list(map(str, words)))

    return call


def shifted_truths(data):
    """The objects as detections, each moved by a pixel or two of the image on disk."""
    rng, found = np.random.default_rng(0), []
    for index in range(len(data)):
        target, place = data.target(index), data.placed(index)
        boxes = place.forward(place.back(target["boxes"]) + rng.integers(-2, 3, target["boxes"].shape))
        found.append({"boxes": boxes, "scores": rng.choice([0.2, 0.4, 0.8], len(boxes)), "labels": target["labels"]})
    return found


@pytest.mark.parametrize("resizing", [96, Resizing(96, "letterbox"), Resizing(60, "shortest_edge", 96)], ids=str)
def test_a_detections_file_gives_pycocotools_our_figures(tiny_data, tmp_path, resizing):
    """The data on disk are read by both; ids have gaps, and our labels are in another order than the file's."""
    sets = find_sets(tiny_data("coco", tmp_path), "coco", "2007")
    data = decode(sets.read("train", class_names=("dog", "cat")), resizing)
    found = shifted_truths(data)
    write_detections(tmp_path / "found.json", found, data, ids_of_set(sets, "train", data.image_ids, data.class_names))
    reference = COCO(tmp_path / "annotations" / "instances_train.json")
    evaluation = COCOeval(reference, reference.loadRes(str(tmp_path / "found.json")), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    truths = [data.target(index) for index in range(len(data))]
    figures = all_figures(found, truths, 2, "coco")
    sizes = details(found, truths, 2, "coco", data.areas).sizes
    ours = [figures[name] for name in ("ap", "ap50", "ap75")] + [sizes[name] for name in SIZES]
    expected = [np.nan if value == -1 else value for value in evaluation.stats]
    assert ours == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert 0.1 < figures["ap"] < 0.9


def test_an_evaluation_as_json_csv_and_tables(evaluate, tmp_path):
    done = evaluate("--format-output", "json", "--detections", tmp_path / "found.json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["images"], told["objects"]) == (8, 8)  # a third of the images has a crowd besides
    assert {name: one["objects"] for name, one in told["classes"].items()} == {"dog": 4, "cat": 4}
    assert set(told["figures"]) == {"map50", "ap", "ap50", "ap75"}
    assert set(told["sizes"]) == set(SIZES)
    assert told["sizes"]["ap_large"] is None
    assert told["figures"]["map50"] == np.mean([one["map50"] for one in told["classes"].values()])
    assert set(told["curves"]) == {"dog", "cat"}
    assert told["images_per_second"] > 0
    assert told["device"] == "the CPU with 1 thread"
    rows = json.loads((tmp_path / "found.json").read_text())
    assert {row["category_id"] for row in rows} <= {17, 18}
    assert {row["image_id"] for row in rows} <= set(range(7, 15))

    first, *others = csv.DictReader(io.StringIO(evaluate("--format-output", "csv").stdout))
    assert (first["class"], first["objects"], first["ap_large"]) == ("all", "8", "")
    assert float(first["map50"]) == told["figures"]["map50"]
    assert [row["class"] for row in others] == ["dog", "cat"]

    shown = evaluate().stdout
    assert "images a second on the CPU with 1 thread: the network and the decoding of its outputs" in shown
    assert [name for name in ("map50", "ar100", "│ dog", "│ cat") if name not in shown] == []


def test_a_folder_for_detections_is_refused_before_the_work(evaluate, tmp_path):
    done = evaluate("--detections", tmp_path)
    assert done.exit_code == 2
    assert done.stderr == f"Error: --detections {tmp_path} is a folder. Give the name of a file.\n"


@pytest.mark.parametrize(
    ("form", "read"),
    [
        ("coco", "annotations/instances_train.json"),
        ("coco", "train/train_0.jpg"),
        ("voc", "VOCdevkit/VOC2007/Annotations/train_0.xml"),
        ("voc", "VOCdevkit/VOC2007/ImageSets/Main/train.txt"),
        ("yolo", "data.yaml"),
        ("yolo", "labels/train/train_0.txt"),
        ("voc", "detector"),
    ],
)
def test_detections_are_not_written_over_what_is_read(detector, tiny_data, tmp_path, form, read):
    root = tiny_data(form, tmp_path / "data")
    file = detector if read == "detector" else root / read
    before = file.read_bytes()
    words = ["evaluate", detector, "--data", root, "--split", "train", "--device", "cpu", "--detections", file]
    done = CliRunner().invoke(app, list(map(str, words)))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.endswith(f"Error: {file} would overwrite {file}, which is read. Name another place.\n")
    assert file.read_bytes() == before


def test_detections_of_an_earlier_call_are_replaced_even_in_a_folder_of_the_set(evaluate, tmp_path):
    file = tmp_path / "coco" / "train" / "found.json"
    assert [evaluate("--detections", file).exit_code for _ in range(2)] == [0, 0]
