"""From the responses of GFL's anchors to its detections."""

import math

import pytest
import torch
from torch import nn

from spaces.detectors import DetectorSpec, build_detector, gfl
from spaces.detectors.edge_distributions import BINS
from spaces.detectors.gfl_decode import decode_batch

SIDES = (12, 6, 3, 2, 1)
STRIDES = (8, 16, 32, 64, 128)
SURE = 50.0


def spec_of(detector="gfl_resnet18", image_size=96, heads="light"):
    return DetectorSpec(detector=detector, num_classes=3, image_size=image_size, width=0.125, heads=heads)


def build(**changes):
    torch.manual_seed(0)
    return build_detector(spec_of(**changes), lambda _: ("real",))


class Says(nn.Module):
    """Gives the same map for every image of a level, known by its size; nothing but `silence` elsewhere."""

    def __init__(self, channels, silence, **answers):
        super().__init__()
        self.channels, self.silence, self.answers = channels, silence, {int(k[1:]): v for k, v in answers.items()}

    def forward(self, x):
        side = x.shape[-1]
        answer = self.answers.get(side, torch.full((self.channels, side, side), self.silence))
        return answer.expand(len(x), -1, -1, -1)


def speak(network, level, row, column, label, distances, cls=SURE, quality=SURE):
    """Make the heads sure of one box at one cell, and of nothing elsewhere."""
    side = SIDES[level]
    loud = torch.full((3, side, side), -SURE)
    loud[label - 1, row, column] = cls
    edges = torch.zeros(4, BINS, side, side)
    edges[torch.arange(4), torch.tensor(distances), row, column] = SURE
    network.cls_heads = Says(3, -SURE, **{f"s{side}": loud})
    network.box_heads = Says(4 * BINS, 0.0, **{f"s{side}": edges.flatten(0, 1)})
    if network.quality is not None:
        network.quality = Says(1, quality)


@pytest.mark.parametrize(("level", "row", "column"), [(0, 0, 11), (1, 2, 3), (3, 0, 1), (4, 0, 0)])
def test_one_hot_edges_at_a_cell_give_the_exact_box(images, level, row, column):
    network = build().eval()
    speak(network, level, row, column, label=2, distances=(1, 0, 2, 1))
    found = network(images[:1]).detections[0]
    stride = STRIDES[level]
    x, y = (column + 0.5) * stride, (row + 0.5) * stride
    expected = torch.tensor([[x - stride, y, x + 2 * stride, y + stride]]).clamp(0, 96)
    torch.testing.assert_close(found["boxes"], expected)
    assert found["labels"].tolist() == [2]
    assert found["scores"].item() == pytest.approx(1.0)


@pytest.mark.parametrize(("detector", "score"), [("gfl_resnet18", 0.6), ("gflv1_resnet18_plain", 0.75)])
def test_the_score_is_the_class_score_times_the_quality(images, detector, score):
    network = build(detector=detector).eval()
    speak(network, 1, 2, 3, label=3, distances=(1, 1, 1, 1), cls=math.log(3), quality=math.log(4))
    assert network(images[:1]).detections[0]["scores"].tolist() == pytest.approx([score])


def test_detections_come_back_in_the_pixels_of_each_image_as_given():
    network = build().eval()
    speak(network, 1, 2, 2, label=1, distances=(1, 1, 1, 1))
    small, tall, wide = (torch.zeros(3, height, width) for height, width in ((96, 96), (192, 96), (48, 384)))
    own, twice_as_high, flat = (found["boxes"][0] for found in network([small, tall, wide]).detections)
    torch.testing.assert_close(own, torch.tensor([24.0, 24.0, 56.0, 56.0]))
    torch.testing.assert_close(twice_as_high, own * torch.tensor([1.0, 2.0, 1.0, 2.0]))
    torch.testing.assert_close(flat, own * torch.tensor([4.0, 0.5, 4.0, 0.5]))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("objects", [0, 1])
@pytest.mark.parametrize("detector", ["gfl_resnet18", "gfl_resnet18_plain"])
def test_one_image_is_enough_with_no_object_and_with_one(detector, images, objects, training):
    """In training too, although its p7 is a single cell."""
    network = build(detector=detector).train(training)
    target = {"boxes": torch.tensor([[10.0, 10.0, 40.0, 40.0]])[:objects], "labels": torch.ones(1).long()[:objects]}
    losses = network(images[:1], [target]).losses
    assert all(loss.isfinite() and loss.ndim == 0 for loss in losses.values())
    assert (losses["box"] > 0) == (losses["dfl"] > 0) == bool(objects)
    sum(losses.values()).backward()


def test_what_scores_at_first_is_a_hundredth(images):
    for detector in ("gfl_resnet18", "gflv1_resnet18_plain"):
        network = build(detector=detector).eval()
        for head in (network.cls_heads, *(() if network.quality is None else (network.quality.predict,))):
            nn.init.zeros_(head.weight)
        if network.quality is not None:
            nn.init.zeros_(network.quality.predict.bias)
        responses = network(images).responses
        score = responses.cls[0].sigmoid().mean()
        if responses.quality is not None:
            score = score * responses.quality[0].sigmoid().mean()
        assert score.item() == pytest.approx(0.01, rel=1e-4)


def test_nothing_is_found_when_every_score_is_low(images):
    network = build().eval()
    speak(network, 0, 0, 0, label=1, distances=(1, 1, 1, 1), cls=math.log(0.04 / 0.96))
    for found in network(images).detections:
        assert [found[key].shape for key in ("boxes", "scores", "labels")] == [(0, 4), (0,), (0,)]


def test_nms_is_by_class_and_leaves_at_most_a_hundred():
    anchors = torch.tensor([[-22.0, -22.0, 42.0, 42.0]]).repeat(300, 1)  # around (10, 10), 8 pixels a stride
    edges = torch.zeros(1, 300, 4, BINS)
    edges[..., 1] = SURE
    scores = torch.full((1, 300, 2), -SURE)
    scores[0, :2] = torch.tensor([[2.0, -SURE], [1.0, 3.0]])
    found = decode_batch(scores, edges, anchors, [(96, 96)], [(96, 96)])[0]
    assert found["labels"].tolist() == [2, 1]  # the second box of class 1 lies on the first
    assert found["scores"].tolist() == pytest.approx(torch.tensor([3.0, 2.0]).sigmoid().tolist())
    shifts = torch.arange(300)[:, None] * 16.0
    far = decode_batch(torch.zeros(1, 300, 2), edges, anchors + shifts, [(10000, 10000)], [(10000, 10000)])[0]
    assert len(far["scores"]) == 100


def test_scores_that_are_no_numbers_hide_no_others():
    anchors = torch.tensor([[-22.0, -22.0, 42.0, 42.0], [20.0, 20.0, 84.0, 84.0]])
    scores = torch.tensor([[[float("nan")], [2.0]]])
    edges = torch.zeros(1, 2, 4, BINS)
    edges[..., 1] = SURE
    found = decode_batch(scores, edges, anchors, [(96, 96)], [(96, 96)])[0]
    torch.testing.assert_close(found["boxes"], torch.tensor([[44.0, 44.0, 60.0, 60.0]]))


def test_detections_cost_nothing_until_they_are_read(images, monkeypatch):
    network, calls = build().eval(), []
    monkeypatch.setattr(gfl, "decode_batch", lambda *given: calls.append(1) or decode_batch(*given))
    output = network(images)
    assert calls == []
    assert output.detections is output.detections
    assert calls == [1]
