"""Data of every format on its way through a config: read, split, searched, trained and measured."""

import json

import pytest
from torchvision.models.detection.rpn import RegionProposalNetwork
from typer.testing import CliRunner

from search.cli.app import app
from search.config import ConfigError, load_config
from search.plan.plan import plan_search
from search.plan.sources import class_names, settled
from search.run.folder import RunFolder
from search.stages.data import read_data
from search.stages.evaluate import Reading, run_evaluate
from search.stages.images import defects_text, load_measured, load_split, prepare_root, scoring_subset
from search.stages.search import run_search
from search.stages.train import run_train
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.detectors.ssd_loss import ssd_losses
from spaces.supernet import build_fixed
from trainers.data.batches import batches
from trainers.data.coco.annotation import parse_instances
from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.detector_file import save_detector
from trainers.progress import SilentProgress

FORMATS = {"voc": ("cat", "dog"), "coco": ("cat", "dog"), "visdrone": ("car", "bus"), "yolo": ("cat", "dog")}

CONFIG = """
name: tiny
device: cpu
data: {{format: {form}, root: {root}, image_size: 96, classes: {classes}}}
student: {{detector: ssd_resnet18, width: 0.125}}
teachers: {{twin: {{epochs: 1, batch_size: 4}}}}
space: {{layers: {{methods: [real, sign]}}}}
supernet: {{epochs: 1, batch_size: 4}}
scoring: {{adapt_steps: 1, batch_size: 2, recalibrate_images: 4}}
search: {{trials: 3, objectives: [{accuracy}, bit_ops]}}
retrain: {{epochs: 1, batch_size: 4}}
train: {{layers: sign, epochs: 1, batch_size: 4}}
"""


@pytest.fixture
def tiny_config(tiny_data, tmp_path):
    """A config over a tiny data set of one format."""

    def make(form, *overrides, accuracy="map50"):
        root = tmp_path / "data"
        if not root.exists():
            tiny_data(form, root)
        classes = "[cat, dog]" if form == "voc" else "null"
        file = tmp_path / f"{form}.yaml"
        file.write_text(CONFIG.format(form=form, root=root, classes=classes, accuracy=accuracy))
        return load_config(file, overrides)

    return make


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_read_split_and_subset_by_the_same_config(tiny_config, images_plan, tmp_path, form):
    plan = images_plan(tiny_config(form, "data.val_images=2"))
    run = RunFolder(tmp_path / "run")
    prepare_root(plan, run)
    train, val = load_split(plan, run, "train"), load_measured(plan, run, "val")
    assert train.class_names == class_names(plan.config.data)
    assert {train.class_names[label - 1] for label in train.labels[~train.difficult]} == set(FORMATS[form])
    rule, flagged = ("coco", 0) if form == "yolo" else (form, 3)
    assert (len(train), train.rule, int(train.difficult.sum())) == (8, rule, flagged)
    chosen = scoring_subset(plan, val)
    assert (chosen.rule, len(chosen)) == (rule, 2)
    assert len(set(chosen.labels[~chosen.difficult].tolist())) == 2  # one image of each class
    assert chosen.image_ids == scoring_subset(plan, val).image_ids


def test_classes_of_cocos_layout_are_the_files_and_without_a_root_cocos_own(tiny_config):
    assert class_names(tiny_config("coco").data) == ("cat", "dog")
    assert len(class_names(tiny_config("coco", "data.root=null").data)) == 80
    assert class_names(tiny_config("coco", "data.classes=[dog, cat]").data) == ("dog", "cat")


@pytest.mark.parametrize(
    ("form", "override", "with_data", "count", "origin"),
    [
        ("coco", "data.root=null", True, 2, "the categories of train in"),
        ("coco", "data.root=null", False, 80, "COCO's own, as no data is named; --data has them read from yours"),
        ("visdrone", "data.root=null", False, 10, "those of visdrone data"),
        ("yolo", "data.root=null", True, 2, "the categories of train in"),
        ("yolo", "data.root=null", False, 80, "YOLO's own, as no data is named; --data has them read from yours"),
        ("voc", "data.classes=null", False, 20, "those of voc data"),
        ("voc", "seed=0", True, 2, "named in data.classes"),
    ],
)
def test_a_cost_is_counted_for_the_datas_classes(
    tiny_config, tmp_path, monkeypatch, form, override, with_data, count, origin
):
    monkeypatch.delenv(f"BITFRONT_{form.upper()}_ROOT", raising=False)
    tiny_config(form)
    options = [str(tmp_path / f"{form}.yaml"), "--set", override]
    options += ["--data", str(tmp_path / "data")] if with_data else []
    shown = CliRunner().invoke(app, ["cost", *options])
    assert shown.exit_code == 0, shown.stderr
    assert f"The classes are {origin}" in shown.stdout
    *layers, total = json.loads(CliRunner().invoke(app, ["cost", *options, "--format", "json"]).stdout)
    assert total["method"] == f"96 x 96, {count} classes"
    heads = [row["memory_bits"] for row in layers if row["layer"] == "cls_heads.0.2"]
    anchors, channels = 4, 8
    assert heads == [32 * (channels + 1) * anchors * (count + 1)]


