"""The Python blocks and quick commands of README.md and docs/ run as they stand, each page's in order.

A page's working directory has `examples/`, some pictures, and in `runs/first`, `demo` and `other` the tables of
the tutorial's run, or for slow blocks a whole small run, all with an untrained detector.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml
from doc_snippets import ROOT, pages, prose, snippets, unchanged_tables
from PIL import Image
from tutorial_run import FRONT, write_tutorial_run
from typer.testing import CliRunner

import results
from search import run_search
from search.cli.app import app
from search.config import load_config
from spaces.candidate import ALL_REAL
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.detector_file import save_detector

MARKS = ("", "slow", "not run")
NOT_RUN = {
    "search": "takes minutes to hours",
    "retrain": "takes minutes",
    "train": "takes minutes to hours",
    "pretrain": "takes minutes to hours",
    "fidelity": "takes hours",
    "compare": "takes hours",
    "latency": "takes minutes",
    "report": "needs a run's images",
    "export": "needs what a run has retrained",
    "evaluate": "needs a detector's own data",
    "data": "needs a data set of the reader's",
}
"""By command why no line of it is run; their options are checked in test_docs.py."""
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b|\[|COMMAND")
SMALL = {
    "name": "demo",
    "device": "cpu",
    "data": {"format": "shapes", "image_size": 96, "shapes": {"train": 16, "val": 8, "test": 8, "image_size": 96}},
    "student": {"detector": "ssd_resnet18", "width": 0.125},
    "teachers": {"twin": {"epochs": 1, "batch_size": 8}},
    "space": {"granularity": "stage", "layers": {"methods": ["real", "sign"]}},
    "supernet": {"epochs": 1, "batch_size": 8},
    "scoring": {"adapt_steps": 1, "batch_size": 8, "recalibrate_images": 8},
    "search": {"trials": 4, "workers": 1},
    "retrain": {"epochs": 1, "batch_size": 8, "pick": None},
}


def pages_with(mark):
    found = [page for page in pages() if any(one.mark == mark for one in snippets(page, "python"))]
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in found]


def quick_commands():
    """The lines of blocks that show `bitfront` with a command that takes seconds, each once; none of measurements."""
    texts = [prose(page) for page in pages() if page.parent.name != "measurements"]
    blocks = [line.strip() for text in texts for line in text.splitlines() if line.startswith("    bitfront ")]
    lines = dict.fromkeys(re.split(r"\s+#\s|\s>\s", line)[0] for line in blocks)
    return [line for line in lines if not PLACEHOLDER.search(line) and line.split()[1] not in NOT_RUN]


def words_of(line):
    """The words of a command as a shell gives them, patterns that aren't quoted with the names that fit them."""
    words = zip(shlex.split(line), shlex.split(line, posix=False), strict=True)
    found = [sorted(map(str, Path().glob(word))) if "*" in word and word == written else [] for word, written in words]
    return [name for names, word in zip(found, shlex.split(line), strict=True) for name in names or [word]]


@pytest.fixture(scope="session")
def tutorial_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tutorial") / "first"
    write_tutorial_run(folder)
    return folder


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory):
    """A search of seconds, with teacher and supernet."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "demo.yaml").write_text(yaml.safe_dump(SMALL))
    return run_search(load_config(folder / "demo.yaml"), folder / "demo").run.path


@pytest.fixture(scope="session")
def detector(tmp_path_factory):
    """The file of an untrained detector."""
    file = tmp_path_factory.mktemp("detector") / "detector.safetensors"
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=2, image_size=96, width=0.125)
    save_detector(file, build_fixed(spec, ALL_REAL), spec, ALL_REAL, ("circle", "star"))
    return file


@pytest.fixture
def workplace(detector, tmp_path, monkeypatch):
    """A working directory with the examples and pictures; gives what puts a run's copies into it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "photos").mkdir()
    for name in ("photo.jpg", "a.jpg", "b.png", "photos/c.jpg"):
        Image.new("RGB", (64, 48), "red").save(tmp_path / name)

    def put(run):
        for name in ("first", "demo", "other"):
            shutil.copytree(run, tmp_path / "runs" / name)
            place = tmp_path / "runs" / name / "retrained" / "ID"
            place.mkdir(parents=True)
            shutil.copy(detector, place)
            (tmp_path / "runs" / name / "data").mkdir(exist_ok=True)
            shutil.copy("photo.jpg", tmp_path / "runs" / name / "data" / "test_000000.jpg")

    return put


@pytest.mark.parametrize("page", pages_with(""))
def test_the_python_blocks_of_a_page_run_in_their_order(page, tutorial_run, workplace):
    workplace(tutorial_run)
    names = {}
    with unchanged_tables():
        for snippet in snippets(page, "python"):
            if not snippet.mark:
                snippet.run(names)


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with("slow"))
def test_the_slow_python_blocks_of_a_page_run_with_the_others(page, whole_run, workplace):
    workplace(whole_run)
    names = {}
    with unchanged_tables():
        for snippet in snippets(page, "python"):
            if snippet.mark != "not run":
                snippet.run(names)


@pytest.mark.parametrize("line", quick_commands())
def test_a_quick_command_of_a_page_runs(line, tutorial_run, workplace):
    workplace(tutorial_run)
    result = CliRunner().invoke(app, words_of(line)[1:])
    assert result.exit_code == 0, result.output
    assert result.stdout


def test_each_mark_is_known_and_gives_a_reason():
    marked = [one for page in pages() for one in snippets(page) if one.mark]
    assert [one for one in marked if one.mark not in MARKS or not one.reason] == []
    assert {one.language for one in marked} == {"python"}


def test_an_error_in_a_snippet_has_the_pages_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n<!-- slow: it fails -->\n```python\nx = 1\nx / 0\n```\n")
    [snippet] = snippets(page)
    assert (snippet.line, snippet.mark, snippet.reason) == (5, "slow", "it fails")
    with pytest.raises(ZeroDivisionError) as raised:
        snippet.run({})
    assert (str(raised.traceback[-1].path), raised.traceback[-1].lineno + 1) == (str(page), 6)


def test_the_tutorials_candidates_have_the_ids_and_costs_that_it_prints(tutorial_run):
    """The ids follow from the choices, the costs from the network: a change of either makes the tutorial wrong."""
    front = results.open_run(tutorial_run).front()
    assert list(front["id"]) == list(FRONT)
    printed = (ROOT / "docs" / "tutorial" / "front-in-pandas.md").read_text("utf-8")
    for row in front.itertuples():
        assert f"{row.id}  {row.bit_ops:e}  {row.map50:.6f}" in printed
