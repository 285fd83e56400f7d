"""The parts of a page: sections with figures and tables, or with one line that says why they have none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from results.errors import RunError
from results.run import Run

INK, MUTED, ACCENT = "@ink", "@muted", "@accent"
"""Colours of the page's theme; the page replaces them where they stand under the key `color`."""

# Okabe and Ito's palette, for series that are no methods: distinct in every common form of colour blindness.
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")


@dataclass(frozen=True)
class Figure:
    """A plotly figure: traces and layout. Names in it are passed through `plot_text`; `about` is read to the blind."""

    id: str
    about: str
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    height: int = 380

    def as_dict(self) -> dict[str, Any]:
        return {"data": list(self.data), "layout": dict(self.layout), "height": self.height}


@dataclass(frozen=True)
class Table:
    """Rows of texts. `numbers`: the columns that stand to the right. `folded`: shown only when it is opened."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page. missing: why it has nothing to show. template: the file that shows it. data: for its script.

    lines: remarks below the figures.
    """

    id: str
    title: str
    lead: str = ""
    missing: str | None = None
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    lines: Sequence[str] = ()
    template: str = "plain"
    data: Any = None
    facts: Mapping[str, Any] = field(default_factory=dict)


Builder = Callable[[Run], Section]


def built(id_: str, title: str, build: Builder, run: Run) -> Section:
    """The section, or one line where the run lacks its data or holds damaged files: a page has all others."""
    try:
        return build(run)
    except RunError as error:
        return Section(id_, title, missing=str(error))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        return Section(id_, title, missing=f"Its data can't be read ({type(error).__name__}: {error}).")