@pytest.mark.parametrize(
    ("form", "holds"), [("coco", "annotations/instances_"), ("visdrone", "VisDrone2019"), ("yolo", r"data\.yaml")]
)
def test_each_format_has_a_variable_of_its_own(tiny_config, monkeypatch, tmp_path, form, holds):
    config = tiny_config(form, "data.root=null")
    variable = f"BITFRONT_{form.upper()}_ROOT"
    monkeypatch.setenv("BITFRONT_VOC_ROOT", "elsewhere")
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(DataError, match=rf"Name the folder .* {holds}.*data\.root in the config, or {variable}"):
        settled(config, None)
    monkeypatch.setenv(variable, str(tmp_path))
    assert settled(config, None).data.root == str(tmp_path)


@pytest.mark.parametrize(
    ("form", "override", "message"),
    [
        ("coco", "data.download=true", r"data\.download: is true, but only VOC .*instances_<split>\.json and"),
        ("visdrone", "data.download=true", r"only VOC can be downloaded\. For VisDrone-DET, unpack VisDrone2019"),
        ("yolo", "data.download=true", r"only VOC can be downloaded\. For YOLO, put data\.yaml, the images and"),
        ("visdrone", "data.classes=[cat]", r"data\.classes: is given, but VisDrone's classes are fixed"),
        (
            "coco",
            "search.objectives=[map50_11, ops]",
            "'map50_11' is not measured on coco data; measured are map50, ap,",
        ),
        (
            "yolo",
            "search.objectives=[map50_11, ops]",
            "'map50_11' is not measured on yolo data; measured are map50, ap",
        ),
        ("voc", "search.objectives=[ap, ops]", "'ap' is not measured on voc data; measured are map50, map50_11"),
    ],
)
def test_what_a_format_can_not_do_is_refused_when_the_config_is_read(tiny_config, form, override, message):
    with pytest.raises(ConfigError, match=message):
        tiny_config(form, override)


def test_voc_is_downloaded_before_it_is_read(tiny_config, tiny_data, images_plan, monkeypatch, tmp_path):
    plan = images_plan(tiny_config("voc", f"data.root={tmp_path / 'new'}", "data.download=true"))

    def voc_detection(root, year, image_set, download):
        if not (root / "VOCdevkit").exists():
            tiny_data("voc", root)

    monkeypatch.setattr("torchvision.datasets.VOCDetection", voc_detection)
    prepare_root(plan, RunFolder(tmp_path / "run"))
    assert len(load_split(plan, RunFolder(tmp_path / "run"), "val")) == 4


def test_cocos_files_are_parsed_once_for_a_whole_run(tiny_config, tmp_path, monkeypatch):
    parsed = []

    def parse(text, path):
        parsed.append(path.name)
        return parse_instances(text, path)

    monkeypatch.setattr("trainers.data.coco.file.parse_instances", parse)
    plan, run = plan_search(tiny_config("coco"), None).base, RunFolder(tmp_path / "run")
    read_data(plan, run, SilentProgress())
    load_measured(plan, run, "test")
    class_names(plan.config.data)
    assert sorted(parsed) == ["instances_test.json", "instances_train.json", "instances_val.json"]


def test_what_was_skipped_is_reported_by_the_images_that_were_lost(tiny_config, images_plan, tmp_path):
    plan = images_plan(tiny_config("coco", "data.on_bad_data=skip"))
    file = tmp_path / "data" / "annotations" / "instances_val.json"
    content = json.loads(file.read_text())
    content["annotations"] += [{**content["annotations"][0], "id": 90 + n, "image_id": 77 + n} for n in range(3)]
    file.write_text(json.dumps(content))
    text = defects_text("val", load_split(plan, RunFolder(tmp_path / "run"), "val"))
    assert text.startswith(
        f"val: 0 of 4 images left out (these defects belong to no image), the first for {file}: annotation"
    )
    (tmp_path / "data" / "val" / "val_2.jpg").write_bytes(b"")
    text = defects_text("val", load_split(plan, RunFolder(tmp_path / "run"), "val"))
    assert text.startswith("val: 1 of 4 images left out, the first for ")


