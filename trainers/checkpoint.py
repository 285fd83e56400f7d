"""Weights on disk: safetensors that say what they hold, written whole or not at all; training states that resume."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

FORMAT = "bitfront-1"


class CheckpointError(ValueError):
    """A file that is no checkpoint of ours, or one that does not fit."""


def write_whole(path: Path, content: bytes) -> None:
    """Write beside, flush to disk and rename: after a crash `path` holds the old content or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def save_weights(path: Path, state: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Save tensors with a JSON description of what they are (detector, candidate, classes)."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    metadata = {"format": FORMAT, "description": json.dumps(description, sort_keys=True)}
    write_whole(path, save(tensors, metadata))


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the description that `save_weights` wrote. Raises CheckpointError for any other file."""
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path}.")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is no Bitfront checkpoint: it can't be read as safetensors ({error}). "
            "Give a .safetensors file that a run of Bitfront wrote."
        ) from error
    if metadata.get("format") != FORMAT or "description" not in metadata:
        raise CheckpointError(
            f"{path} is no Bitfront checkpoint: its format is {metadata.get('format')!r}, expected {FORMAT!r}. "
            "Give a .safetensors file that a run of Bitfront wrote."
        )
    return state, json.loads(metadata["description"])


def save_training_state(path: Path, state: Mapping[str, Any]) -> None:
    """Save what a training needs to go on: nested dicts and lists of tensors and plain values."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with beside.open("wb") as file:
        torch.save(dict(state), file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def load_training_state(path: Path) -> dict[str, Any] | None:
    """What `save_training_state` wrote, or None when there is nothing to go on from."""
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
