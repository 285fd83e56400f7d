"""Where the images of a search come from, and what is refused before anything is trained on them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.config import Config, ConfigError, load_config
from search.plan.plan import plan_search
from search.plan.sources import check_image_sets, settled
from search.run.folder import RunFolder
from search.stages.data import read_data
from search.stages.evaluate import Reading, decode_split
from search.stages.images import load_measured, load_training, prepare_root, scoring_subset
from trainers.data import listing
from trainers.data.errors import DataError
from trainers.progress import SilentProgress

VOC = "name: least\ndata: {format: voc, image_size: 96}\nstudent: {detector: ssd_resnet18}\n"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "voc.yaml").write_text(VOC)
    return load_config(tmp_path / "voc.yaml")


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Two images a set, each with one cat; `difficult` holds none that counts."""
    base = tmp_path / "images" / "VOCdevkit" / "VOC2007"
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (base / name).mkdir(parents=True)
    for image_set in ("train", "val", "test", "difficult"):
        ids = [f"{image_set}{n}" for n in range(2)]
        (base / "ImageSets" / "Main" / f"{image_set}.txt").write_text("\n".join(ids))
        for image_id in ids:
            pixels = np.random.default_rng([*image_id.encode()]).integers(0, 90, (40, 50, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(base / "JPEGImages" / f"{image_id}.jpg")
            (base / "Annotations" / f"{image_id}.xml").write_text(
                "<annotation><size><width>50</width><height>40</height></size><object><name>cat</name>"
                f"<difficult>{int(image_set == 'difficult')}</difficult><bndbox><xmin>1</xmin><ymin>1</ymin>"
                "<xmax>20</xmax><ymax>20</ymax></bndbox></object></annotation>"
            )
    return tmp_path / "images"


def with_data(config: Config, **changes: object) -> Config:
    return config.model_copy(update={"data": config.data.model_copy(update=changes)})


def test_the_argument_wins_over_the_config_and_the_config_over_the_environment(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BITFRONT_VOC_ROOT", "from_environment")
    configured = with_data(config, root="from_config")
    assert settled(configured, Path("given")).data.root == str(tmp_path / "given")
    assert settled(configured, None).data.root == str(tmp_path / "from_config")
    assert settled(config, None).data.root == str(tmp_path / "from_environment")
    monkeypatch.delenv("BITFRONT_VOC_ROOT")
    with pytest.raises(DataError, match=r"no folder was named\. .*: --data, data\.root in the config, or BITFRONT_VOC"):
        settled(config, None)


def test_files_of_teachers_become_absolute_too(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    twin = config.teachers["twin"].model_copy(update={"weights": "twin.safetensors"})
    given = config.model_copy(update={"teachers": {"twin": twin}})
    assert settled(given, tmp_path).teachers["twin"].weights == str(tmp_path / "twin.safetensors")


def test_places_of_a_pretraining_become_absolute_and_other_commands_need_none_of_them(
    tiny_config, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    section = {"data": {"root": "coco"}, "teacher": {"weights": "gone.safetensors"}}  # a folder, though a name too
    found = settled(tiny_config(pretrain=section), None).pretrain
    assert found.data.root == str(tmp_path / "coco")
    assert found.teacher.weights == str(tmp_path / "gone.safetensors")


def test_a_place_for_generated_images_is_refused():
    with pytest.raises(ConfigError, match=r"--data was given, but data\.format is shapes"):
        settled(load_config("demo"), Path("images"))


def test_all_three_image_sets_are_looked_for_before_anything_is_decoded(config, voc, images_plan, tmp_path):
    missing = with_data(config, root=str(voc), test="tset")
    message = (
        r"there is no image set 'tset': data\.test is 'tset'\. Choose one of those there: difficult, test, train, val, "
        r"or hold it out of train with data\.hold_out: \{tset: 0\.2\}\."
    )
    with pytest.raises(DataError, match=message):
        prepare_root(images_plan(missing), RunFolder(tmp_path / "run"))


def test_a_search_lists_each_image_set_once_and_once_more_to_read_it(config, voc, tmp_path, monkeypatch):
    folders, scandir = [], listing.scandir
    monkeypatch.setattr(listing, "scandir", lambda folder: folders.append(folder) or scandir(folder))
    batches = [f"{one}.batch_size=2" for one in ("supernet", "retrain", "teachers.twin")]
    space = [
        "student.width=0.125",
        "space.granularity=stage",
        "space.layers.methods=[real, sign]",
        "space.layers.open={}",
    ]
    data = [f"data.root={voc}", "data.classes=[cat]"]
    plan = plan_search(load_config(tmp_path / "voc.yaml", [*batches, *space, *data]), None)
    assert plan.base.listed["val"].keys() == {"val0", "val1"}
    images = voc / "VOCdevkit" / "VOC2007" / "JPEGImages"
    assert folders.count(images) == 3  # train, val and test
    read_data(plan.base, RunFolder(tmp_path / "run"), SilentProgress())
    assert folders.count(images) == 3 + 2  # train and val are read


@pytest.mark.parametrize("key", ["train", "val", "test"])
def test_an_image_set_that_generated_data_lacks_is_refused_by_its_key(key):
    message = rf"data\.{key}: is 'trainval', but data\.format is shapes, and .* train, val, test\. Choose one of these"
    with pytest.raises(ConfigError, match=message):
        check_image_sets(with_data(load_config("demo"), **{key: "trainval"}).data)


def test_a_root_that_is_not_there_is_no_image_sets_fault(config, tmp_path):
    with pytest.raises(DataError) as refused:
        check_image_sets(with_data(config, root=str(tmp_path / "none")).data)
    assert str(refused.value).startswith(f"{tmp_path}/none: there is no data here")
    assert "data.train is" not in str(refused.value)
    check_image_sets(with_data(config, root=str(tmp_path / "none"), download=True).data)


def test_images_without_an_object_that_counts_are_no_measure(config, voc, images_plan, tmp_path):
    chosen = images_plan(with_data(config, root=str(voc)))
    assert len(load_measured(chosen, RunFolder(tmp_path / "run"), "val")) == 2
    with pytest.raises(DataError, match="its 2 images hold no object that counts"):
        load_measured(chosen, RunFolder(tmp_path / "run"), "difficult")
    with pytest.raises(DataError, match="its 2 images hold no object that counts"):
        decode_split(Reading(root=voc, split="difficult"), ("cat",), 96, SilentProgress())


def test_images_without_an_object_to_learn_are_no_training(config, voc, images_plan, tmp_path):
    run, chosen = RunFolder(tmp_path / "run"), with_data(config, root=str(voc), train="difficult")
    assert len(load_training(images_plan(chosen), run).labels) == 2  # VOC's difficult objects are learnt
    with pytest.raises(DataError, match=r"its 2 images hold no object to learn\. .* objects that aren't difficult"):
        load_training(images_plan(with_data(chosen, train_on_difficult=False)), run)
    for annotation in (voc / "VOCdevkit" / "VOC2007" / "Annotations").glob("difficult*.xml"):
        annotation.write_text("<annotation><size><width>50</width><height>40</height></size></annotation>")
    with pytest.raises(DataError, match=r"no object to learn\. .* objects are needed"):
        load_training(images_plan(chosen), run)


def test_reading_images_shows_how_far_it_is(config, voc, images_plan, recorded_progress, tmp_path):
    progress = recorded_progress()
    load_training(images_plan(with_data(config, root=str(voc))), RunFolder(tmp_path / "run"), progress)
    assert progress.events == [("stage", "images of train", 2), ("advance", 1, {}), ("advance", 1, {})]


def test_a_scoring_subset_is_a_seeded_part(config, voc, images_plan, tmp_path):
    plan = images_plan(with_data(config, root=str(voc)))
    val = load_measured(plan, RunFolder(tmp_path / "run"), "val")
    assert scoring_subset(plan, val) is val
    assert len(scoring_subset(images_plan(with_data(config, val_images=1)), val)) == 1
