"""SSD300: torchvision's own network in the plain layout, and what the searchable one is made of."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torchvision.models import vgg16
from torchvision.models.detection import ssd300_vgg16

from spaces.candidate import Candidate
from spaces.cost import layer_costs, totals
from spaces.detectors import DetectorSpec, build_detector, searchable_units
from spaces.detectors.published_classes import ROWS_OF_EIGHTY
from spaces.published.matching import fill
from spaces.published.weights import load_pretrained
from spaces.published.wrappers import PublishedState
from spaces.supernet import build_fixed, extract
from spaces.without_values import without_values

SPEC = DetectorSpec(detector="ssd300_vgg16", num_classes=20, image_size=300, heads="full")
SIDES = [38, 19, 10, 5, 3, 1]


@pytest.fixture(scope="module")
def pair():
    """torchvision's network with random weights, and ours with the same."""
    torch.manual_seed(0)
    published = ssd300_vgg16(weights=None, weights_backbone=None, num_classes=21)
    ours = build_detector(replace(SPEC, detector="ssd300_vgg16_plain"), lambda _: ("real",))
    found = ours.from_published(published.state_dict())
    assert set(found) == set(ours.state_dict())
    ours.load_state_dict(found)
    return published, ours


@pytest.fixture(scope="module")
def batch():
    """Two images of other sizes than the network's, with three objects and one."""
    generator = torch.Generator().manual_seed(1)
    images = [torch.rand(3, 240, 320, generator=generator), torch.rand(3, 310, 200, generator=generator)]
    boxes = [
        [[10.0, 20.0, 120.0, 200.0], [5.0, 5.0, 40.0, 30.0], [100.0, 0.0, 320.0, 240.0]],
        [[20.0, 40.0, 90.0, 110.0]],
    ]
    labels = [[1, 20, 7], [3]]
    targets = [{"boxes": torch.tensor(b), "labels": torch.tensor(c)} for b, c in zip(boxes, labels, strict=True)]
    return images, targets


def test_the_plain_layout_detects_what_torchvisions_network_does(pair, batch):
    published, ours = (network.eval() for network in pair)
    with torch.no_grad():
        expected, found = published(batch[0]), ours(batch[0]).detections
    for one, other in zip(expected, found, strict=True):
        assert len(one["scores"]) == len(other["scores"]) == 200
        assert torch.allclose(one["scores"], other["scores"], atol=1e-5)
        assert torch.equal(one["labels"], other["labels"])
        assert torch.allclose(one["boxes"], other["boxes"], atol=1e-4 * 320)


def test_the_plain_layout_has_torchvisions_losses(pair, batch):
    published, ours = (network.train() for network in pair)
    with torch.no_grad():
        expected, found = published(*batch), ours(*batch).losses
    assert found["cls"].item() == pytest.approx(expected["classification"].item(), rel=1e-4)
    assert found["box"].item() == pytest.approx(expected["bbox_regression"].item(), rel=1e-4)


@pytest.mark.parametrize("prefix", ["", "model.", "module.model."])
def test_the_whole_of_torchvisions_is_taken_behind_any_prefix(pair, prefix):
    published, ours = pair
    state = {f"{prefix}{name}": tensor for name, tensor in published.state_dict().items()}
    report = fill(ours, [PublishedState(state)], ours)
    assert (report.whole, report.prefix, report.loaded.missing, report.loaded.unused) == (True, prefix, (), ())


PLAIN = replace(SPEC, detector="ssd300_vgg16_plain", image_size=272)


@pytest.fixture(scope="module")
def classifier():
    """torchvision's VGG-16 with random weights, but for most of its classifier, which takes 120 million."""
    torch.manual_seed(2)
    with without_values():
        features = vgg16().features
    features = features.to_empty(device="cpu").eval()
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
            nn.init.normal_(layer.bias, std=0.2)
    state = {f"features.{name}": tensor for name, tensor in features.state_dict().items()}
    return features, state | {"classifier.6.bias": torch.zeros(1000)}


