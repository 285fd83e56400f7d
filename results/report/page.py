"""The whole page: its sections, what it carries inside itself, and the file."""

from __future__ import annotations

import functools
import importlib.metadata
import os
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from results import layout
from results.files import write_whole
from results.opening import open_run
from results.report import classes, detections, effects, facts, fronts, layer_map, limits, losses, progress, trained
from results.report.embedding import packed, script_json, script_source
from results.report.section import Builder, Section, built
from results.report.summary import summary_of
from results.run import Run

SECTIONS: tuple[tuple[str, str, Builder], ...] = (
    (fronts.ID, fronts.TITLE, fronts.front_section),
    (layer_map.ID, layer_map.TITLE, layer_map.layer_section),
    (effects.ID, effects.TITLE, effects.effects_section),
    (progress.ID, progress.TITLE, progress.progress_section),
    (losses.ID, losses.TITLE, losses.losses_section),
    (trained.ID, trained.TITLE, trained.trained_section),
    (classes.ID, classes.TITLE, classes.classes_section),
    (detections.ID, detections.TITLE, detections.detections_section),
    (limits.ID, limits.TITLE, limits.limits_section),
    (facts.ID, facts.TITLE, facts.facts_section),
)
SCRIPTS = ("page", "figures", "front", "candidate", "layers", "detections", "start")
PACK_FROM = 20_000
"""Data of more characters than this are packed; a browser inflates megabytes in a blink."""


def write_report(run_dir: str | os.PathLike[str], path: str | os.PathLike[str] | None = None) -> Path:
    """Write the report of a run, finished or not, as one HTML file; `report.html` in its folder unless `path` is given.

    RunError where the folder holds no trials.
    """
    run = open_run(run_dir)
    target = run.path / layout.REPORT if path is None else Path(path)
    write_whole(target, report_html(run).encode("utf-8", "replace"))
    return target


def report_html(run: Run) -> str:
    """The page. It is the same for the same run, and needs nothing beside itself."""
    sections = [built(id_, title, build, run) for id_, title, build in SECTIONS]
    data, script, library = _data(sections), _script(), get_plotlyjs()
    return (
        _templates()
        .get_template("page.html.j2")
        .render(
            summary=summary_of(run),
            sections=sections,
            version=importlib.metadata.version("bitfront"),
            style=_safe(_resource("style.css")),
            script=_safe(script),
            sources=_safe(f"{script_source(script)} {script_source(library)}"),
            plotly=_safe(_packed_plotly()),
            data=_safe(packed(data) if len(data) > PACK_FROM else data),
            packed_data=len(data) > PACK_FROM,
        )
    )


def _data(sections: list[Section]) -> str:
    shown = {section.id: section.data for section in sections if section.data is not None}
    figures = {figure.id: figure.as_dict() for section in sections for figure in section.figures}
    return script_json({"sections": shown, "figures": figures})


@functools.cache
def _packed_plotly() -> str:
    return packed(get_plotlyjs())


@functools.cache
def _script() -> str:
    return "\n".join(_resource(f"scripts/{name}.js") for name in SCRIPTS)


@functools.cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _resource(f"templates/{name}")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _resource(name: str) -> str:
    return (files("results.report") / name).read_text("utf-8")


def _safe(text: str) -> Markup:
    """Text of our own, or JSON whose characters can't end an element."""
    return Markup(text)  # noqa: S704 - see above
