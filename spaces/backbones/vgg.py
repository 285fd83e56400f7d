"""VGG-11 and VGG-16, whose convolutions behind the first are searchable."""

from collections.abc import Iterator, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.backbones.backbone import (
    CAFFE_MEAN,
    CAFFE_STD,
    IMAGENET_MEAN,
    IMAGENET_STD,
    Layout,
    is_plain,
    renamed,
    scaled_channels,
)
from spaces.backbones.real_conv import RealConv
from spaces.layers import MethodsFor, SearchableUnit, UnitShape
from spaces.layers.shortcuts import ShortcutKind

STAGE_CHANNELS = (64, 128, 256, 512, 512)
VGG11, VGG16 = (1, 1, 2, 2, 2), (2, 2, 3, 3, 3)
"""Convolutions of each stage: configurations A and D of the paper's table 1."""

CLASSIFIER = ("classifier.", "pre_logits.", "head.fc.", "fc.")
"""How the names of a classifier's last layers begin: torchvision's, timm's two, and a usual replacement's."""


class VGGBlock(nn.Module):
    """A convolution's unit, and the pooling before it where there is one: 2x2 where a stage begins, which halves odd
    maps upwards, or another `pool` of (kernel, stride).

    The pooling belongs to the unit's precision. In front of a real unit it is the published maximum, in front of a
    1-bit one the mean, as in Bi-Real Net's shortcuts: maxima, kept by the shortcuts of all units behind, would drive
    the network's last maps to one sign (seen after 25 steps: 88 % positive behind the first pooling, 98 % behind the
    fourth, against 49 to 63 % with means).
    """

    def __init__(self, unit: SearchableUnit, pool: tuple[int, int] | None) -> None:
        super().__init__()
        self.conv, self.pool = unit, pool

    def forward(self, x: Tensor) -> Tensor:
        if self.pool is None:
            return self.conv(x)
        kernel, stride = self.pool
        padding = (kernel - 1) // 2
        if self.conv.is_binary:
            return self.conv(F.avg_pool2d(x, kernel, stride, padding, ceil_mode=True, count_include_pad=False))
        return self.conv(F.max_pool2d(x, kernel, stride, padding, ceil_mode=True))