@torch.no_grad()
def test_with_a_classifiers_weights_images_are_normalised_as_the_classifiers_are(classifier):
    features, state = classifier
    network, seen = build_fixed(PLAIN, Candidate({})).eval(), []
    filled = fill(network, [PublishedState(state)], network)
    report = filled.loaded
    assert not filled.whole
    assert (report.complete, report.unused) == (True, ("classifier.6.bias",))
    assert report.changes == ("images are normalised as for torchvision's classifiers",)
    image = torch.rand(3, 272, 272, generator=torch.Generator().manual_seed(3))
    colours = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])  # torchvision's for its classifiers
    mean, std = colours.view(2, 3, 1, 1)
    expected = features[:23](((image - mean) / std)[None])  # up to the ReLU behind the fourth stage
    again = extract(network.state_dict(), PLAIN, Candidate({}))  # as from a file
    for one in (network, again):
        one.backbone.register_forward_hook(lambda module, inputs, maps: seen.append(maps["stage4"].relu()))
        one([image])
    assert expected.std() > 0.1
    for found in seen:
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_without_a_classifier_they_are_normalised_as_ssds_backbone_is(classifier):
    state = {name: tensor for name, tensor in classifier[1].items() if name.startswith("features.")}
    network = build_fixed(PLAIN, Candidate({}))
    for layer in ("classifier.6", "head.fc", "pre_logits.fc1", "fc"):  # torchvision's, timm's two, a replacement
        report = load_pretrained(network.backbone, {**state, f"{layer}.bias": torch.zeros(9)})
        assert report.changes == ("images are normalised as for torchvision's classifiers",)
    assert load_pretrained(network.backbone, state).changes == (
        "images are normalised as for SSD's published backbone",
    )
    assert network.backbone.image_mean == pytest.approx((0.48235, 0.45882, 0.40784))
    assert network.backbone.image_std == pytest.approx((1 / 255,) * 3)


@pytest.mark.parametrize("num_classes", [80, 20])
def test_published_class_predictors_are_fitted_to_the_eighty_classes_or_left_out(num_classes):
    network = build_detector(replace(PLAIN, num_classes=num_classes), lambda _: ("real",))
    boxes = 4  # of a cell of the finest map
    bias = torch.arange(91.0 * boxes)
    report = load_pretrained(
        network, {"head.classification_head.module_list.0.bias": bias, "backbone.scale_weight": torch.ones(512)}
    )
    if num_classes == 80:
        found = network.cls_heads[0].bias.view(boxes, 81)
        assert found.tolist() == [[91 * box + row for row in ROWS_OF_EIGHTY] for box in range(boxes)]
    else:
        assert report.loaded == ("norms.p3.scale",)
        assert report.changes == (
            "its class predictors are left out: they have 91 rows with the background's, ours 21",
        )


def test_the_six_levels():
    network = build_detector(replace(SPEC, width=0.125), lambda _: ("sign",)).eval()
    with torch.no_grad():
        output = network([torch.rand(3, 300, 300)])
    assert {name: x.shape[-1] for name, x in output.features.items()} == dict(
        zip(network.feature_channels, SIDES, strict=True)
    )
    assert list(network.feature_channels) == ["p3", "p4", "p5", "p6", "p7", "p8"]
    assert len(output.responses.anchors) == 8732  # the paper's number
    assert all(x.min() < 0 < x.max() for x in list(output.features.values())[:-1])


def test_what_is_searched_and_what_is_real():
    with without_values():
        network = build_detector(SPEC, lambda _: ("real",))
    units = list(searchable_units(network))
    assert len([unit for unit in units if unit.startswith("backbone.")]) == 12
    assert units[12:] == ["extra.fc6.conv", *(f"extra.levels.{level}.{n}" for level in range(4) for n in (0, 1))]


def test_its_memory_beside_the_published_one():
    """BiDet and LWS-Det print 21.88, in MB or MiB, with VGG-16 and 21 classes (docs/measurements/published_costs.md).

    All is 1-bit but first layer, fc7, heads, and real 1x1 shortcuts where four poolings were replaced, 64 to 128 to
    256 to 512 to 512 channels, which ours lacks.
    """
    candidate = Candidate({"layer/backbone": "bireal", "layer/extra": "bireal"})
    network = build_fixed(SPEC, candidate)
    costs = totals(layer_costs(network, [torch.zeros(3, 300, 300)]))
    shortcuts = 64 * 128 + 128 * 256 + 256 * 512 + 512 * 512
    assert costs.memory_bits / 8e6 == pytest.approx(20.40, abs=0.01)
    assert (costs.memory_bits + 32 * shortcuts) / 8e6 == pytest.approx(22.14, abs=0.005)


def test_the_real_ones_memory_is_the_published_one():
    """LWS-Det prints 105.16 MB; BiDet 100.28, which are MiB."""
    with without_values():
        network = build_detector(replace(SPEC, detector="ssd300_vgg16_plain"), lambda _: ("real",))
    size = 4 * sum(parameter.numel() for parameter in network.parameters())
    assert size / 1e6 == pytest.approx(105.16, abs=0.02)
    assert size / 2**20 == pytest.approx(100.28, abs=0.02)


def test_where_the_losses_differ_on_purpose(pair, batch):
    """An image without objects has three negatives here, and none in torchvision's."""
    published, ours = (network.train() for network in pair)
    images, (first, _) = batch
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long)}
    with torch.no_grad():
        expected, found = published(images, [first, empty]), ours(images, [first, empty]).losses
    assert found["box"].item() == pytest.approx(expected["bbox_regression"].item(), rel=1e-4)
    assert found["cls"].item() > expected["classification"].item()
