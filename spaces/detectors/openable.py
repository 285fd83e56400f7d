"""Which of a detector's real convolutions a search may open to a choice of precisions, by part."""

from collections.abc import Iterable, Sequence
from typing import Literal

from torch import nn

from spaces.backbones.residual_block import ResidualBlock
from spaces.layers import SearchableUnit

Part = Literal["stem", "shortcuts", "heads"]
Openable = dict[Part, list[str]]
"""Maps a part to the names of its convolutions, in the order of the network's modules."""


def openable_parts(network: nn.Module, *, stem: str, heads: Sequence[str]) -> Openable:
    """The dense convolutions of the stem, of shortcuts round units and blocks, and of the heads.

    stem, heads: the modules that they are, or lie in, by name. Depthwise convolutions can't be opened.
    """
    roots: dict[Part, list[str]] = {"stem": [stem], "shortcuts": list(_shortcuts(network)), "heads": list(heads)}
    return {part: [name for root in names for name in _dense(network, root)] for part, names in roots.items()}


def _shortcuts(network: nn.Module) -> Iterable[str]:
    for name, module in network.named_modules():
        if isinstance(module, SearchableUnit) and module.shortcut is not None:
            yield f"{name}.shortcut"
        if isinstance(module, ResidualBlock) and module.downsample is not None:
            yield f"{name}.downsample"


def _dense(network: nn.Module, root: str) -> Iterable[str]:
    for name, module in network.get_submodule(root).named_modules():
        if isinstance(module, nn.Conv2d) and module.groups == 1:
            yield f"{root}.{name}" if name else root
