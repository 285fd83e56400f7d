"""The text files of YOLO data: labels, lists and names."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path


def text_of(content: bytes, errors: str = "strict") -> str:
    """UTF-8, or UTF-16 where a byte order mark says so, as Windows writes it. Raises UnicodeDecodeError."""
    return content.decode("utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig", errors)


def lines_of(path: Path) -> list[str]:
    """The lines of a file without blanks around them. Raises OSError and UnicodeDecodeError."""
    return [line.strip() for line in text_of(path.read_bytes()).splitlines()]
