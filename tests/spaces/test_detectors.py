"""What every detector of the table must do."""

import pytest
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.cost import layer_costs, totals
from spaces.detectors import DETECTORS, DetectorSpec, searchable_units, traced
from spaces.supernet import activate, build_fixed, build_supernet, extract

METHODS = ("real", "sign", "bireal")
pytestmark = pytest.mark.parametrize("detector", sorted(DETECTORS))


def spec_of(detector, image_size=96):
    return DetectorSpec(detector=detector, num_classes=3, image_size=image_size, width=0.125)


def fixed(detector, method, image_size=96):
    torch.manual_seed(0)
    return build_fixed(spec_of(detector, image_size), Candidate({"layer/backbone": method}))


def supernet_of(detector, lively):
    torch.manual_seed(0)
    return lively(build_supernet(spec_of(detector), {"backbone": METHODS}))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("image_size", "first"), [(96, 2), (192, 3)])
def test_the_contract_holds_and_every_parameter_gets_a_gradient(detector, method, image_size, first, images, targets):
    network = fixed(detector, method, image_size).train()
    output = network(images, targets)
    sides = [24, 12, 6, 3]
    assert {name: tuple(x.shape) for name, x in output.features.items()} == {
        f"p{level}": (2, network.feature_channels[f"p{level}"], side, side)
        for level, side in enumerate(sides, start=first)
    }
    anchors = [4, 6, 6, 4]
    for maps, values in ((output.responses.cls, 4), (output.responses.box, 4)):  # three classes and background
        assert [tuple(x.shape) for x in maps] == [
            (2, a * values, side, side) for a, side in zip(anchors, sides, strict=True)
        ]
    assert all(loss.isfinite() for loss in output.losses.values())
    sum(output.losses.values()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.count_nonzero() > 0, name


@pytest.mark.parametrize("objects", [0, 1])
def test_losses_are_finite_with_no_object_and_with_one(detector, objects, images):
    target = {"boxes": torch.tensor([[10.0, 10.0, 40.0, 40.0]])[:objects], "labels": torch.ones(1).long()[:objects]}
    output = fixed(detector, "bireal").eval()(images[:1], [target])
    assert all(loss.isfinite() and loss.ndim == 0 for loss in output.losses.values())
    assert len(output.detections) == 1


@pytest.mark.parametrize("granularity", ["layer", "block", "stage"])
def test_an_extracted_network_computes_and_costs_what_the_activated_supernet_does(
    detector, granularity, lively, random_candidate, images
):
    supernet = supernet_of(detector, lively)
    candidate = random_candidate(supernet, granularity, seed=3)
    assert len(set(candidate.layers().values())) > 1
    activate(supernet, candidate)
    network = extract(supernet.state_dict(), spec_of(detector), candidate)
    with torch.no_grad():
        ours, expected = network(images), supernet(images)
    for level, x in expected.features.items():
        assert torch.equal(ours.features[level], x)
    for one, other in zip(ours.responses.cls, expected.responses.cls, strict=True):
        assert torch.equal(one, other)
    assert layer_costs(network, images[:1]) == layer_costs(supernet, images[:1])


def test_a_supernets_paths_all_get_gradients(detector, lively, images, targets):
    supernet, seen = supernet_of(detector, lively).train(), set()
    for method in METHODS:
        activate(supernet, Candidate({"layer/backbone": method}))
        supernet.zero_grad(set_to_none=True)
        sum(supernet(images, targets).losses.values()).backward()
        seen |= {name for name, p in supernet.named_parameters() if p.grad is not None and p.grad.count_nonzero()}
    assert seen == {name for name, _ in supernet.named_parameters()}


def test_costs_hold_every_layer_and_parameter_once(detector, images):
    network = fixed(detector, "sign")
    layers = layer_costs(network, images[:1])
    assert len({layer.name for layer in layers}) == len(layers)
    computing = {name for name, m in network.named_modules() if isinstance(m, nn.Conv2d)} | set(
        searchable_units(network)
    )
    assert {layer.name for layer in layers if layer.macs} == computing
    expected = 32 * sum(p.numel() for p in network.parameters())
    for unit in searchable_units(network).values():
        expected += 32 * len(unit.weight) - 31 * unit.weight.numel()  # scales; 1 bit a weight
    assert sum(layer.memory_bits for layer in layers) == expected
    binary, real = totals(layers), totals(layer_costs(fixed(detector, "real"), images[:1]))
    assert real.macs_32bit == binary.macs_1bit + binary.macs_32bit
    assert real.ops > 1.5 * binary.ops


def test_granularities_follow_stages_and_blocks(detector):
    names = [name.split(".") for name in searchable_units(fixed(detector, "real"))]
    assert all(len(parts) == 4 and parts[0] == "backbone" for parts in names)  # backbone, stage, block, convolution
    assert all(parts[2].isdecimal() for parts in names)
    assert len({parts[1] for parts in names}) >= 4


def test_images_are_normalised_as_the_backbone_says(detector, images):
    network, seen = fixed(detector, "real").eval(), []
    network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(images)
    mean, std = (torch.tensor(getattr(network.backbone, name)).view(3, 1, 1) for name in ("image_mean", "image_std"))
    torch.testing.assert_close(seen[0], (torch.stack(images) - mean) / std)


def test_the_input_of_every_sign_takes_both_signs_in_a_trained_network(detector, blobs):
    network, data = fixed(detector, "bireal").train(), blobs(8)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    batch = [torch.from_numpy(image / 255).float() for image in data.images]
    targets = [{key: torch.from_numpy(value) for key, value in data.target(i).items()} for i in range(8)]
    for _ in range(8):
        optimizer.zero_grad()
        sum(network(batch, targets).losses.values()).backward()
        optimizer.step()
    with traced(network), torch.no_grad():
        layers = network(batch).layers
    assert layers.keys() == searchable_units(network).keys()
    shares = {name: (trace.binary_input > 0).float().mean().item() for name, trace in layers.items()}
    assert all(0.02 < share < 0.98 for share in shares.values()), shares
