"""The whole pipeline in one small run: what it leaves, that it is not made twice, and what it refuses on the way."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageOps

import results
from results.tables import front_picture
from search.comparison.retraining import run_retrain
from search.config import ConfigError, load_config
from search.controller.proposal import Done
from search.errors import RunError
from search.run.folder import read_run_folder
from search.stages.export import random_images, run_export_front
from search.stages.report import report_at_end
from search.stages.scoring import scorer_parts
from search.stages.search import run_search
from search.workers.worker import Measured
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.shapes.writer import SHAPE_CLASSES
from trainers.detector_file import load_detector, save_detector
from trainers.progress import SilentProgress, figures_text

CONFIG = """
name: small
device: cpu
data: {format: shapes, image_size: 96, shapes: {train: 16, val: 12, test: 12, image_size: 96}}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {twin: {epochs: 1, batch_size: 8}}
space:
  granularity: stage
  layers: {methods: [real, sign], keep_real: [backbone.layer1.0.conv1]}
  terms: {feature_hint: {teachers: [none, twin]}}
supernet: {epochs: 1, batch_size: 8}
scoring: {adapt_steps: 1, batch_size: 8, recalibrate_images: 12}
search: {trials: 4, workers: 1}
retrain: {epochs: 1, batch_size: 8}
"""
SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=len(SHAPE_CLASSES), image_size=96, width=0.125)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    file = tmp_path_factory.mktemp("config") / "small.yaml"
    file.write_text(CONFIG)
    return lambda *overrides: load_config(file, overrides)


@pytest.fixture(scope="module")
def found(config, tmp_path_factory):
    """Ray's start and a real search with its picture and its report: some seconds, paid once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.stages.search.report_at_end", report_at_end)
        patch.setattr("results.tables.front_picture", front_picture)
        return run_search(config(), tmp_path_factory.mktemp("runs") / "small", None, SilentProgress())


def copied(found, run: Path, *parts: str) -> None:
    """Copy parts of the run into another run's folder."""
    run.mkdir()
    for part in parts:
        source = found.run.path / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, run / part)


def begun_without_trials(found, run: Path) -> Path:
    """A copy of the run as it was before its first trial."""
    shutil.copytree(found.run.path, run)
    for name in ("journal.log", "in_flight.jsonl", "trials.parquet"):
        (run / name).unlink()
    return run


def times(folder: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in folder.rglob("*.safetensors")}


def test_what_was_retrained_is_packed_with_its_figures(found, tmp_path):
    [made] = run_export_front(found.run.path, folder=tmp_path, images=random_images(2))
    assert (made.name, made.test) == (found.retrained.id, found.retrained.test)
    assert made.differences.none
    assert made.size_mb < made.checkpoint_mb


def test_a_search_leaves_trials_a_front_a_picture_and_a_retrained_detector(found):
    run, folder = found.run, found.run.path
    assert (len(run.trials), run.state, run.planned) == (4, "finished", 4)
    assert run.trials["id"].is_unique
    assert set(run.trials["state"]) == {"complete"}
    assert 1 <= len(run.front()) <= 4
    for name in (
        "front.csv",
        "front.json",
        "front.parquet",
        "front.png",
        "trials.parquet",
        "environment.json",
        "report.html",
    ):
        assert (folder / name).stat().st_size > 0, name
    assert (folder / "front.png").read_bytes().startswith(b"\x89PNG")
    assert "</html>" in (folder / "report.html").read_text()
    detector = load_detector(found.retrained.checkpoint)
    spec, candidate, classes = detector.spec, detector.candidate, detector.classes
    assert (spec, classes, candidate.id) == (SPEC, SHAPE_CLASSES, run.knee())
    assert set(found.retrained.test) == {"map50", "map50_11", "ap", "ap50", "ap75"}
    assert set(json.loads((folder / "seconds.json").read_text())) >= {"data", "teacher twin", "supernet", "search"}


def test_a_search_leaves_what_its_frames_need(found):
    run = found.run
    sums = run.layers().groupby("id", sort=False)[["bit_ops", "ops", "memory_bits"]].sum()
    assert sums.to_numpy().tolist() == run.trials[["bit_ops", "ops", "memory_bits"]].to_numpy().tolist()
    assert (run.history()["seconds"].diff().dropna() > 0).all()
    assert run.retrained()["test_map50"].tolist() == [found.retrained.test["map50"]]


