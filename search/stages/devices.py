"""The device that a command's `--device` names."""

import torch

from search.config import ConfigError
from trainers.devices import pick_device


def device_named(name: str) -> torch.device:
    """The device of that name: auto, cpu or cuda. Raises ConfigError for a GPU that isn't there."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device is 'cuda', but this machine has no GPU; allowed are auto and cpu.")
    return pick_device(name)
