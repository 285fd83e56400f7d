from dataclasses import replace

import pytest
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import build_detector, searchable_units, ssd, traced
from spaces.detectors.anchors import SSD_BOXES
from spaces.detectors.ssd_decode import decode_batch
from spaces.supernet import activate

QUIET, LOUD = 0.0, 20.0


def build(spec, **changes):
    torch.manual_seed(0)
    return build_detector(replace(spec, **changes), lambda _: ("bireal",))


class Says(nn.Module):
    """A head that gives the same map for every image."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        assert x.shape[-2:] == self.answer.shape[-2:]
        return self.answer.expand(len(x), -1, -1, -1)


def speak(network, level, row, column, box, label, offsets=(0.0, 0.0, 0.0, 0.0)):
    """Make the heads sure of background everywhere but at one anchor of one cell."""
    size = network.image_size
    with torch.no_grad():
        responses = network([torch.zeros(3, size, size)]).responses
    for index, (cls, coded) in enumerate(zip(responses.cls, responses.box, strict=True)):
        loud, shift = torch.full_like(cls, QUIET), torch.zeros_like(coded)
        classes = network.num_classes + 1
        loud.view(1, -1, classes, *cls.shape[-2:])[:, :, 0] = LOUD
        if index == level:
            cell = slice(box * classes, (box + 1) * classes)
            loud[0, cell, row, column] = torch.eye(classes)[label] * LOUD
            shift[0, box * 4 : box * 4 + 4, row, column] = torch.tensor(offsets)
        network.cls_heads[index], network.box_heads[index] = Says(loud), Says(shift)


@pytest.mark.parametrize("heads", ["light", "full"])
@pytest.mark.parametrize(
    ("size", "levels", "sides"),
    [
        (96, ["p2", "p3", "p4", "p5"], [24, 12, 6, 3]),
        (160, ["p2", "p3", "p4", "p5"], [40, 20, 10, 5]),
        (161, ["p3", "p4", "p5", "p6"], [21, 11, 6, 3]),
        (320, ["p3", "p4", "p5", "p6"], [40, 20, 10, 5]),
    ],
)
def test_the_contract_from_96_to_320_pixels(spec, heads, size, levels, sides):
    network = build(spec, image_size=size, heads=heads).eval()
    with torch.no_grad():
        output = network([torch.rand(3, size, size), torch.rand(3, size, size)])
    assert output.losses == {}
    channels = network.feature_channels
    assert {name: tuple(x.shape) for name, x in output.features.items()} == {
        level: (2, channels[level], side, side) for level, side in zip(levels, sides, strict=True)
    }
    assert list(output.features) == list(channels) == levels
    per_cell, responses = [4, 6, 6, 4], output.responses
    assert [x.shape[1:] for x in responses.cls] == [(a * 4, s, s) for a, s in zip(per_cell, sides, strict=True)]
    assert [x.shape[1:] for x in responses.box] == [(a * 4, s, s) for a, s in zip(per_cell, sides, strict=True)]
    assert responses.anchors.shape == (sum(a * s * s for a, s in zip(per_cell, sides, strict=True)), 4)
    assert (responses.activation, responses.background) == ("softmax", 0)
    assert len(output.detections) == 2
    for found in output.detections:
        assert found["boxes"].shape == (len(found["scores"]), 4)
        assert (found["scores"].diff() <= 0).all()
        assert len(found["labels"]) == 0 or 1 <= found["labels"].min() <= found["labels"].max() <= 3


@pytest.mark.parametrize("method", ["real", "sign", "bireal"])
@pytest.mark.parametrize("heads", ["light", "full"])
@pytest.mark.parametrize("size", [96, 192])  # without and with the extra layer; images of 96 pixels are enlarged
def test_every_parameter_gets_a_gradient(spec, images, targets, method, heads, size):
    torch.manual_seed(0)
    network = build_detector(replace(spec, heads=heads, image_size=size), lambda _: (method,)).train()
    losses = network(images, targets).losses
    assert set(losses) == {"cls", "box"}
    sum(losses.values()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.count_nonzero() > 0, name


def test_over_a_few_paths_every_parameter_of_a_supernet_gets_a_gradient(supernet, random_candidate, images, targets):
    supernet.train()
    units, seen = searchable_units(supernet), set()
    for method in ("real", "sign", "bireal", None):
        layers = {"layer/backbone": method} if method else random_candidate(supernet, "layer", seed=0)
        activate(supernet, Candidate(layers))
        supernet.zero_grad(set_to_none=True)
        sum(supernet(images, targets).losses.values()).backward()
        touched = {name for name, p in supernet.named_parameters() if p.grad is not None and p.grad.count_nonzero()}
        for name, unit in units.items():
            assert {
                alternative
                for alternative in unit.alternatives
                if touched & {f"{name}.alternatives.{alternative}.bn.{part}" for part in ("weight", "bias")}
            } == {unit.active}
        seen |= touched
    assert seen == {name for name, _ in supernet.named_parameters()}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("objects", [0, 1])
def test_losses_are_finite_with_no_object_and_with_one(spec, images, objects, training):
    network = build(spec).train(training)
    target = {"boxes": torch.tensor([[10.0, 10.0, 40.0, 40.0]])[:objects], "labels": torch.ones(1).long()[:objects]}
    output = network(images[:1], [target])
    assert all(loss.isfinite() and loss.ndim == 0 for loss in output.losses.values())
    assert (output.losses["box"] > 0) == bool(objects)
    sum(output.losses.values()).backward()


@pytest.mark.parametrize(
    ("level", "row", "column", "side"), [(0, 0, 0, 24), (0, 23, 4, 24), (1, 2, 11, 12), (3, 1, 0, 3)]
)
def test_the_anchor_that_fires_lies_where_its_cell_lies(spec, images, level, row, column, side):
    network = build(spec).eval()
    speak(network, level, row, column, box=0, label=2)
    found = network(images[:1]).detections[0]
    x, y, half = (column + 0.5) / side * 96, (row + 0.5) / side * 96, SSD_BOXES.scales[level] * 96 / 2
    expected = torch.tensor([[x - half, y - half, x + half, y + half]]).clamp(0, 96)
    torch.testing.assert_close(found["boxes"], expected)
    assert found["labels"].tolist() == [2]
    assert found["scores"].item() == pytest.approx(1.0)


def test_each_anchor_of_a_cell_answers_for_itself(spec, images):
    """Every one of the M anchors in turn would take long: one cell of the second level has six."""
    for box in range(6):
        network = build(spec).eval()
        speak(network, level=1, row=3, column=2, box=box, label=1)
        output = network(images[:1])
        anchor = output.responses.anchors[24 * 24 * 4 + (3 * 12 + 2) * 6 + box]
        torch.testing.assert_close(output.detections[0]["boxes"][0], anchor.clamp(0, 96))


def test_detections_come_back_in_the_pixels_of_each_image_as_given(spec):
    network = build(spec).eval()
    speak(network, level=1, row=2, column=2, box=0, label=3)
    small, tall, wide = (torch.zeros(3, height, width) for height, width in ((96, 96), (192, 96), (48, 384)))
    own, twice_as_high, flat = (found["boxes"][0] for found in network([small, tall, wide]).detections)
    centre, half = 2.5 / 12 * 96, SSD_BOXES.scales[1] * 96 / 2
    torch.testing.assert_close(own, torch.tensor([centre - half, centre - half, centre + half, centre + half]))
    torch.testing.assert_close(twice_as_high, own * torch.tensor([1.0, 2.0, 1.0, 2.0]))
    torch.testing.assert_close(flat, own * torch.tensor([4.0, 0.5, 4.0, 0.5]))


def test_targets_are_read_in_the_pixels_of_the_image_as_given(spec):
    network = build(spec).eval()
    box = torch.tensor([[10.0, 20.0, 50.0, 60.0]])
    losses = []
    for height, width in ((96, 96), (48, 384)):  # of one colour, so that resizing changes nothing else
        target = {"boxes": box * torch.tensor([width, height, width, height]) / 96, "labels": torch.tensor([1])}
        before = target["boxes"].clone()
        losses.append(network([torch.full((3, height, width), 0.3)], [target]).losses)
        assert torch.equal(target["boxes"], before)  # the caller's target is left alone
    torch.testing.assert_close(losses[0], losses[1])


def test_the_box_that_is_coded_is_the_box_that_comes_out(spec, images):
    network = build(spec).eval()
    # Variances 0.1 and 0.2: a full side to the right, twice as high.
    speak(network, level=1, row=5, column=5, box=0, label=1, offsets=(10.0, 0.0, 0.0, 5 * 0.6931472))
    centre, side = 5.5 / 12 * 96, SSD_BOXES.scales[1] * 96
    expected = torch.tensor([[centre + side / 2, centre - side, centre + 1.5 * side, centre + side]])
    torch.testing.assert_close(network(images[:1]).detections[0]["boxes"], expected)


def test_one_image_is_read_alike_alone_and_in_a_batch(spec, images):
    network = build(spec).eval()
    alone = [network([image]) for image in images]
    together = network(images)
    for index, output in enumerate(alone):
        for level, x in output.features.items():
            torch.testing.assert_close(together.features[level][index : index + 1], x)
        torch.testing.assert_close(together.detections[index]["boxes"], output.detections[0]["boxes"])


def test_nothing_is_found_when_every_score_is_low(spec, images):
    network = build(spec).eval()
    speak(network, level=0, row=0, column=0, box=0, label=0)
    for found in network(images).detections:
        assert [found[key].shape for key in ("boxes", "scores", "labels")] == [(0, 4), (0,), (0,)]


def test_scores_that_are_no_numbers_hide_no_others(spec, images):
    network = build(spec).eval()
    speak(network, level=1, row=2, column=2, box=0, label=3)
    network.cls_heads[0].answer[0, :4, 0, 0] = float("nan")
    found = network(images[:1]).detections[0]
    assert found["labels"].tolist() == [3]
    assert found["scores"].tolist() == pytest.approx([1.0])


def test_at_most_a_hundred_detections_an_image(spec, images):
    network = build(spec, num_classes=40).eval()
    for head in network.cls_heads:
        last = head[-1]
        nn.init.zeros_(last.weight)
        nn.init.normal_(last.bias)
    found = network(images[:1]).detections[0]
    assert len(found["scores"]) == 100


def test_detections_cost_nothing_until_they_are_read(spec, images, monkeypatch):
    network = build(spec).eval()
    calls = []
    monkeypatch.setattr(ssd, "decode_batch", lambda *arguments: calls.append(1) or decode_batch(*arguments))
    output = network(images)
    assert calls == []
    assert output.detections is output.detections
    assert calls == [1]


@pytest.mark.parametrize("size", [96, 192])
def test_heads_see_no_negative_number_and_the_pyramid_has_both_signs(spec, images, size):
    network = build(spec, image_size=size).eval()
    features = network(images).features
    assert all(x.min() < 0 < x.max() for x in features.values())
    for x, *heads in zip(features.values(), network.cls_heads, network.box_heads, strict=True):
        for head in heads:
            assert torch.equal(head(x), head(x.relu()))
            assert not torch.equal(head(x), head(-x))


def test_proposals_are_refused(spec, images):
    with pytest.raises(ValueError, match="A single-stage detector takes no proposals"):
        build(spec)(images, proposals=[torch.zeros(1, 4)])


def test_the_input_of_every_sign_takes_both_signs_in_a_trained_network(fixed, blobs):
    """A ReLU anywhere before a sign would make it a constant."""
    network, data = fixed("bireal").train(), blobs(8)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    batch = [torch.from_numpy(image / 255).float() for image in data.images]
    targets = [{key: torch.from_numpy(value) for key, value in data.target(i).items()} for i in range(8)]
    history = []
    for _ in range(20):
        loss = sum(network(batch, targets).losses.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.8 * history[0]  # it has learnt something
    with traced(network.eval()), torch.no_grad():
        layers = network(batch).layers
    shares = {name: (trace.binary_input > 0).float().mean().item() for name, trace in layers.items()}
    assert len(shares) == 16
    assert all(0.01 < share < 0.99 for share in shares.values()), shares


def test_every_stage_of_a_trained_real_network_bends(fixed, blobs):
    network, data = fixed("real").train(), blobs(8)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    batch = [torch.from_numpy(image / 255).float() for image in data.images]
    targets = [{key: torch.from_numpy(value) for key, value in data.target(i).items()} for i in range(8)]
    for _ in range(10):
        optimizer.zero_grad()
        sum(network(batch, targets).losses.values()).backward()
        optimizer.step()
    network.eval()
    for name, unit in searchable_units(network).items():
        x, y = torch.randn(2, 1, unit.weight.shape[1], 6, 6).unbind()
        gap = unit(x) + unit(y) - unit(x + y) - unit(torch.zeros_like(x))
        assert gap.abs().max() > 1e-2, name