def test_the_ends_of_the_axis_come_first_though_one_layer_is_kept_real(found):
    first, second = (found.run.trials.sort_values("number").iloc[n] for n in (0, 1))
    layers = [f"layer/backbone.layer{stage}" for stage in (1, 2, 3, 4)]
    assert list(first[layers]) == ["real"] * 4
    assert list(second[layers]) == ["sign"] * 4
    assert second["layer/backbone.layer1.0.conv1"] == "real"


def test_the_same_command_again_makes_nothing_anew(found, config):
    before = times(found.run.path)
    again = run_search(config(), found.run.path, None, SilentProgress())
    assert times(found.run.path) == before
    assert again.retrained == found.retrained


def test_retraining_for_longer_leaves_the_first_result(found, config):
    before = times(found.run.path)
    longer = run_retrain(found.run.path, found.run.knee(), 2, None, SilentProgress())
    assert longer.checkpoint.parent.name == f"{found.run.knee()}.2"
    assert before.items() <= times(found.run.path).items()
    assert run_search(config(), found.run.path, None, SilentProgress()).retrained == found.retrained


def test_scores_adapt_signs_and_discriminators_at_the_supernets_ratio(found, prepared):
    _, config = read_run_folder(found.run.path)
    rates = {"learning_rate": 1e-3, "logit_learning_rate": 4e-3, "discriminator_learning_rate": 3e-4}
    plan, run, made = prepared(config, found.run.path)
    changed = config.model_copy(update={"supernet": config.supernet.model_copy(update=rates)})
    plan = replace(plan, base=replace(plan.base, config=changed))
    settings = scorer_parts(plan, run, made, SilentProgress()).settings
    assert settings["rates"] == pytest.approx({"logit": 4.0, "discriminator": 0.3})


def test_a_search_in_which_all_candidates_fail_says_why_and_where_the_reasons_are(found, config, tmp_path, monkeypatch):
    run = begun_without_trials(found, tmp_path / "all")

    def all_fail(controller, *arguments, **settings):
        while not isinstance(proposal := controller.ask(), Done):
            controller.tell_failed(proposal.number, f"RuntimeError: my term, {proposal.number}.")

    monkeypatch.setattr("search.stages.trials.run_trials", all_fail)
    message = (
        r"^All 4 candidates failed, the first with: RuntimeError: my term, 0\. The reasons of all stand in the column "
        r"'reason' of the run's trials\.parquet\. Remove the cause"
    )
    with pytest.raises(RunError, match=message):
        run_search(config(), run, None, SilentProgress())
    assert list(results.open_run(run).trials["reason"]) == [f"RuntimeError: my term, {n}." for n in range(4)]


def test_a_search_that_failures_stop_leaves_their_reasons_in_its_table(found, config, tmp_path, monkeypatch):
    run = begun_without_trials(found, tmp_path / "stopped")

    def stop(controller, *arguments, on_results, **settings):
        on_results([controller.tell_failed(controller.ask().number, "RuntimeError: my term")])
        raise RunError("So many are no candidate's fault.")

    monkeypatch.setattr("search.stages.trials.run_trials", stop)
    with pytest.raises(RunError, match="no candidate's fault"):
        run_search(config(), run, None, SilentProgress())
    assert list(results.open_run(run).trials["reason"]) == ["RuntimeError: my term"]


def test_a_search_at_work_and_one_that_was_stopped_have_a_front(found, config, tmp_path, monkeypatch):
    run, states = begun_without_trials(found, tmp_path / "watched"), []

    def stop_after_two(controller, *arguments, on_results, **settings):
        for map50 in (0.5, 0.25):
            on_results([controller.tell(controller.ask().number, Measured({"map50": map50}, {}))])
            states.append((results.open_run(run).state, len(results.open_run(run).front())))
        raise KeyboardInterrupt

    monkeypatch.setattr("search.stages.trials.run_trials", stop_after_two)
    monkeypatch.setattr("search.stages.refresh.LEAST_SECONDS", 0.0)
    monkeypatch.setattr("search.stages.refresh.MOST_SHARE", 1e9)
    with pytest.raises(KeyboardInterrupt):
        run_search(config(), run, None, SilentProgress())
    stopped = results.open_run(run)
    assert states == [("running", 1), ("running", 2)]
    assert (stopped.state, stopped.finished, stopped.planned) == ("unfinished", 2, 4)
    assert len(stopped.front()) == len((run / "front.csv").read_text().splitlines()) - 1 == 2


