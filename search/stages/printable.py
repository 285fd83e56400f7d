"""Names from files and disks as text that a terminal and a picture can show."""

import os


def printable(text: str | os.PathLike[str]) -> str:
    """The text with line breaks, control characters and undecodable bytes written as escapes, such as `\\n`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in os.fspath(text))
