"""Weights on disk, as safetensors with a description of what they are, and states of unfinished trainings."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from spaces.published.reading import UNREADABLE
from trainers.file_format import FORMAT
from trainers.whole_files import replacing, write_whole


class CheckpointError(ValueError):
    """A file that isn't a checkpoint of this project, or one that doesn't fit the detector it names."""


def save_weights(path: Path, state: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Save tensors with a JSON description of what they are (detector, candidate, classes)."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    metadata = {"format": FORMAT, "description": json.dumps(description, sort_keys=True)}
    write_whole(path, save(tensors, metadata))


def digest_of_weights(tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> str:
    """The sha256 of a description and of the tensors' names, types, shapes and values, in hex digits."""
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name in sorted(tensors):
        array = tensors[name].detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the description that `save_weights` wrote. Raises CheckpointError for any other file."""
    if not path.is_file():
        hint = " That is a folder: name a .safetensors file in it." if path.is_dir() else ""
        raise CheckpointError(f"There is no checkpoint {path}.{hint}")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise _foreign(path, f"it can't be read as safetensors ({error})") from error
    if metadata.get("format") != FORMAT:
        raise _foreign(path, f"its format is {metadata.get('format')!r}, expected {FORMAT!r}")
    return state, _description(path, metadata.get("description", ""))


def _description(path: Path, text: str) -> dict[str, Any]:
    try:
        description = json.loads(text)
    except json.JSONDecodeError as error:
        raise _foreign(path, f"its description can't be read ({error})") from error
    if not isinstance(description, dict):
        raise _foreign(path, f"its description is a {type(description).__name__}")
    return description


def _foreign(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{path} is no Bitfront checkpoint: {reason}. Give a .safetensors file that a run of Bitfront wrote."
    )


def save_training_state(path: Path, state: Mapping[str, Any]) -> None:
    """Save what a training needs to resume: nested dicts and lists of tensors and plain values."""
    with replacing(path) as file:
        try:
            torch.save(dict(state), file)
        except RuntimeError as error:  # torch closes its archive after an error of the disk, and fails again
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def load_training_state(path: Path) -> dict[str, Any] | None:
    """What `save_training_state` wrote, or None when there is no file. Raises CheckpointError for any other file."""
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, *UNREADABLE) as error:
        raise _unreadable_state(path) from error
    if not isinstance(state, dict):
        raise _unreadable_state(path)
    return state


def _unreadable_state(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} is no training state that can be read. Delete it to start this stage from its beginning."
    )
