"""What all-real backbones cost at 224 pixels, with the classifier behind them, against what is published."""

import pytest
import torch
import torchvision

from spaces.backbones.efficientnet_lite import efficientnet_lite0
from spaces.backbones.mobilenet_v1 import mobilenet_v1
from spaces.backbones.mobilenet_v2 import mobilenet_v2
from spaces.backbones.resnet import resnet34, resnet50
from spaces.backbones.vgg import vgg11, vgg16
from spaces.cost import layer_costs, totals
from spaces.without_values import without_values

VGG_CLASSIFIER = 512 * 7 * 7 * 4096 + 4096 * 4096 + 4096 * 1000


def real(_unit):
    return ("real",)


def backbone_macs(build, **options):
    with without_values():
        network = build(1.0, real, **options)
        return totals(layer_costs(network, torch.zeros(1, 3, 224, 224))).macs[32]


@pytest.mark.parametrize(
    ("build", "options", "classifier", "published"),
    [
        # arXiv:1801.04381, table 4: 300 million
        (mobilenet_v2, {}, 1280 * 1000, 0.300e9),
        # arXiv:1704.04861, table 4: 569 million
        (mobilenet_v1, {}, 1024 * 1000, 0.569e9),
        # Hailo's model zoo lists 0.39 G for the same network; TensorFlow's page says 407 million, with more counted
        (efficientnet_lite0, {}, 1280 * 1000, 0.39e9),
        # arXiv:1512.03385, table 1: 3.6e9 and 3.8e9; torchvision's ResNet-50 has its strides in the 3x3 convolutions
        (resnet34, {"layout": "bireal"}, 512 * 1000, 3.6e9),
        (resnet34, {"layout": "plain"}, 512 * 1000, 3.6e9),
        (resnet50, {"layout": "bireal"}, 2048 * 1000, 4.09e9),
        (resnet50, {"layout": "plain"}, 2048 * 1000, 4.09e9),
        # arXiv:1409.1556 states none; by hand from its table 1, in MACs of 64 * 64 * 9 * 224 * 224: the features alone,
        # without the three linear layers
        (vgg16, {}, 0, (3 / 64 + 1 + 0.5 + 1 + 0.5 + 2 + 0.5 + 2 + 3 / 4) * 64 * 64 * 9 * 224 * 224),
    ],
)
def test_published_totals(build, options, classifier, published):
    assert backbone_macs(build, **options) + classifier == pytest.approx(published, rel=0.02)


@pytest.mark.parametrize(
    ("build", "classifier", "weights"),
    [
        (mobilenet_v2, 1280 * 1000, torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1),
        (resnet34, 512 * 1000, torchvision.models.ResNet34_Weights.IMAGENET1K_V1),
        (resnet50, 2048 * 1000, torchvision.models.ResNet50_Weights.IMAGENET1K_V1),
        (vgg11, VGG_CLASSIFIER, torchvision.models.VGG11_BN_Weights.IMAGENET1K_V1),
        (vgg16, VGG_CLASSIFIER, torchvision.models.VGG16_BN_Weights.IMAGENET1K_V1),
    ],
)
def test_totals_that_torchvision_states(build, classifier, weights):
    """In thousand millions, to three places."""
    assert backbone_macs(build) + classifier == pytest.approx(weights.meta["_ops"] * 1e9, abs=0.0011e9)
