"""Reading a candidate from a user's JSON file."""

import json
from pathlib import Path
from typing import Any

from search.config import ConfigError
from spaces.candidate import Candidate


def read_candidate(file: Path) -> Candidate:
    """The candidate in a file: its knobs, or an entry of front.json, which has them under "candidate".

    Raises ConfigError.
    """
    try:
        content = json.loads(file.read_text("utf-8"), object_pairs_hook=_without_repetition)
        if isinstance(content, list):
            raise ValueError(f"it is a list of {len(content)}; write one of its entries to a file of its own")
        if isinstance(content, dict):
            content = content.get("candidate", content)
        return Candidate.from_json(json.dumps(content))
    except OSError as error:
        raise ConfigError(f"{file} can't be read ({error.strerror}). Give a JSON file with a candidate.") from error
    except ValueError as error:
        raise ConfigError(f"{file} is no candidate: {error}") from error


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object without repeated keys, of which Python would silently take the last."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it names {next(name for name in content if names.count(name) > 1)} more than once")
    return content
