"""Weights on disk: safetensors that say what they hold, written whole or not at all; training states that resume."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from spaces.published.weights import UNREADABLE

FORMAT = "bitfront-1"


class CheckpointError(ValueError):
    """A file that is no checkpoint of ours, or one that does not fit."""


def write_whole(path: Path, content: bytes) -> None:
    """Write beside, flush to disk and rename: after a crash `path` holds the old content or the new, never half."""
    with _replacing(path) as file:
        file.write(content)


def digest_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place once it is on the disk; after an error nothing is left of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def save_weights(path: Path, state: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Save tensors with a JSON description of what they are (detector, candidate, classes)."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    metadata = {"format": FORMAT, "description": json.dumps(description, sort_keys=True)}
    write_whole(path, save(tensors, metadata))


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the description that `save_weights` wrote. Raises CheckpointError for any other file."""
    if not path.is_file():
        what = "is a folder: name a .safetensors file in it" if path.is_dir() else "isn't there"
        raise CheckpointError(f"There is no checkpoint {path}: it {what}.")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise _not_ours(path, f"it can't be read as safetensors ({error})") from error
    if metadata.get("format") != FORMAT:
        raise _not_ours(path, f"its format is {metadata.get('format')!r}, expected {FORMAT!r}")
    return state, _description(path, metadata.get("description", ""))


def _description(path: Path, text: str) -> dict[str, Any]:
    try:
        description = json.loads(text)
    except json.JSONDecodeError as error:
        raise _not_ours(path, f"its description can't be read ({error})") from error
    if not isinstance(description, dict):
        raise _not_ours(path, f"its description is a {type(description).__name__}")
    return description


def _not_ours(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{path} is no Bitfront checkpoint: {reason}. Give a .safetensors file that a run of Bitfront wrote."
    )


def save_training_state(path: Path, state: Mapping[str, Any]) -> None:
    """Save what a training needs to go on: nested dicts and lists of tensors and plain values."""
    with _replacing(path) as file:
        torch.save(dict(state), file)


def load_training_state(path: Path) -> dict[str, Any] | None:
    """What `save_training_state` wrote, or None when there is no file. Raises CheckpointError for any other file."""
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise _no_state(path) from error
    if not isinstance(state, dict):
        raise _no_state(path)
    return state


def _no_state(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} is no training state that can be read. Delete it to start this stage from its beginning."
    )
