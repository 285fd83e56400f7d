"""A candidate in a file that a user hands in."""

import json
from pathlib import Path

from search.config import ConfigError
from spaces.candidate import Candidate


def read_candidate(file: Path) -> Candidate:
    """A candidate's knobs, plain or under "candidate" as in the entries of front.json. Raises ConfigError."""
    try:
        content = json.loads(file.read_text("utf-8"))
        if isinstance(content, list):
            raise ValueError(f"it is a list of {len(content)}; write one of its entries to a file of its own")
        if isinstance(content, dict):
            content = content.get("candidate", content)
        return Candidate.from_json(json.dumps(content))
    except OSError as error:
        raise ConfigError(f"{file} can't be read ({error.strerror}). Give a JSON file with a candidate.") from error
    except ValueError as error:
        raise ConfigError(f"{file} is no candidate: {error}") from error
