"""The mark of this project's files of weights, which can be read without their tensors."""

from pathlib import Path

from spaces.published.header import safetensors_metadata

FORMAT = "bitfront-1"


def is_own_file(path: Path) -> bool:
    """Whether a file is one that `checkpoint.save_weights` wrote, in this version or in another.

    Its header decides. False where there is no file, and for safetensors of others.
    """
    metadata = safetensors_metadata(path) or {}
    return str(metadata.get("format")).startswith("bitfront-")
