"""The header of a safetensors file: plain JSON in front of the tensors, which tells what the file is."""

import json
from pathlib import Path

LONGEST = 100_000_000
"""Bytes of the longest header that the format allows."""


def safetensors_metadata(path: Path) -> dict[str, object] | None:
    """The metadata of a safetensors file, empty if it has none. None for any other file, and if there is none or it
    can't be read, as with a name that is too long.

    The content decides and not the ending of the name: people rename files.
    """
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            text = file.read(length) if length <= LONGEST else b""
        header = json.loads(text) if len(text) == length and text.startswith(b"{") else None
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(header, dict):
        return None
    metadata = header.get("__metadata__")
    return metadata if isinstance(metadata, dict) else {}
