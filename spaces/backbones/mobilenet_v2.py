"""MobileNetV2, whose 1x1 convolutions are searchable."""

from spaces.backbones.backbone import IMAGENET_MEAN, IMAGENET_STD
from spaces.backbones.inverted_residual import Family, InvertedResidualNetwork, Stage
from spaces.layers import MethodsFor

STAGES = (
    Stage(expansion=1, channels=16, blocks=1, stride=1),
    Stage(expansion=6, channels=24, blocks=2, stride=2),
    Stage(expansion=6, channels=32, blocks=3, stride=2),
    Stage(expansion=6, channels=64, blocks=4, stride=2),
    Stage(expansion=6, channels=96, blocks=3, stride=1),
    Stage(expansion=6, channels=160, blocks=3, stride=2),
    Stage(expansion=6, channels=320, blocks=1, stride=1),
)
"""Table 2 of arXiv:1801.04381."""


def mobilenet_v2(width: float, methods_for: MethodsFor, prefix: str = "") -> InvertedResidualNetwork:
    """MobileNetV2 (arXiv:1801.04381): thirty-four searchable units; all real it is torchvision's `mobilenet_v2`.

    Unlike there the last unit is scaled by widths below 1 too.
    """
    family = Family(
        stages=STAGES,
        stem=32,
        head=1280,
        image_mean=IMAGENET_MEAN,
        image_std=IMAGENET_STD,
        stem_names=("features.0.0", "features.0.1"),
        head_names=("features.18.0", "features.18.1"),
        block_names=_block_names,
    )
    return InvertedResidualNetwork(family, width, methods_for, prefix)


def _block_names(index: int, expands: bool) -> dict[str, tuple[str, str]]:
    """torchvision's: convolutions with an activation are sequences of their own, the projection lies flat."""
    block = f"features.{index + 1}.conv"
    activated = ["expand", "depthwise"] if expands else ["depthwise"]
    names = {part: (f"{block}.{i}.0", f"{block}.{i}.1") for i, part in enumerate(activated)}
    return names | {"project": (f"{block}.{len(activated)}", f"{block}.{len(activated) + 1}")}
