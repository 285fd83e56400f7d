"""A disk that is full at any write of a run: one message that names the file, and the same command goes on after it."""

import json
import re
from pathlib import Path

import pytest
from click.testing import Result
from full_disk import full_disk
from typer.testing import CliRunner

import results
from search.cli.app import app
from search.controller.proposal import Done
from search.workers.worker import Measured
from trainers.data.shapes.writer import SHAPE_CLASSES, write_shapes

MESSAGE = (
    r"Error: ({folder}/[^ ]+) can't be used: the disk is full \([\d.]+ MB are free in /\S*\)\. Make room there.*\n"
)


def scored_here(controller, parts, make_scorer, *, on_results, **_):
    """Stands for `run_trials`: the same scorer, in this process."""
    scorer = make_scorer(parts)
    while not isinstance(proposal := controller.ask(), Done):
        score = scorer.score(proposal.candidate)
        on_results([controller.tell(proposal.number, Measured(score.metrics, score.seconds))])


@pytest.fixture
def start(write_config, tmp_path, monkeypatch):
    """Starts a command on images that are there, in a run folder below `disk`."""
    monkeypatch.setattr("search.stages.trials.run_trials", scored_here)
    write_shapes(tmp_path / "images", sizes={"train": 8, "val": 4, "test": 4}, image_size=96)
    data = {"format": "voc", "root": str(tmp_path / "images"), "image_size": 96}
    data |= {"classes": list(SHAPE_CLASSES), "train": "train", "val": "val"}
    terms = {"feature_hint": {"teachers": ["none", "twin"]}}
    space = {"granularity": "stage", "layers": {"methods": ["real", "sign"]}, "terms": terms}
    twice = {"epochs": 2, "batch_size": 4}  # so that there are unfinished states
    config = write_config(data=data, space=space, teachers={"twin": twice}, supernet=twice)
    call = lambda *arguments: CliRunner().invoke(app, arguments)  # noqa: E731
    return lambda command, run, *options: call(command, str(config), "--run-dir", str(tmp_path / run), *options)


def left_in(run: Path) -> tuple[list[str], list[tuple[str, int]]]:
    """The files of a run, and the epochs that its training log has; event files have the time in their names."""
    files = sorted({re.sub(r"tfevents.*", "", str(file.relative_to(run))) for file in run.rglob("*") if file.is_file()})
    lines = [json.loads(line) for line in (run / "training.jsonl").read_text().splitlines()]
    return files, [(line["stage"], line["epoch"]) for line in lines]


def check_full_disks(start, command: str, folder: Path, writes: range, *options: str) -> set[str]:
    """Start a run again and again, each time on a disk that is full at another write, until one has fewer writes.

    Then the same with the finished run, which writes its tables again: a start that goes on has too few writes to reach
    those. It must end as one that never failed. Returns the names of the files that were named.
    """
    folder.mkdir()
    named = set()
    for _ in ("unfinished", "finished"):
        for at in writes:
            with full_disk(folder, at) as disk:
                result = start(command, "disk/run", *options)
            if disk.count < at:
                break
            if result.exit_code == 0:
                # The tables are tried again at the end; a search that has ended is not lost for its report.
                assert re.search(
                    "trials.parquet is not up to date|The report has no|report.html was not", result.stderr
                )
                continue
            named.add(named_file(result, folder))
            assert not list(folder.rglob("*.part"))
        assert result.exit_code == 0, result.stderr
    assert start(command, "unbroken", *options).exit_code == 0
    assert left_in(folder / "run") == left_in(folder.parent / "unbroken")
    return named


def named_file(result: Result, folder: Path) -> str:
    """The name of the file in the one message of a start on a full disk."""
    assert result.exit_code == 2, (result.stderr, result.exception)
    (line,) = [line for line in result.stderr.splitlines(keepends=True) if line.startswith("Error")]
    file = re.fullmatch(MESSAGE.format(folder=folder), line)
    assert file, line
    return Path(file[1]).name


@pytest.mark.usefixtures("every_step_is_kept")
def test_a_training_goes_on_after_a_full_disk_at_some_writes(start, tmp_path):
    """Five starts, of which most end early; the slow tests below have the disk full at every write."""
    named = check_full_disks(start, "train", tmp_path / "disk", range(2, 99, 9), "--set", "train.start=scratch")
    assert len(named) >= 3, named


@pytest.mark.slow
@pytest.mark.usefixtures("every_step_is_kept")
def test_a_training_goes_on_after_a_full_disk_at_any_write(start, tmp_path):
    named = check_full_disks(start, "train", tmp_path / "disk", range(1, 99))
    assert named >= {"lock", "config.yaml", "teacher-twin.pt", "twin.safetensors"}
    assert named >= {"detector.safetensors", "figures.json", "teachers_test.json", "data.json", "seconds.json"}


@pytest.mark.slow
@pytest.mark.usefixtures("every_step_is_kept", "with_reports")
def test_a_search_goes_on_after_a_full_disk_at_any_write(start, tmp_path):
    named = check_full_disks(start, "search", tmp_path / "disk", range(1, 199))
    assert named >= {"supernet.pt", "0.npy", "form.json", "journal.log", "in_flight.jsonl"}
    assert named >= {"front.csv", "front.json", "front.parquet", "front.png", "trials.parquet", "detector.safetensors"}
    trials = results.open_run(tmp_path / "disk" / "run").trials
    assert list(trials["id"]) == list(results.open_run(tmp_path / "unbroken").trials["id"])
