"""The names of Bi-Real Net's and ReActNet's published ResNets, whose blocks hold one 1-bit convolution each.

They are those of github.com/liuzechun/Bi-Real-net (pytorch_implementation/BiReal18_34) and
github.com/liuzechun/ReActNet (resnet/2_step2): `layer<s>.<n>` is a block of

    (move0) -> sign -> binary_conv -> bn1 -> + x, or downsample(x) -> (move1 -> prelu -> move2)

in which `move` adds a bias a channel; those in brackets are ReActNet's. So every two of them are a block of ours. Where
an image's side is no multiple of 32, their pooling in `downsample` drops an odd row of a map and ours keeps it.
"""

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from spaces.published.prefixes import prefixes_of, without_prefix
from spaces.published.pretrained import TrainedBackbone

BLOCK = re.compile(r"(layer\d+)\.(\d+)\.(.+)")
WEIGHT, FLAT_WEIGHT = "binary_conv.weight", "binary_conv.weights"
"""ReActNet's, of the shape (Co, Ci, 3, 3), and Bi-Real Net's, of (Co Ci 9, 1)."""
KERNEL = 3

OF_METHOD = {
    "bn1": "bn",
    "move0": "shift",
    "move1": "post.before",
    "prelu": "post.prelu",
    "move2": "post.after",
}
"""From the modules of their blocks to those of our method."""


def is_bireal(names: Iterable[str]) -> bool:
    """Whether tensors with these names are one of these, with or without a prefix such as `module.`"""
    return any(name.endswith((f".{WEIGHT}", f".{FLAT_WEIGHT}")) for name in names)


def from_bireal(state: Mapping[str, Tensor]) -> TrainedBackbone:
    """The tensors under the names of our ResNets, whose layers are all `react`, or `bireal` without ReActNet's parts.

    The prefix is removed with which most blocks have their names. Raises ValueError for a weight whose shape can't be
    found out, or isn't a convolution's of 3x3.
    """
    shortened = [without_prefix(state, prefix) for prefix in prefixes_of(state)]
    names = max(shortened, key=lambda names: sum(BLOCK.fullmatch(name) is not None for name in names))
    blocks = {name: match for name in names if (match := BLOCK.fullmatch(name)) is not None}
    method = "react" if any(match[3].startswith("move") for match in blocks.values()) else "bireal"
    tensors, methods, in_file = {}, {}, {}
    for name, original in names.items():
        ours, tensor = name, state[original]
        if (match := blocks.get(name)) is not None:
            stage, number, inner = match[1], int(match[2]), match[3]
            unit = f"{stage}.{number // 2}.conv{number % 2 + 1}"
            methods[unit] = method
            norm = names.get(f"{stage}.{number}.bn1.weight")
            ours, tensor = _placed(unit, method, inner, tensor, None if norm is None else state[norm])
        tensors[ours], in_file[ours] = tensor, original
    title = {"react": "a ReActNet as published", "bireal": "a Bi-Real Net as published"}[method]
    return TrainedBackbone(tensors, methods, title, in_file)


def _placed(unit: str, method: str, inner: str, tensor: Tensor, norm: Tensor | None) -> tuple[str, Tensor]:
    """A block's tensor under its name in our unit, in the shape that it has there."""
    if inner in (WEIGHT, FLAT_WEIGHT):
        return f"{unit}.weight", _kernel(tensor, norm) if inner == FLAT_WEIGHT else tensor
    module, _, leaf = inner.rpartition(".")
    if module in OF_METHOD:
        shaped = tensor.flatten() if module.startswith("move") else tensor  # (1, C, 1, 1) there
        return f"{unit}.alternatives.{method}.{OF_METHOD[module]}.{leaf}", shaped
    return f"{unit}.{inner.replace('downsample', 'shortcut', 1)}", tensor


def _kernel(flat: Tensor, norm: Tensor | None) -> Tensor:
    """Bi-Real Net's flat weight, (Co, Ci, 3, 3), with as many output channels as the BatchNorm behind it."""
    channels = 0 if norm is None else norm.numel() * KERNEL * KERNEL
    if not channels or flat.numel() % channels:
        raise ValueError(
            f"A tensor of {flat.numel()} values, {FLAT_WEIGHT}, can't be the 3x3 kernels of the BatchNorm behind it."
        )
    return flat.reshape(len(norm), -1, KERNEL, KERNEL)  # type: ignore[arg-type]
