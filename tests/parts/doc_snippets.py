"""The code blocks of README.md and docs/, with the marks before them that say why one isn't run with the others.

A mark is a comment in the line before a block: `<!-- slow: why -->`, run with the slow tests alone, or
`<!-- not run: why -->`.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from results.figures import FIGURES
from search.controller.samplers import SAMPLERS
from spaces.detectors.table import DETECTORS
from spaces.layers.methods import METHODS
from trainers.data.formats import FORMATS
from trainers.distill.terms import TERMS

ROOT = Path(__file__).parents[2]
EXTENDING = ROOT / "docs" / "how-to" / "extending.md"
FENCE = re.compile(r"^(?:<!-- (?P<mark>.*?) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)
TABLES = (METHODS, DETECTORS, TERMS, SAMPLERS, FORMATS, FIGURES)


@dataclass(frozen=True)
class Snippet:
    """A code block. line: that of its first line of code. mark: `slow`, `not run` or empty, with the reason."""

    page: Path
    line: int
    language: str
    code: str
    mark: str
    reason: str

    def run(self, names: dict[str, object]) -> None:
        """Execute it with `names`, and leave there what it defines. An error's traceback has the page and its line."""
        exec(compile("\n" * (self.line - 1) + self.code, str(self.page), "exec"), names)  # noqa: S102 - our own pages


def pages() -> list[Path]:
    """README.md, CHANGELOG.md and all pages of docs/."""
    return sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def snippets(page: Path, language: str | None = None) -> list[Snippet]:
    """The page's code blocks in order, or those of one language."""
    text = page.read_text("utf-8")
    found = [_snippet(page, text, match) for match in FENCE.finditer(text)]
    return [one for one in found if language in (None, one.language)]


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return FENCE.sub("", page.read_text("utf-8"))


@contextmanager
def snippet_names(fragment: str) -> Iterator[dict[str, object]]:
    """Run the snippet of extending.md that holds `fragment`; what it defines is there, and in the tables, inside."""
    [snippet] = [one for one in snippets(EXTENDING, "python") if fragment in one.code]
    names: dict[str, object] = {}
    with unchanged_tables():
        snippet.run(names)
        yield names


@contextmanager
def unchanged_tables() -> Iterator[None]:
    """What is put into a table of parts inside is out of it again afterwards."""
    with ExitStack() as restored:
        for table in TABLES:
            restored.enter_context(patch.dict(table))
        yield


def _snippet(page: Path, text: str, match: re.Match[str]) -> Snippet:
    mark, _, reason = (match["mark"] or "").partition(": ")
    return Snippet(page, text.count("\n", 0, match.start("code")) + 1, match["language"], match["code"], mark, reason)
