"""Runs on pictures that keep their shape: training, search, evaluation, prediction and export see the same."""

import json

import pytest
import torch
from own_shapes import write_own_shapes
from PIL import Image

from search.config import load_config
from search.run.folder import RunFolder
from search.stages.detections import keep_detections
from search.stages.evaluate import Reading, run_evaluate
from search.stages.export import first_images, run_export
from search.stages.search import run_search
from search.stages.train import run_train
from trainers.detector_file import load_detector
from trainers.progress import SilentProgress

SHAPES = {
    "letterbox": ("data.resize=letterbox",),
    "shortest_edge": ("data.resize=shortest_edge", "data.longest=160"),
}
CONFIG = """
name: shapes
device: cpu
tensorboard: false
data: {{format: coco, root: {root}, image_size: 96}}
student: {{detector: {detector}, width: 0.125}}
teachers: {{twin: {{epochs: 1, batch_size: 4}}, big: {{epochs: 1, batch_size: 4, width: 0.25}}}}
space:
  granularity: stage
  layers: {{methods: [real, bireal]}}
  terms: {{feature_hint: {{teachers: [none, big]}}, response_cls: {{teachers: [none, big, twin]}}}}
supernet: {{epochs: 1, batch_size: 4}}
scoring: {{adapt_steps: 2, batch_size: 2, recalibrate_images: 4}}
search: {{trials: 4, objectives: [ap50, bit_ops]}}
retrain: {{pick: knee, epochs: 1, batch_size: 4}}
train: {{layers: bireal, start: scratch, epochs: 1, batch_size: 4}}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_own_shapes(tmp_path_factory.mktemp("pictures"), {"train": 12, "val": 6, "test": 6})


@pytest.fixture
def config(root, tmp_path):
    def load(detector, *overrides):
        file = tmp_path / "shapes.yaml"
        file.write_text(CONFIG.format(root=root, detector=detector))
        return load_config(file, overrides)

    return load


@pytest.mark.parametrize(
    ("detector", "resize"),
    [("gfl_resnet18", "shortest_edge"), ("faster_rcnn_resnet18", "shortest_edge"), ("ssd_resnet18", "letterbox")],
)
def test_a_detector_keeps_how_its_images_were_resized(config, root, tmp_path, detector, resize):
    chosen = config(detector, *SHAPES[resize])
    result = run_train(chosen, tmp_path / "run")
    (file,) = (tmp_path / "run" / "trained").glob("*/detector.safetensors")
    spec = load_detector(file).spec
    assert (spec.resize, spec.longest) == (resize, 160 if resize == "shortest_edge" else None)
    measured = run_evaluate(file, Reading(root=root, split="test", format="coco"), "cpu", SilentProgress())
    assert measured.figures == pytest.approx(result.test)
    exported = run_export(file, folder=tmp_path, images=first_images(Reading(root=root, format="coco"), 3))
    assert exported.differences.none
    pictures = sorted((root / "test").iterdir())
    found = [list(load_detector(one).predict(pictures, score=0.01)) for one in (file, exported.files[0])]
    for one, other in zip(*found, strict=True):
        assert torch.equal(one.boxes, other.boxes)
        with Image.open(one.path) as picture:
            assert (one.width, one.height) == picture.size
        assert bool((one.boxes <= torch.tensor([one.width, one.height] * 2)).all())
    keep_detections(chosen, RunFolder(tmp_path / "run"), {"it": file})
    kept = tmp_path / "run" / "detections"
    for one in json.loads((kept / "detections.json").read_text())["images"]:
        with Image.open(kept / one["file"]) as picture:
            assert list(picture.size) == one.get("size", [96, 96])


@pytest.mark.slow
@pytest.mark.parametrize("detector", ["gfl_resnet18", "faster_rcnn_resnet18"])
def test_a_whole_search_on_images_of_their_own_shapes(config, tmp_path, detector):
    outcome = run_search(config(detector, *SHAPES["shortest_edge"]), tmp_path / "run", None, SilentProgress())
    assert list(outcome.run.trials["state"]) == ["complete"] * 4
    assert len(outcome.run.front()) > 0
