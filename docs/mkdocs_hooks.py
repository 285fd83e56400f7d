"""What mkdocs.yml can't say: the navigation is docs/README.md's lists, and examples that pages link to come along.

A page of docs/ links to `../../examples/NAME` as it lies in the repository, so that the link is right on GitHub too. In
the site these files lie in `examples/` beside the pages' folders.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
EXAMPLE = re.compile(r"\]\(\.\./\.\./(examples/[^)#]+)")
HEADING = re.compile(r"^## ([^:\n]+)")
ENTRY = re.compile(r"^- \[[^]]+\]\(([^)]+)\)")


def on_config(config: Any) -> Any:
    """The navigation: a section for each heading of docs/README.md, with its pages in their order."""
    nav: list[Any] = ["README.md"]
    for line in (ROOT / "docs" / "README.md").read_text("utf-8").splitlines():
        if heading := HEADING.match(line):
            nav.append({heading[1]: []})
        elif entry := ENTRY.match(line):
            next(iter(nav[-1].values())).append(entry[1])
    config["nav"] = nav
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add each file of examples/ that a page links to."""
    pages = [page.read_text("utf-8") for page in sorted((ROOT / "docs").rglob("*.md"))]
    for path in sorted({name for page in pages for name in EXAMPLE.findall(page)}):
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, **event: Any) -> str:
    """Links to these files lead to where they lie in the site."""
    return EXAMPLE.sub(r"](../\1", markdown)