def flag_an_object(data):
    annotation = next((data / "Annotations").glob("train*.xml"))
    text = annotation.read_text()
    assert "<difficult>0</difficult>" in text
    annotation.write_text(text.replace("<difficult>0</difficult>", "<difficult>1</difficult>"))


def mirror_an_image(data):
    image = next((data / "JPEGImages").glob("val*.jpg"))
    ImageOps.mirror(Image.open(image)).save(image)


@pytest.mark.parametrize("change", [flag_an_object, mirror_an_image])
def test_a_run_whose_images_changed_is_refused(found, config, tmp_path, change):
    run = tmp_path / "small"
    shutil.copytree(found.run.path, run)
    change(run / "data" / "VOCdevkit" / "VOC2007")
    with pytest.raises(RunError, match="was begun with other images or annotations than are there now"):
        run_search(config(), run, None, SilentProgress())


def test_bad_images_are_counted_and_kept_with_their_reason(found, config, prepared, recorded_progress, tmp_path):
    run, progress = tmp_path / "run", recorded_progress()
    copied(found, run, "data", "teachers", "supernet.safetensors")
    broken = sorted((run / "data" / "VOCdevkit" / "VOC2007" / "JPEGImages").glob("val*.jpg"))[:2]
    for image in broken:
        image.write_bytes(image.read_bytes()[:500])
    _, _, made = prepared(config("data.on_bad_data=skip"), run, progress)
    assert len(made.val) == 10
    assert progress.notes[0].startswith(
        f"val: 2 of 12 images left out, the first for {broken[0]}: the image is truncated or broken"
    )
    kept = json.loads((run / "data_defects.json").read_text())
    assert [defect["file"] for defect in kept["val"]] == [str(image) for image in broken]
    assert kept["train"] == []


@pytest.mark.parametrize("section", ["teachers.twin", "supernet", "retrain"])
def test_a_batch_larger_than_the_data_is_refused_before_anything_is_trained(config, tmp_path, section):
    with pytest.raises(ConfigError, match=rf"{section}\.batch_size is 17, but train has 16 images"):
        run_search(config(f"{section}.batch_size=17"), tmp_path / "run", None, SilentProgress())
    assert not (tmp_path / "run").exists()


def test_a_given_teacher_keeps_its_own_shape(found, config, prepared, recorded_progress, tmp_path):
    path = tmp_path / "half.safetensors"
    shape = DetectorSpec(**{**vars(SPEC), "width": 0.25})
    save_detector(path, build_fixed(shape, Candidate({})), shape, Candidate({}), SHAPE_CLASSES)
    overrides = [f"teachers.half.weights={path}", "space.terms.feature_hint.teachers=[half]"]
    copied(found, tmp_path / "run", "data", "teachers")
    _, _, made = prepared(config(*overrides), tmp_path / "run")
    assert made.teachers["half"].spec == shape
    assert made.state.distiller["terms.feature_hint.adapters.0.p3.weight"].shape[:2] == (32, 16)


def test_a_teacher_that_no_term_names_is_not_trained(found, config, prepared, recorded_progress, tmp_path):
    run, progress = tmp_path / "run", recorded_progress()
    copied(found, run, "data", "teachers", "supernet.safetensors")
    _, _, made = prepared(config("teachers.idle={epochs: 1, batch_size: 8}"), run, progress)
    assert list(made.teachers) == ["twin"]
    assert progress.notes[0] == "No term names the teacher idle: it is left out."
    kept = json.loads((run / "teachers" / "twin.json").read_text())
    assert progress.notes[1:] == [f"teacher twin: {figures_text(kept)} on 12 images of val"]
    assert set(kept) == {"map50", "map50_11"}
    assert not list(run.rglob("*idle*"))
