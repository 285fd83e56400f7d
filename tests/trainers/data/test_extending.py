"""The data format of docs/how-to/extending.md, as it stands there: read, and used through a config."""

import pytest
from doc_snippets import snippet_names
from PIL import Image

from search.config import ConfigError, load_config
from search.plan.plan import plan_search
from search.run.folder import RunFolder
from search.stages.data import read_data
from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.progress import SilentProgress

CONFIG = """
name: tiny
device: cpu
data: {format: csv, image_size: 96}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {twin: {epochs: 1, batch_size: 2}}
space: {layers: {methods: [real, sign]}}
supernet: {epochs: 1, batch_size: 2}
scoring: {adapt_steps: 1, batch_size: 2, recalibrate_images: 2}
retrain: {epochs: 1, batch_size: 2}
"""

ROWS = {
    "train": "a.png,1,2,11,22,bus\na.png,0,0,5,5,car\nb.png,3,4,13,14,car\n",
    "val": "c.png,3,4,13,14,bus\n",
    "test": "d.png,0,0,40,15,car\n",
    "trams": "b.png,3,4,13,14,tram\n",
}


@pytest.fixture
def csv_format():
    with snippet_names('FORMATS["csv"]'):
        yield data_format("csv")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name, grey in zip(("a.png", "b.png", "c.png", "d.png"), (0, 50, 100, 150), strict=True):
        Image.new("RGB", (40, 30), (grey, grey, grey)).save(folder / name)
    for split, rows in ROWS.items():
        (folder / f"{split}.csv").write_text(rows)
    return folder


@pytest.fixture
def csv_config(csv_format, tmp_path):
    """Loads a config with `format: csv`, which no table but FORMATS knows."""

    def load(*overrides):
        file = tmp_path / "tiny.yaml"
        file.write_text(CONFIG)
        return load_config(file, overrides)

    return load


def test_the_pages_format_reads_a_split(csv_format, root):
    assert csv_format.image_sets(root).names() == ["test", "train", "trams", "val"]
    assert csv_format.image_sets(root).images("train") == {"a.png": root / "a.png", "b.png": root / "b.png"}
    data = csv_format.image_sets(root).read("train")
    first, second = data.samples
    assert (first.image_id, first.width, first.height) == ("a.png", 40, 30)
    assert first.boxes.tolist() == [[1, 2, 11, 22], [0, 0, 5, 5]]
    assert first.labels.tolist() == [2, 1]  # classes are car and bus
    assert second.labels.tolist() == [1]


def test_the_pages_format_refuses_a_missing_split_and_an_unknown_class(csv_format, root):
    with pytest.raises(DataError, match=r"Choose one of those there: test, train, trams, val"):
        csv_format.image_sets(root).read("tset")
    with pytest.raises(DataError, match=r"b\.png has the unknown class tram"):
        csv_format.image_sets(root).read("trams")
    assert csv_format.image_sets(root).read("trams", class_names=("tram",)).samples[0].labels.tolist() == [1]


def test_a_config_plans_and_reads_the_pages_format(csv_config, root, tmp_path):
    plan = plan_search(csv_config(), root)
    assert (plan.base.classes, plan.base.student.num_classes) == (("car", "bus"), 2)
    data = read_data(plan.base, RunFolder(tmp_path / "run"), SilentProgress(), with_test=True)
    assert [images.image_ids for images in (data.train, data.val, data.test)] == [
        ("a.png", "b.png"),
        ("c.png",),
        ("d.png",),
    ]
    assert (data.train.rule, data.train.labels.tolist()) == ("voc", [2, 1, 1])
    assert data.test.boxes.tolist() == [[0, 0, 96, 48]]  # 40 x 30 pixels became 96 x 96


def test_a_config_takes_the_pages_root_from_its_own_variable(csv_config, root, monkeypatch):
    monkeypatch.delenv("BITFRONT_CSV_ROOT", raising=False)
    with pytest.raises(DataError, match=r"the CSV data: .* the folder that holds train\.csv: .* or BITFRONT_CSV_ROOT"):
        plan_search(csv_config(), None)
    monkeypatch.setenv("BITFRONT_CSV_ROOT", str(root))
    assert plan_search(csv_config(), None).base.config.data.root == str(root)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.download=true", r"only VOC can be downloaded\. Put train\.csv and its images into <data\.root>\."),
        ("search.objectives=[ap, ops]", "'ap' is not measured on csv data; measured are map50, map50_11"),
        ("data.format=cvs", r"'voc', 'coco', 'visdrone', 'yolo', 'shapes' or 'csv' \(did you mean 'csv'\?\)"),
    ],
)
def test_a_config_is_checked_against_the_pages_format(csv_config, override, message):
    with pytest.raises(ConfigError, match=message):
        csv_config(override)