@pytest.mark.parametrize("detector", ["ssd_resnet18", "faster_rcnn_resnet18"])
@pytest.mark.parametrize("trained_on", [True, False])
def test_difficult_objects_are_matched_and_cost_a_loss_only_where_they_are_trained_on(
    tiny_config, images_plan, tmp_path, monkeypatch, trained_on, detector
):
    seen = []

    def losses(logits, offsets, anchors, targets):  # it matches, too
        seen.extend(targets)
        return ssd_losses(logits, offsets, anchors, targets)

    def matched(self, anchors, targets):
        seen.extend(targets)
        return RegionProposalNetwork.assign_targets_to_anchors(self, anchors, targets)

    monkeypatch.setattr("spaces.detectors.ssd.ssd_losses", losses)
    spied = type("Spied", (RegionProposalNetwork,), {"assign_targets_to_anchors": matched})
    monkeypatch.setattr("spaces.detectors.rpn.RegionProposalNetwork", spied)
    config = tiny_config("voc", f"data.train_on_difficult={str(trained_on).lower()}", f"student.detector={detector}")
    plan = images_plan(config)
    data = read_data(plan, RunFolder(tmp_path / "run"), SilentProgress())
    network = build_fixed(plan.student, Candidate({})).train()
    for images, targets in batches(data.train, 4, seed=0, epoch=0, augment=True):
        network(images, targets)
    assert len(seen) == 8
    assert any(target["difficult"].any() for target in seen) == trained_on
    assert data.val.difficult.any()  # what is measured on stays whole


@pytest.mark.parametrize("form", ["coco", "visdrone", "yolo"])
def test_train_and_evaluate_give_the_figures_of_the_format(tiny_config, tmp_path, form):
    result = run_train(tiny_config(form), tmp_path / "run", None, SilentProgress())
    columns = {"map50", "ap", "ap50", "ap75", *(["ar500"] if form == "visdrone" else [])}
    assert set(result.test) == set(result.twin_test) == columns
    again = run_evaluate(result.checkpoint, Reading(root=tmp_path / "data"), "cpu", SilentProgress())
    assert again.figures == pytest.approx(result.test, nan_ok=True)
    shown = ["evaluate", str(result.checkpoint), "--data", str(tmp_path / "data")]
    table = CliRunner().invoke(app, [*shown, "--device", "cpu"])
    assert table.exit_code == 0, table.stderr
    assert "ap75" in table.stdout
    assert f"test: read as {data_format(form).title} (" in table.stderr
    image = next((tmp_path / "data").rglob("test_3.jpg"))
    image.write_bytes(image.read_bytes()[:-40])
    assert CliRunner().invoke(app, shown).exit_code == 2
    skipping = CliRunner().invoke(app, [*shown, "--on-bad-data", "skip"])
    assert skipping.exit_code == 0, skipping.stderr
    assert f"test: 1 of 4 images left out, the first for {image}: the image is truncated" in skipping.stderr
    beyond = ["--memory-limit-mb", "0.1", "--loader-workers", "0"]
    small = CliRunner().invoke(app, [*shown, "--on-bad-data", "skip", *beyond])
    assert small.exit_code == 0, small.stderr
    assert small.stdout.splitlines()[:-1] == skipping.stdout.splitlines()[:-1]  # but for the images a second
    assert "don't fit into data.memory_limit_mb" in small.stderr
    kept = json.loads((tmp_path / "run" / "teachers" / "twin.json").read_text())
    assert set(kept) == columns


def test_an_evaluation_names_its_own_options_and_the_detectors_classes(tiny_data, tmp_path):
    root, file = tiny_data("voc", tmp_path / "data"), tmp_path / "detector.safetensors"
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=1, image_size=96, width=0.125)
    save_detector(file, build_fixed(spec, Candidate({})), spec, Candidate({}), ("bolt",))
    shown = ["evaluate", str(file), "--data", str(root), "--split", "test"]
    result = CliRunner().invoke(app, shown)
    assert result.exit_code == 2
    assert "The detector's classes are bolt: it can be measured where there are no others." in result.stderr
    broken = next((root / "VOCdevkit" / "VOC2007" / "Annotations").glob("test_*.xml"))
    broken.write_text("<annotation>")
    assert "Repair or remove it, or give --on-bad-data skip." in CliRunner().invoke(app, shown).stderr


@pytest.mark.slow  # starts Ray
@pytest.mark.parametrize(("form", "accuracy"), [("coco", "ap"), ("visdrone", "map50")])
def test_a_search_ends_with_a_front(tiny_config, tmp_path, form, accuracy):
    found = run_search(tiny_config(form, accuracy=accuracy), tmp_path / "run", None, SilentProgress())
    assert len(found.run.trials) == 3
    assert {accuracy, "bit_ops", "ap75"} <= set(found.run.front().columns)
    assert found.retrained is not None
