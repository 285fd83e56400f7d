"""Tables as text for people: Markdown and LaTeX, with numbers rounded as on a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from results.columns import is_accuracy, is_error

Row = Mapping[str, object]
LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{one: f"\\{one}" for one in "&%$#_{}"},
}
"""What stands for the characters that LaTeX reads as commands."""
LINE_BREAK = re.compile(r"\s*[\r\n]+\s*")


def cell(name: str, value: object) -> str:
    """A value for people: whole numbers with separators, accuracies with four decimals, others with four digits."""
    if isinstance(value, float) and (is_accuracy(name) or is_error(name)):
        return f"{value:.4f}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else LINE_BREAK.sub(" ", str(value))


def is_right(rows: Sequence[Row], name: str) -> bool:
    """Whether a column stands at the right side: its values are numbers, as far as it has any."""
    values = [row[name] for row in rows if row[name] != ""]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def markdown(rows: Sequence[Row]) -> str:
    """A table as GitHub's Markdown has it; nothing for no rows."""
    if not rows:
        return ""
    sides = ["---:" if is_right(rows, name) else "---" for name in rows[0]]
    head = [_in_markdown(name) for name in rows[0]]
    cells = [[_in_markdown(cell(name, value)) for name, value in row.items()] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in [head, sides, *cells])


def latex(rows: Sequence[Row]) -> str:
    r"""A `tabular` with the rules of the package booktabs, to be put into a `table`; nothing for no rows."""
    if not rows:
        return ""
    sides = "".join("r" if is_right(rows, name) else "l" for name in rows[0])
    head = [in_latex(name) for name in rows[0]]
    cells = [[in_latex(cell(name, value)) for name, value in row.items()] for row in rows]
    lines = [f"{' & '.join(line)} \\\\" for line in [head, *cells]]
    return "\n".join(
        [
            "% \\usepackage{booktabs}",
            f"\\begin{{tabular}}{{{sides}}}",
            "\\toprule",
            lines[0],
            "\\midrule",
            *lines[1:],
            "\\bottomrule",
            "\\end{tabular}\n",
        ]
    )


def in_latex(text: str) -> str:
    """The text with LaTeX's own characters escaped."""
    return "".join(LATEX.get(one, one) for one in text)


def _in_markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")
