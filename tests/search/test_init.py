"""The Python face: names, defaults, and no heavy imports before the first use."""

import subprocess
import sys
from pathlib import Path

import pytest

import results
import search
from search import run_search, run_train
from search.errors import RunError
from search.plan.plan import plan_search
from trainers.distill import TERMS


def test_importing_it_loads_no_heavy_library():
    heavy = "{'torch', 'ray', 'optuna', 'pandas', 'matplotlib', 'pydantic'}"
    code = f"import sys, search; print(sorted(sys.modules.keys() & {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("name", search.__all__)
def test_every_name_it_lists_is_there(name):
    assert getattr(search, name).__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'search' has no attribute 'run_serch'"):
        search.run_serch  # noqa: B018


def test_a_runs_error_is_that_of_results():
    assert search.RunError is RunError is results.RunError


@pytest.mark.parametrize("start", [run_search, run_train])
def test_a_run_lies_in_runs_and_its_name_where_no_folder_is_given(start, tiny_config, tmp_path, monkeypatch):
    """Something foreign lies in that folder, so that the refusal names it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "tiny").mkdir(parents=True)
    (tmp_path / "runs" / "tiny" / "thesis.tex").touch()
    with pytest.raises(search.RunError, match=r"runs/tiny is not empty and holds no config\.yaml"):
        start(tiny_config())


def test_a_run_to_retrain_from_may_be_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(search.RunError, match="empty holds no run"):
        search.run_retrain(Path("empty"), "00")


def test_folders_may_be_text(tiny_config, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    for start in (run_search, run_train):
        with pytest.raises(search.RunError, match="mine is not empty"):
            start(tiny_config(), str(tmp_path / "mine"))


def test_a_config_made_without_a_file_has_the_terms_own_ranges(tmp_path):
    sections = {"data": {"format": "shapes", "image_size": 96}, "student": {"detector": "ssd_resnet18", "width": 0.125}}
    config = search.Config.model_validate({"name": "mine", **sections, "space": {"terms": {"feature_hint": {}}}})
    weights = next(knob for knob in plan_search(config, None).space.knobs if knob.key == "weight/feature_hint").choices
    assert (weights[0], weights[-1]) == TERMS["feature_hint"].weights
