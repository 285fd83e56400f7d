"""The reference pages list everything that a user can name: methods, terms, detectors, presets, keys, options."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel
from typer.core import TyperCommand, TyperGroup

from results.figures import FIGURES
from search.cli.app import app
from search.config import preset_names
from search.config.schema import Config
from search.controller.samplers import SAMPLERS
from spaces.detectors.table import DETECTORS
from spaces.layers.methods import METHODS, OPTIONS
from trainers.distill import TERMS
from trainers.training.rules.table import RULES

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


def keys(section: type[BaseModel]) -> Iterable[str]:
    """The names of all keys at and below a section that isn't a mapping's value."""
    for name, field in section.model_fields.items():
        yield name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation)


def options(command: TyperGroup | TyperCommand) -> Iterable[str]:
    """The long names of all options of a command and those below it."""
    if isinstance(command, TyperGroup):
        for one in command.commands.values():
            yield from options(one)
    else:
        yield from (name for parameter in command.params for name in parameter.opts if name.startswith("--"))


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("layers.md", [*METHODS, *OPTIONS]),
        ("distillation-terms.md", TERMS),
        ("detectors.md", DETECTORS),
        (
            "configuration.md",
            [*preset_names(), *SAMPLERS, *RULES, *(name for name, one in FIGURES.items() if one.searched)],
        ),
    ],
)
def test_a_reference_page_lists_every_name(page, names):
    text = (REFERENCE / page).read_text("utf-8")
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_page_on_configs_has_every_key():
    text = (REFERENCE / "configuration.md").read_text("utf-8")
    sections = {name for name, field in Config.model_fields.items() if f"\n## {name}\n" in text}
    missing = [key for key in keys(Config) if key not in sections and not re.search(rf"\b{key}[`.]", text)]
    assert missing == []


def test_the_page_on_the_command_line_has_every_option():
    text = (REFERENCE / "command-line.md").read_text("utf-8")
    found = set(options(typer.main.get_command(app))) - {"--help"}
    assert sorted(name for name in found if f"`{name}" not in text) == []
