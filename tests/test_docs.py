"""Links, commands, configs, imports and presets of README.md and docs/ are right; docs/README.md lists every page."""

import ast
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from doc_snippets import ROOT, pages, prose, snippets
from typer.core import TyperCommand, TyperGroup

from search.cli.app import app
from search.config import load_config

MAP = ROOT / "docs" / "README.md"
PAGES = pages()
LINK = re.compile(r"\]\(([^)\s]+)\)")
MADE_BEFORE = ".safetensors"
"""How the files end that an earlier command of a page makes."""
COMMAND = re.compile(r"(?:bitfront|python -m search|python examples/|python benchmarks/)")


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    return [link for link in LINK.findall(prose(page)) if "://" not in link]


def commands(page: Path) -> list[str]:
    """Command lines in blocks and between backticks, those with brackets for what may be left out among them."""
    text = prose(page).replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    fenced = "".join(one.code for one in snippets(page) if one.language in ("sh", "bash")).replace("\\\n", " ")
    lines += [line.strip() for line in fenced.splitlines()]
    inline = re.findall(r"`([^`\n]+)`", text)
    return [line for line in [*lines, *inline] if COMMAND.match(line)]


def parameters(line: str) -> dict[str, Any]:
    """The command line's arguments and options as parsed, nothing being run; empty where no arguments are given."""
    parts = line.split("'")  # brackets mark what is optional, but not inside quotes
    parts[::2] = [re.sub(r"\[|\]| \|", "", part) for part in parts[::2]]
    words = shlex.split("'".join(parts), comments=True)
    words = words[: words.index(">")] if ">" in words else words
    words = words[3:] if words[0] == "python" else words[1:]
    command: TyperGroup | TyperCommand = typer.main.get_command(app)
    while isinstance(command, TyperGroup) and words and words[0] not in ("COMMAND", "--help"):
        name = words.pop(0)
        assert name in command.commands, f"bitfront has no command {name!r}"
        command = command.commands[name]
    if isinstance(command, TyperGroup) or not words:
        return {}
    return dict(command.make_context(command.name, words).params)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_map_lists_every_page_once():
    listed = [(MAP.parent / link).resolve() for link in links(MAP)]
    assert sorted(listed) == sorted(page for page in (ROOT / "docs").rglob("*.md") if page != MAP)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_line_names_existing_commands_options_and_configs(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    for line in commands(page):
        if not re.match(r"bitfront|python -m search", line):
            script = line.split()[1]
            assert (ROOT / script).is_file() or "*" in script, line
            continue
        given = parameters(line)
        if given.get("config", "CONFIG") not in ("CONFIG", "mine.yaml"):
            load_config(given["config"], [one for one in given["set_"] or [] if not one.endswith(MADE_BEFORE)])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_whole_config_can_be_loaded(page, tmp_path):
    for snippet in snippets(page, "yaml"):
        if snippet.code.startswith("name:"):
            (tmp_path / "config.yaml").write_text(snippet.code)
            assert load_config(tmp_path / "config.yaml").name in snippet.code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_blocks_import_names_that_exist(page):
    for snippet in snippets(page, "python"):
        for node in ast.walk(ast.parse(snippet.code)):
            if isinstance(node, ast.Import):
                assert all(importlib.import_module(one.name) for one in node.names)
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert [one.name for one in node.names if not hasattr(module, one.name)] == [], node.module
