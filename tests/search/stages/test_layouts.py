"""One data set of each layout, from `data check` to a front and to a figure, without a file moved."""

import json
from pathlib import Path

import pytest
from data_layouts import CASES, CLASSES, assert_boxes_lie_on_their_objects
from typer.testing import CliRunner

from search.cli.app import app
from search.config import load_config
from search.plan.plan import plan_training
from search.run.folder import RunFolder
from search.stages.data import read_data
from search.stages.search import run_search
from search.stages.train import run_train
from trainers.progress import SilentProgress

CONFIG = {
    "name": "tiny",
    "device": "cpu",
    "student": {"detector": "ssd_resnet18", "width": 0.125},
    "teachers": {"twin": {"epochs": 1, "batch_size": 4}},
    "space": {"granularity": "stage", "layers": {"methods": ["real", "sign"]}},
    "supernet": {"epochs": 1, "batch_size": 4},
    "scoring": {"adapt_steps": 1, "batch_size": 2, "recalibrate_images": 4},
    "search": {"trials": 2},
    "retrain": {"epochs": 1, "batch_size": 4},
    "train": {"layers": "sign", "epochs": 1, "batch_size": 4},
}


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    """A data set, written below data/."""
    chosen = CASES[request.param]
    chosen.write(tmp_path / "data")
    return chosen


@pytest.fixture
def config(case, tmp_path):
    data = case.data | {"root": str(tmp_path / "data" / case.below)}
    (tmp_path / "tiny.yaml").write_text(json.dumps(CONFIG | {"data": data}))  # JSON is YAML
    return load_config(tmp_path / "tiny.yaml")


def check_arguments(case, root):
    """The options that say what the config's keys say."""
    classes = ["--classes", ",".join(CLASSES)] if case.format == "voc" else []
    named = [
        option
        for key in ("annotations", "images")
        for name, path in case.keys.get(key, {}).items()
        for option in (f"--{key}", f"{name}={root / path}")
    ]
    return ["data", "check", str(root), *classes, *named, *(["--format", case.format] if named else [])]


def files_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_check_finds_the_format_and_no_defect(case, tmp_path):
    before = files_below(tmp_path)
    result = CliRunner().invoke(app, check_arguments(case, tmp_path / "data" / case.below))
    assert result.exit_code == 0, result.output
    title = {"voc": "VOC", "coco": "COCO", "yolo": "YOLO", "visdrone": "VisDrone"}[case.format]
    assert f": read as {title} (" in result.stdout.splitlines()[0]
    assert "defects: 0" in result.stdout
    assert files_below(tmp_path) == before


def test_every_image_is_read_with_its_box_where_the_object_is(case, config, tmp_path):
    data = read_data(plan_training(config, None).base, RunFolder(tmp_path / "run"), SilentProgress(), with_test=True)
    total = {"VOC of CVAT": 24, "COCO 2017": 20}.get(next(k for k, one in CASES.items() if one is case), 16)
    assert sum(len(images) for images in data.read.values()) == total
    for images in data.read.values():
        assert (images.left_out, images.defects) == (0, ())
        assert len(images.labels) == len(images)
        assert_boxes_lie_on_their_objects(images)


@pytest.mark.slow  # starts Ray for each
def test_a_search_ends_with_a_front_and_a_training_with_a_figure(case, config, tmp_path):
    before = files_below(tmp_path / "data")
    found = run_search(config, tmp_path / "search", None, SilentProgress())
    assert len(found.run.trials) == 2
    assert len(found.run.front()) >= 1
    assert found.retrained is not None
    result = run_train(config, tmp_path / "train", None, SilentProgress())
    assert 0 <= result.test["map50"] <= 1
    assert files_below(tmp_path / "data") == before
