"""The mark of this project's files of weights, which can be read without their tensors."""

import json
from pathlib import Path

from spaces.published.header import safetensors_metadata

FORMAT = "bitfront-1"
CLASSIFIER = "classifier"
"""The kind of a backbone that was trained as a classifier; detectors start from it."""


def is_own_file(path: Path) -> bool:
    """Whether a file is one that `checkpoint.save_weights` wrote, in this version or in another.

    Its header decides. False where there is no file, and for safetensors of others.
    """
    metadata = safetensors_metadata(path) or {}
    return str(metadata.get("format")).startswith("bitfront-")


def is_own_classifier(path: Path) -> bool:
    """Whether a file is one that `classifier_file.save_classifier` wrote."""
    try:
        description = json.loads(str((safetensors_metadata(path) or {}).get("description", "")))
    except ValueError:
        return False
    return is_own_file(path) and isinstance(description, dict) and description.get("kind") == CLASSIFIER
