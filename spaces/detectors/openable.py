"""Which of a detector's layers are real unless a search opens them, by the group that one knob switches."""

from collections.abc import Iterable, Mapping, Sequence

from torch import nn

from spaces.backbones.residual_block import ResidualBlock
from spaces.layers import SearchableUnit

Openable = dict[str, list[str]]
"""Maps a group to the names of its layers, in the order of the network's modules.

A group is a part, or a part with what it is of behind a dot: `heads.cls`, `depthwise.stage2`.
"""

PARTS = {
    "stem": "the first layer",
    "shortcuts": "the convolutions of shortcuts",
    "depthwise": "depthwise convolutions outside the heads, a group for each stage",
    "others": "what no other part has, such as extra pyramid levels",
    "quality": "GFL's quality predictor",
    "heads": "what predicts, depthwise convolutions in front of it too, a group for each kind",
}
"""The parts in the order of their groups. No detector has a searchable module of such a name."""

DENSE_HEADS = {"cls": ("cls_heads",), "box": ("box_heads",)}
"""The heads of a detector without proposals, by kind."""

INSIDE_A_UNIT = ".alternatives."
"""The part of a module's name between its unit and its method."""


def openable_groups(network: nn.Module, *, stem: str, heads: Mapping[str, Sequence[str]]) -> Openable:
    """The groups of all convolutions and linear layers that no searchable unit computes.

    stem, heads: the modules that they are, or lie in, by name; heads by their kind.
    """
    roots = {"stem": (stem,), "shortcuts": tuple(_shortcuts(network)), "quality": ("quality",)}
    roots |= {f"heads.{kind}": tuple(names) for kind, names in heads.items()}
    groups: Openable = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and INSIDE_A_UNIT not in name:
            fitting = (group for group, inside in roots.items() if any(_lies_in(name, root) for root in inside))
            groups.setdefault(next(fitting, None) or _group_by_place(name, module), []).append(name)
    order = [group for part in PARTS for group in (*roots, *groups) if group.partition(".")[0] == part]
    return {group: groups[group] for group in dict.fromkeys(order) if group in groups}


def _shortcuts(network: nn.Module) -> Iterable[str]:
    for name, module in network.named_modules():
        if isinstance(module, SearchableUnit) and module.shortcut is not None:
            yield f"{name}.shortcut"
        if isinstance(module, ResidualBlock) and module.downsample is not None:
            yield f"{name}.downsample"


def _group_by_place(name: str, layer: nn.Module) -> str:
    """The group of a layer by its own kind; a stage is what follows the backbone's name."""
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        return f"depthwise.{name.removeprefix('backbone.').partition('.')[0]}"
    return "others"


def _lies_in(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")
