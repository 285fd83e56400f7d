"""One colour for each method of layers, the same in every figure of a page."""

from __future__ import annotations

from collections.abc import Iterable

# Greys and blues for several bits, warm and green tones for one: apart in lightness, too, for the colour-blind.
COLOURS = {
    "real": "#8C8C8C",
    "int8": "#00569E",
    "int4": "#4FA8E0",
    "int2": "#A9D8F5",
    "sign": "#D55E00",
    "bireal": "#F0A61C",
    "react": "#F0E442",
    "dbs": "#009E73",
    "adabin": "#661100",
    "lcb": "#CC79A7",
    "lcb_dynamic": "#882255",
}
OTHERS = ("#332288", "#117733", "#DDCC77", "#44AA99", "#999933", "#AA4499")
"""For methods that users add."""


def method_colours(methods: Iterable[str]) -> dict[str, str]:
    """The colours of these methods, in the order of their precision. One with options is a shade of its base's."""
    known = list(COLOURS)
    names = sorted(set(methods), key=lambda one: (_rank(known, one), one))
    bases = list(dict.fromkeys(_base(one) for one in names if _base(one) not in COLOURS))
    base_colours = COLOURS | {base: OTHERS[place % len(OTHERS)] for place, base in enumerate(bases)}
    colours: dict[str, str] = {}
    for name in names:
        before = sum(_base(one) == _base(name) for one in colours)
        shade = 0.45 * before / (before + 1) if before else 0.0
        colours[name] = _mixed(base_colours[_base(name)], "#FFFFFF" if before % 2 else "#000000", shade)
    return colours


def _base(method: str) -> str:
    return method.split("+", 1)[0]


def _rank(known: list[str], method: str) -> int:
    return known.index(_base(method)) if _base(method) in known else len(known)


def _mixed(colour: str, other: str, share: float) -> str:
    parts = [(int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round((1 - share) * one + share * two):02X}" for one, two in parts)
