"""Whose folder it is, and what is written to it."""

import json

import pytest
from full_disk import full_disk

from search.config import config_text, load_config
from search.errors import RunError
from search.run.folder import RunFolder, check_run_folder, read_json
from search.run.lock import RunLock
from search.run.start import started_run
from trainers.data.shapes.classes import write_shape_classes
from trainers.data.shapes.writer import write_shapes

CONFIG = load_config("demo")
OTHER = load_config("demo", ["student.width=0.5", "seed=3"])


def begun(path):
    folder = RunFolder(path)
    folder.begin(config_text(CONFIG))
    (path / "teachers").mkdir()
    (path / "teachers" / "twin.safetensors").touch()
    return folder


def test_a_run_of_another_config_is_refused_with_the_keys_that_differ(tmp_path):
    begun(tmp_path / "run")
    with pytest.raises(
        RunError, match=r"of another config: seed is 0 there, 3 here; student\.width is 0\.25 there, 0\.5 here"
    ):
        check_run_folder(tmp_path / "run", OTHER)


def test_until_something_was_trained_the_config_may_be_mended(tmp_path):
    for config in (CONFIG, OTHER):
        with started_run(tmp_path / "run", config) as run:
            run.begin(config_text(config))
    assert "width: 0.5" in (tmp_path / "run" / "config.yaml").read_text()


@pytest.mark.parametrize(
    "change", ["search.trials=99", "search.workers=7", "retrain.epochs=1", "data.root=/elsewhere", "device=cpu"]
)
def test_what_leaves_finished_trials_as_they_are_may_change(tmp_path, change):
    begun(tmp_path / "run")
    check_run_folder(tmp_path / "run", load_config("demo", [change]))


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(RunError, match="run is a file; a run needs a folder"):
        check_run_folder(tmp_path / "run", CONFIG)


@pytest.mark.parametrize("name", ["notes.txt", "lock"])
def test_a_folder_of_something_else_is_refused_and_left_as_it_is(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(RunError, match=r"holds no config\.yaml, so it is no run of Bitfront"):
        check_run_folder(tmp_path, CONFIG)
    assert [child.name for child in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_with_our_lock_alone_is_free(tmp_path):
    with RunLock(tmp_path / "run"):
        check_run_folder(tmp_path / "run", CONFIG)
    check_run_folder(tmp_path / "run", CONFIG)


def test_a_place_that_can_not_be_written_to_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"file/run can't be written to \(Not a directory\)\. Give another folder"):
        RunLock(tmp_path / "file" / "run").__enter__()


def test_seconds_add_up_over_starts_even_those_that_failed(tmp_path):
    folder = RunFolder(tmp_path)
    (tmp_path / "seconds.json").write_text('{"search": 5.0, "data": 1.0}')
    with pytest.raises(KeyboardInterrupt), folder.timed("search"):
        raise KeyboardInterrupt
    assert json.loads((tmp_path / "seconds.json").read_text()) == {"search": pytest.approx(5.0, abs=0.2), "data": 1.0}


def test_a_full_disk_is_that_of_the_stage_and_not_of_its_seconds(tmp_path):
    with full_disk(tmp_path, 1), pytest.raises(OSError, match="supernet"), RunFolder(tmp_path).timed("supernet"):
        raise OSError(28, "No space left on device", "supernet.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_seconds_that_are_no_number_are_told(tmp_path):
    (tmp_path / "seconds.json").write_text('{"data": "x"}')
    with pytest.raises(RunError, match=r"seconds.json has 'x' for data, no number"), RunFolder(tmp_path).timed("data"):
        pass


def test_images_that_a_stopped_start_generated_are_no_foreign_folder(tmp_path):
    write_shapes(tmp_path / "run" / "data", sizes={"train": 1}, image_size=32)
    (tmp_path / "run" / ".data.x1.unfinished").mkdir()
    write_shape_classes(tmp_path / "run" / "pictures", sizes={"train": 1}, image_size=32)
    check_run_folder(tmp_path / "run", CONFIG)
    (tmp_path / "other" / "data").mkdir(parents=True)
    with pytest.raises(RunError, match="it is no run of Bitfront"):
        check_run_folder(tmp_path / "other", CONFIG)


@pytest.mark.parametrize("content", ["", "{", "[1]", "3"])
def test_a_damaged_file_of_the_run_is_named_with_the_way_out(tmp_path, content):
    (tmp_path / "figures.json").write_text(content)
    with pytest.raises(RunError, match=r"figures\.json .*Delete it"):
        read_json(tmp_path / "figures.json")


def test_a_run_has_an_id_of_its_own_and_keeps_it(tmp_path):
    one, other = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "other")
    assert one.make_run_id() == RunFolder(tmp_path / "one").make_run_id() != other.make_run_id()


def test_a_start_killed_while_it_wrote_its_config_leaves_a_free_folder(tmp_path):
    with RunLock(tmp_path):
        (tmp_path / ".config.yaml.123.part").write_text("name: de")
    check_run_folder(tmp_path, CONFIG)
    (tmp_path / ".notes.part").write_text("mine")
    with pytest.raises(RunError, match="it is no run of Bitfront"):
        check_run_folder(tmp_path, CONFIG)
