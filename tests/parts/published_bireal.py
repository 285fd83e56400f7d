"""State dicts with the names and shapes of the published 1-bit ResNets, at any width, with random values."""

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCKS = {"layer1": 4, "layer2": 4, "layer3": 4, "layer4": 4}
"""Of ResNet-18: a block there has one convolution."""


def published_bireal(base: int = 8, *, react: bool, seed: int = 0) -> dict[str, Tensor]:
    """`base` channels in the first stage, 64 as published. react: ReActNet's parts and shape of weights."""
    draw, state = torch.Generator().manual_seed(seed), {}

    def norm(name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{name}.{part}"] = torch.rand(channels, generator=draw) + 0.5
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    def bias(name: str, channels: int) -> None:
        state[f"{name}.bias"] = torch.randn(1, channels, 1, 1, generator=draw)

    state["conv1.weight"] = torch.randn(base, 3, 7, 7, generator=draw)
    norm("bn1", base)
    before = base
    for number, (stage, blocks) in enumerate(BLOCKS.items()):
        channels = base * 2**number
        for index in range(blocks):
            block, weight = f"{stage}.{index}", torch.randn(channels, before, 3, 3, generator=draw)
            state |= {f"{block}.binary_conv.weight": weight} if react else {}
            state |= {} if react else {f"{block}.binary_conv.weights": weight.reshape(-1, 1)}
            norm(f"{block}.bn1", channels)
            if react:
                bias(f"{block}.move0", before)
                bias(f"{block}.move1", channels)
                state[f"{block}.prelu.weight"] = torch.rand(channels, generator=draw)
                bias(f"{block}.move2", channels)
            if before != channels:
                state[f"{block}.downsample.1.weight"] = torch.randn(channels, before, 1, 1, generator=draw)
                norm(f"{block}.downsample.2", channels)
            before = channels
    return {**state, "fc.weight": torch.zeros(1000, before), "fc.bias": torch.zeros(1000)}


def published_block(state: dict[str, Tensor], block: str, x: Tensor, stride: int) -> Tensor:
    """What a published block makes of x in evaluation, by its definition, written down here from the papers.

    ReActNet (arXiv:2003.03488) shifts, takes signs, convolves with the scaled signs of the weights, normalises, adds
    the shortcut, and has a PReLU between two shifts; Bi-Real Net (arXiv:1808.00278) has no shifts and no PReLU.
    """

    def normed(name: str, y: Tensor) -> Tensor:
        parts = (state[f"{name}.{part}"].view(-1, 1, 1) for part in ("running_mean", "running_var", "weight", "bias"))
        mean, var, scale, offset = parts
        return (y - mean) / (var + 1e-5).sqrt() * scale + offset

    channels = len(state[f"{block}.bn1.weight"])
    weight = state.get(f"{block}.binary_conv.weight", state.get(f"{block}.binary_conv.weights"))
    weight = weight.reshape(channels, x.shape[1], 3, 3)
    signs = (x + state.get(f"{block}.move0.bias", 0.0)).sign()
    scale = weight.abs().mean((1, 2, 3)).view(-1, 1, 1)
    y = normed(f"{block}.bn1", F.conv2d(signs, weight.sign(), stride=stride, padding=1) * scale)
    shortcut = x
    if f"{block}.downsample.1.weight" in state:
        pooled = F.avg_pool2d(x, 2, stride)
        shortcut = normed(f"{block}.downsample.2", F.conv2d(pooled, state[f"{block}.downsample.1.weight"]))
    y = y + shortcut
    if f"{block}.prelu.weight" not in state:
        return y
    y = y + state[f"{block}.move1.bias"]
    y = torch.where(y > 0, y, y * state[f"{block}.prelu.weight"].view(-1, 1, 1))
    return y + state[f"{block}.move2.bias"]