class VGG(nn.Module):
    """Five stages of 3x3 convolutions with pooling between (arXiv:1409.1556), a BatchNorm behind each convolution.

    images (N, 3, H, W) normalised; result {"stage3": (N, C3, H/4, W/4), "stage4", "stage5", "pool5": (N, C5, H/32,
    W/32)}. Each ReLU stands in front of the convolution that it feeds, behind the pooling, with which it commutes: so
    every 1-bit unit and every map takes both signs, and all real it is torchvision's `vgg*_bn` (but for odd maps, which
    that halves downwards). 1-bit units have shortcuts without parameters, which repeat the channels where their number
    doubles. Layout `plain` is torchvision's `vgg*`, without BatchNorms and shortcuts: for teachers, and for comparison.
    How its images are normalised goes with its weights, among whose tensors it is as `normalisation` (2, 3), mean and
    deviation: that of SSD's published backbone until a classifier's weights come.

    Units are called `<prefix>stage<s>.<n>.conv`, counted from 0 in each stage; the first convolution of all, `stem`, is
    real.
    """

    normalisation: Tensor | None

    stem_name = "stem"

    def __init__(
        self,
        convolutions: Sequence[int],
        width: float,
        methods_for: MethodsFor,
        prefix: str = "",
        layout: Layout = "bireal",
    ) -> None:
        super().__init__()
        sizes = [scaled_channels(channels, width) for channels in STAGE_CHANNELS]
        plain = is_plain(layout)
        self.stem = nn.Conv2d(3, sizes[0], 3, padding=1) if plain else RealConv(3, sizes[0], 3, 1)
        self.counts = dict(zip((f"stage{s}" for s in range(1, 6)), convolutions, strict=True))
        before = sizes[0]
        for (name, count), channels in zip(self.counts.items(), sizes, strict=True):
            stage = nn.Sequential()
            for index in range(1 if name == "stage1" else 0, count):
                place = f"{prefix}{name}.{index}.conv"
                around: ShortcutKind = "none" if plain else "free_if_binary"
                shape = UnitShape(before, channels, 3, bare=plain)
                unit = SearchableUnit(shape, methods_for(place), around, bias=plain)
                stage.add_module(str(index), VGGBlock(unit, (2, 2) if index == 0 else None))
                before = channels
            self.add_module(name, stage)
        self.channels = {"stage3": sizes[2], "stage4": sizes[3], "stage5": sizes[4], "pool5": sizes[4]}
        with torch.device("cpu"):  # read while a network is built without memory, to be filled later
            self.register_buffer("normalisation", torch.tensor([CAFFE_MEAN, CAFFE_STD]) if plain else None)

    @property
    def image_mean(self) -> tuple[float, float, float]:
        return IMAGENET_MEAN if self.normalisation is None else _colour(self.normalisation[0])

    @property
    def image_std(self) -> tuple[float, float, float]:
        return IMAGENET_STD if self.normalisation is None else _colour(self.normalisation[1])

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        x, features = self.stem(images), {}
        for name in self.counts:
            x = features[name] = self.get_submodule(name)(x)
        features["pool5"] = F.max_pool2d(x, 2, ceil_mode=True)
        return {name: features[name] for name in self.channels}

    def from_published(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """torchvision's names to ours, of `vgg*_bn` and of `vgg*`: biases of convolutions move into the BatchNorms.

        To the plain layout belongs the normalisation: of a state with a classifier in it torchvision's classifiers',
        of one without that of SSD's published backbone, which has none.

        Raises ValueError for a bias of another shape than its BatchNorm.
        """
        if isinstance(self.stem, nn.Conv2d):  # the plain layout, without BatchNorms
            named = renamed(state, {f"features.{n}": name for n, name in self.convolutions_by_number(2).items()})
            if "stem.weight" in named:
                classifiers = (IMAGENET_MEAN, IMAGENET_STD)
                named["normalisation"] = torch.tensor(classifiers if _is_classifier(state) else (CAFFE_MEAN, CAFFE_STD))
            return named
        with_norms = "features.1.running_mean" in state
        places = list(self._places(3 if with_norms else 2))
        modules = {f"features.{number}": convolution for number, convolution, _ in places}
        if with_norms:
            modules |= {f"features.{number + 1}": norm for number, _, norm in places}
        named = renamed(state, modules)
        for _, convolution, norm in places:
            bias = named.pop(f"{convolution}.bias", None)
            if bias is not None and with_norms:
                if (mean := named.get(f"{norm}.running_mean")) is not None:
                    if mean.shape != bias.shape:
                        shapes = f"{tuple(bias.shape)}, but its BatchNorm's running_mean {tuple(mean.shape)}"
                        raise ValueError(f"The bias of {convolution} is {shapes}.")
                    named[f"{norm}.running_mean"] = mean - bias
            elif bias is not None:  # a BatchNorm that adds the bias and no more
                mean, var = torch.zeros_like(bias), torch.ones_like(bias)
                own = {
                    "running_mean": mean,
                    "running_var": var,
                    "weight": (var + self.stem.bn.eps).sqrt(),
                    "bias": bias,
                }
                named |= {f"{norm}.{name}": tensor for name, tensor in own.items()}
        return named

    def report_published(self, state: Mapping[str, Tensor]) -> list[str]:
        """Report how images are normalised, if the weights decide it."""
        if self.normalisation is None:
            return []
        whose = "torchvision's classifiers" if _is_classifier(state) else "SSD's published backbone"
        return [f"images are normalised as for {whose}"]

    def convolutions_by_number(self, step: int) -> dict[int, str]:
        """Convolutions' names by their numbers in torchvision's `features`; `step` is 2 for `vgg*`, 3 for `vgg*_bn`."""
        names = {number: convolution for number, convolution, _ in self._places(step)}
        return names | ({0: "stem"} if isinstance(self.stem, nn.Conv2d) else {})

    def _places(self, step: int) -> Iterator[tuple[int, str, str]]:
        """Each convolution's number in torchvision's sequence, `step` layers apart, its name here, and its norm's."""
        number = 0
        for stage, count in self.counts.items():
            for index in range(count):
                unit = f"{stage}.{index}.conv"
                yield (number, unit, f"{unit}.alternatives.real.bn") if number else (0, "stem.conv", "stem.bn")
                number += step
            number += 1  # the pooling


def _is_classifier(state: Mapping[str, Tensor]) -> bool:
    return any(name.startswith(CLASSIFIER) for name in state)


def _colour(values: Tensor) -> tuple[float, float, float]:
    red, green, blue = values.tolist()
    return red, green, blue


def vgg11(width: float, methods_for: MethodsFor, prefix: str = "") -> VGG:
    """VGG-11: seven searchable units."""
    return VGG(VGG11, width, methods_for, prefix)


def vgg16(width: float, methods_for: MethodsFor, prefix: str = "") -> VGG:
    """VGG-16: twelve searchable units."""
    return VGG(VGG16, width, methods_for, prefix)
