"""What every detector of the table must do."""

import pytest
import torch
import torch.nn.functional as F
from every_detector import METHODS, every_method, fixed, for_all_levels, sizes
from torch import nn

from spaces.cost import layer_costs, totals
from spaces.detectors import DETECTORS, searchable_units, traced
from spaces.supernet import activate

SHAPES = [*((method, 0) for method in METHODS), ("bireal", 1)]
"""Methods, and which of the two sizes: no method depends on it."""
pytestmark = pytest.mark.parametrize("detector", sorted(DETECTORS))


@pytest.fixture
def mixed(detector, lively, random_candidate):
    """A lively supernet whose path has another method in each block."""
    supernet = lively(every_method(detector))
    activate(supernet, random_candidate(supernet, "block", seed=3))
    return supernet


def geometry(detector, image_size):
    """Per pyramid level its side, the boxes of a cell, and the scores of a box for three classes."""
    if detector.startswith("faster_rcnn"):
        sides = [image_size // 4, image_size // 8, image_size // 16, image_size // 32, -(-image_size // 64)]
        return {f"p{level}": side for level, side in enumerate(sides, start=2)}, [3] * 5, 1
    if detector.startswith("gfl"):
        sides = [-(-image_size // stride) for stride in (8, 16, 32, 64, 128)]
        return {f"p{level}": side for level, side in enumerate(sides, start=3)}, [1] * 5, 3
    if detector.startswith("ssd300"):
        sides = [-(-image_size // stride) for stride in (8, 16, 32, 64)]
        sides += [sides[-1] - 2, sides[-1] - 4]
        return {f"p{level}": side for level, side in enumerate(sides, start=3)}, [4, 6, 6, 6, 4, 4], 4
    first = 2 if image_size <= 160 else 3
    return {f"p{level}": side for level, side in enumerate([24, 12, 6, 3], start=first)}, [4, 6, 6, 4], 4


@pytest.mark.parametrize(("method", "which"), SHAPES)
def test_the_contract_holds_and_every_parameter_gets_a_gradient(detector, method, which, images, targets):
    image_size = sizes(detector)[which]
    network = fixed(detector, method, image_size).train()
    output = network(images, for_all_levels(detector, targets))
    sides, boxes, scores = geometry(detector, image_size)
    assert {name: tuple(x.shape) for name, x in output.features.items()} == {
        level: (2, network.feature_channels[level], side, side) for level, side in sides.items()
    }
    for maps, values in ((output.responses.cls, scores), (output.responses.box, 4 * (output.responses.bins or 1))):
        assert [tuple(x.shape) for x in maps] == [
            (2, a * values, side, side) for a, side in zip(boxes, sides.values(), strict=True)
        ]
    cells = zip(boxes, sides.values(), strict=True)
    assert output.responses.anchors.shape == (sum(a * side * side for a, side in cells), 4)
    assert all(loss.isfinite() and loss.ndim == 0 for loss in output.losses.values())
    sum(output.losses.values()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.count_nonzero() > 0, name


def test_losses_are_finite_with_no_object_and_with_one(mixed, images):
    box, empty = torch.tensor([[10.0, 10.0, 40.0, 40.0]]), {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0).long()}
    one = {"boxes": box, "labels": torch.ones(1).long()}
    for training, batches in ((False, ([empty], [one])), (True, ([empty, empty], [one, empty]))):
        for objects in batches:
            output = mixed.train(training)(images[: len(objects)], objects)
            assert all(loss.isfinite() and loss.ndim == 0 for loss in output.losses.values())
            mixed.zero_grad(set_to_none=True)
            sum(output.losses.values()).backward()
            gradients = [p.grad for p in mixed.parameters() if p.grad is not None]
            assert len(gradients) > 0
            assert all(gradient.isfinite().all() for gradient in gradients)
            assert len(output.detections) == len(objects)


def test_images_of_different_sizes_are_found_in_pixels_of_their_own(detector, mixed):
    if detector.startswith("gfl"):  # untrained, it scores everything a hundredth, and finds nothing
        nn.init.zeros_(mixed.cls_heads.bias)
    if detector.startswith("faster_rcnn"):  # untrained, it may be sure that nothing is anything
        nn.init.zeros_(mixed.roi_heads.box_predictor.cls_score.weight)
    images = [torch.rand(3, height, width) for height, width in ((96, 96), (200, 50), (40, 130))]
    target = {"boxes": torch.tensor([[10.0, 10.0, 40.0, 30.0]]), "labels": torch.ones(1).long()}
    with torch.no_grad():
        output = mixed(images, [target] * 3)
    assert all(len(x) == 3 for x in output.features.values())
    for image, found, own in zip(images, output.detections, output.targets, strict=True):
        height, width = image.shape[-2:]
        boxes, scores = found["boxes"], found["scores"]
        assert len(boxes) > 0
        assert boxes.min() >= 0
        assert (boxes[:, 0::2].max() <= width + 1e-3).item()
        assert (boxes[:, 1::2].max() <= height + 1e-3).item()
        assert torch.equal(scores, scores.sort(descending=True).values)
        assert ((found["labels"] >= 1) & (found["labels"] <= 3)).all()
        expected = target["boxes"] * sizes(detector)[0] / torch.tensor([width, height, width, height])
        torch.testing.assert_close(own["boxes"], expected)


def test_costs_hold_every_layer_and_parameter_once(detector, images):
    network = fixed(detector, "sign")
    layers = layer_costs(network, images[:1])
    stored = [layer.name for layer in layers if layer.memory_bits]
    assert len(set(stored)) == len(stored)  # a layer that runs on several levels has a row for each
    computing = {name for name, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    assert {layer.name for layer in layers if layer.macs} == computing | set(searchable_units(network))
    expected = 32 * sum(p.numel() for p in network.parameters())
    for unit in searchable_units(network).values():
        expected += 32 * len(unit.weight) - 31 * unit.weight.numel()  # scales; 1 bit a weight
    assert sum(layer.memory_bits for layer in layers) == expected
    binary, real = layers, layer_costs(fixed(detector, "real"), images[:1])
    assert totals(real).macs[32] == totals(binary).macs[1] + totals(binary).macs[32]
    searched, kept = (
        sum(layer.ops for layer in rows if not layer.name.startswith("roi_heads.")) for rows in (real, binary)
    )
    assert searched > 1.5 * kept


def test_granularities_follow_stages_and_blocks(detector):
    names = [name.split(".") for name in searchable_units(fixed(detector, "real"))]
    backbone = [parts for parts in names if parts[0] == "backbone"]
    assert all(len(parts) == 4 for parts in backbone)  # backbone, stage, block, convolution
    assert all(parts[2].isdecimal() for parts in backbone)
    assert len({parts[1] for parts in backbone}) >= 4
    others = [parts for parts in names if parts[0] != "backbone"]
    assert all(len(parts) in (3, 4) for parts in others)  # a module of the detector's own, its block, convolution


def test_images_are_normalised_as_the_backbone_says(detector, images):
    network, seen = fixed(detector, "real").eval(), []
    network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(images)
    mean, std = (torch.tensor(getattr(network.backbone, name)).view(3, 1, 1) for name in ("image_mean", "image_std"))
    size = sizes(detector)[0]
    resized = F.interpolate(torch.stack(images), (size, size), mode="bilinear", align_corners=False)
    torch.testing.assert_close(seen[0], (resized - mean) / std, atol=1e-3, rtol=1e-3)


def test_the_input_of_every_sign_takes_both_signs_in_a_trained_network(detector, blobs):
    network, data = fixed(detector, "bireal").train(), blobs(2)
    optimizer = torch.optim.Adam(network.parameters(), lr=4e-3)
    batch = [torch.from_numpy(image / 255).float() for image in data.images]
    targets = [{key: torch.from_numpy(value) for key, value in data.target(i).items()} for i in range(2)]
    for _ in range(4):
        optimizer.zero_grad()
        sum(network(batch, targets).losses.values()).backward()
        optimizer.step()
    with traced(network), torch.no_grad():
        layers = network(batch).layers
    assert layers.keys() == searchable_units(network).keys()
    shares = {name: (trace.binary_input > 0).float().mean().item() for name, trace in layers.items()}
    assert all(0.02 < share < 0.98 for share in shares.values()), shares
