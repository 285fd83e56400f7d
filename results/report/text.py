"""Numbers and names as a reader sees them, and as plotly takes them."""

from __future__ import annotations

import html
import math
import re

LONGEST = 60
"""Characters of a name in a figure or a table; longer ones lose their middle."""

_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_PASSWORD = re.compile(r"(\w+://[^\s/:@]*:)[^\s/]+(?=@)")


def quantity(value: float) -> str:
    """A cost with three digits that count and a unit's letter: 417871872 is "418 M"; "-" for none."""
    if not math.isfinite(value):
        return "-"
    for size, letter in _UNITS:
        if abs(value) >= size:
            return f"{_three_digits(value / size)} {letter}"
    return _three_digits(value)


def accuracy(value: float) -> str:
    """An accuracy in 0..1 with three decimals; "-" for none."""
    return f"{value:.3f}" if math.isfinite(value) else "-"


def duration(seconds: float) -> str:
    """Seconds as a person says them: "45 s", "7 min 30 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if whole < 10 else f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {whole % 60} s"


def shortened(name: object, longest: int = LONGEST) -> str:
    """A name on one line, without its middle where it is longer than `longest` characters."""
    text = " ".join(str(name).split())
    head = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[: longest - 1 - head]}…{text[-head:]}"


def plot_text(name: object, longest: int = LONGEST) -> str:
    """A name as plotly shows it: plotly reads tags in all its texts, so they are escaped."""
    return html.escape(shortened(name, longest), quote=False)


def without_passwords(text: str) -> str:
    """A text in which the passwords of URLs are masked: a report is passed on."""
    return _PASSWORD.sub(r"\1***", text)


def _three_digits(value: float) -> str:
    whole = len(str(int(abs(value))))
    return f"{value:.{max(3 - whole, 0)}f}" if value != int(value) or abs(value) >= 1000 else f"{int(value)}"
