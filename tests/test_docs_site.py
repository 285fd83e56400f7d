"""The documentation as a site: every page in the map's order, every public name, nothing from the network."""

import importlib
import importlib.util
import re
import socket
from pathlib import Path

import pytest

import results
import search

ROOT = Path(__file__).parents[1]
API = ROOT / "docs" / "reference" / "api.md"
MKDOCS_MISSING = "mkdocs-material and mkdocstrings are not installed: pip install '.[docs]'"


@pytest.fixture
def hooks():
    pytest.importorskip("mkdocs", reason=MKDOCS_MISSING)
    spec = importlib.util.spec_from_file_location("mkdocs_hooks", ROOT / "docs" / "mkdocs_hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_navigation_has_every_page_once_in_four_sections(hooks):
    first, *sections = hooks.on_config({})["nav"]
    assert first == "README.md"
    assert [name for section in sections for name in section] == ["Tutorials", "How-to", "Reference", "Measurements"]
    listed = [page for section in sections for pages in section.values() for page in pages]
    pages = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")]
    assert sorted([first, *listed]) == sorted(pages)


def test_links_to_examples_lead_to_their_place_in_the_site(hooks):
    text = "[a](../../examples/small.yaml) [b](run-folder.md#tensorboard)"
    assert hooks.on_page_markdown(text) == "[a](../examples/small.yaml) [b](run-folder.md#tensorboard)"


def test_the_reference_names_modules_that_exist():
    named = re.findall(r"^::: (\S+)$", API.read_text("utf-8"), re.MULTILINE)
    assert {"search", "results", "trainers.progress"} <= set(named)
    assert all(importlib.import_module(name).__doc__ for name in named)


def test_the_site_is_built_without_a_warning_or_the_network_and_has_every_public_name(monkeypatch, tmp_path):
    for package in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(package, reason=MKDOCS_MISSING)
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    def refuse(*given):
        raise AssertionError(f"A connection to {given[1:]} was tried.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    config = load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(tmp_path))
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    page = (tmp_path / "reference" / "api" / "index.html").read_text("utf-8")
    public = [f"{package.__name__}.{name}" for package in (search, results) for name in package.__all__]
    assert [name for name in public if f'id="{name}"' not in page] == []
    loaded = r'<(?:script|img|iframe)[^>]*src="https?:|<link[^>]*rel="(?:stylesheet|preconnect)"[^>]*href="https?:'
    assert [file for file in tmp_path.rglob("*.html") if re.search(loaded, file.read_text("utf-8"))] == []
    assert (tmp_path / "examples" / "small.yaml").is_file()
