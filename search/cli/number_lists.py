"""Options that take several values behind one name, as in `--seeds 0 1 2`."""

from collections.abc import Collection, Sequence

import typer
from typer.core import TyperCommand


class SpreadCommand(TyperCommand):
    """A command whose repeatable options may be followed by several values, if they are shown as `SEED ...`.

    These are the words up to the next option.
    A list that begins with a whole number ends at the first word that is none, so that an argument may follow.
    """

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer's own click
        several = (one for one in self.params if getattr(one, "multiple", False))
        spread = {name for one in several if str(getattr(one, "metavar", "")).endswith("...") for name in one.opts}
        return super().parse_args(ctx, repeated(args, spread))


def repeated(words: Sequence[str], spread: Collection[str]) -> list[str]:
    """The words with the option's name in front of each of its values: `--seeds 0 --seeds 1`."""
    found: list[str] = []
    option, values = "", list[str]()
    for word in words:
        ends = word.startswith("-") or (values and values[0].isdecimal() and not word.isdecimal())
        if option and not ends:
            found += [option, word] if values else [word]
            values.append(word)
            continue
        option, values = word if word in spread else "", []
        found.append(word)
    return found
