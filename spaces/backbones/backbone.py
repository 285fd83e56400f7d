"""The interface of backbones, and functions that they share."""

from collections.abc import Mapping
from typing import Literal, Protocol

from torch import Tensor

Layout = Literal["bireal", "plain"]
"""Shortcuts round every convolution, to be searched; or torchvision's own network."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

CAFFE_MEAN, CAFFE_STD = (0.48235, 0.45882, 0.40784), (1 / 255, 1 / 255, 1 / 255)
"""Mean and scale of images for torchvision's `ssd300_vgg16`, whose backbone was trained on images of 0 to 255."""


class Backbone(Protocol):
    """images (N, 3, H, W), normalised by `image_mean` and `image_std`, to four maps of strides 4, 8, 16 and 32.

    `channels` names the maps in this order. All maps take both signs, so that a 1-bit layer may follow.
    """

    channels: dict[str, int]
    stem_name: str
    """The first convolution, or the module that holds it."""

    @property
    def image_mean(self) -> tuple[float, float, float]: ...

    @property
    def image_std(self) -> tuple[float, float, float]: ...

    def __call__(self, images: Tensor) -> dict[str, Tensor]: ...

    def from_published(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A published checkpoint's tensors under the names of this network, all real; others keep their names."""
        ...


def is_plain(layout: Layout) -> bool:
    """Whether the layout is torchvision's own. Raises ValueError for one that doesn't exist."""
    if layout not in ("bireal", "plain"):
        raise ValueError(f"layout is {layout!r}; allowed are 'bireal' and 'plain'.")
    return layout == "plain"


def scaled_channels(channels: int, width: float) -> int:
    """`channels` times `width`, rounded to a multiple of 8 and never less than 8."""
    return max(8, round(channels * width / 8) * 8)


def unit_modules(unit: str, convolution: str, norm: str) -> dict[str, str]:
    """From a published convolution's and its BatchNorm's module names to those of our unit, when it is real."""
    return {convolution: unit, norm: f"{unit}.alternatives.real.bn"}


def renamed(state: Mapping[str, Tensor], modules: Mapping[str, str]) -> dict[str, Tensor]:
    """The state with modules renamed by `modules` (old name to new name); other modules keep their names."""
    result = {}
    for name, tensor in state.items():
        module, dot, leaf = name.rpartition(".")
        result[f"{modules.get(module, module)}{dot}{leaf}"] = tensor
    return result
