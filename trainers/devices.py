"""Where networks and batches live: choosing a device, moving a batch to it, freezing a network."""

import torch
from torch import nn

from trainers.data.batches import Batch


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name, as torch calls it; `auto` is the GPU if there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def device_text(device: torch.device) -> str:
    """The device in words, with the threads that torch has on a CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"the CPU with {threads} thread{'s' if threads > 1 else ''}"


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch with its tensors on `device`."""
    images, targets = batch
    return (
        [image.to(device, non_blocking=True) for image in images],
        [{key: value.to(device, non_blocking=True) for key, value in target.items()} for target in targets],
    )


def freeze(network: nn.Module) -> nn.Module:
    """The network in evaluation mode, its parameters without gradients."""
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network.eval()
