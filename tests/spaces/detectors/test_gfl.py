import math

import pytest
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.cost import layer_costs
from spaces.detectors import DetectorSpec, build_detector, gfl, openable, searchable_units, traced
from spaces.detectors.edge_distributions import BINS
from spaces.detectors.gfl_decode import decode_batch
from spaces.layers import OpenedConv
from spaces.layers.levels import LevelNorms
from spaces.supernet import activate, build_fixed, build_supernet, extract

PARTS = ("backbone", "fpn", "towers", "cls_heads", "box_heads")
SIDES = (12, 6, 3, 2, 1)
STRIDES = (8, 16, 32, 64, 128)
METHODS = ("real", "sign", "bireal")
SURE = 50.0


def spec_of(detector="gfl_resnet18", image_size=96, heads="light"):
    return DetectorSpec(detector=detector, num_classes=3, image_size=image_size, width=0.125, heads=heads)


def build(**changes):
    torch.manual_seed(0)
    return build_detector(spec_of(**changes), lambda _: ("real",))


def everywhere(method):
    return Candidate({f"layer/{part}": method for part in PARTS})


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


@pytest.mark.parametrize("heads", ["light", "full"])
@pytest.mark.parametrize(("size", "sides"), [(96, SIDES), (161, (21, 11, 6, 3, 2))])
@pytest.mark.parametrize("detector", ["gfl_resnet18", "gfl_resnet50_plain", "gflv1_resnet18_plain"])
def test_the_contract(detector, heads, size, sides):
    network = build(detector=detector, image_size=size, heads=heads).eval()
    with torch.no_grad():
        output = network([torch.rand(3, size, size), torch.rand(3, 80, 120)])
    assert output.losses == {}
    assert network.feature_channels == dict.fromkeys(("p3", "p4", "p5", "p6", "p7"), 32)
    assert {name: tuple(x.shape) for name, x in output.features.items()} == {
        f"p{level}": (2, 32, side, side) for level, side in enumerate(sides, start=3)
    }
    responses = output.responses
    assert [tuple(x.shape) for x in responses.cls] == [(2, 3, side, side) for side in sides]
    assert [tuple(x.shape) for x in responses.box] == [(2, 4 * 17, side, side) for side in sides]
    assert (responses.activation, responses.background, responses.bins) == ("sigmoid", None, 17)
    if detector == "gflv1_resnet18_plain":
        assert responses.quality is None
    else:
        assert [tuple(x.shape) for x in responses.quality] == [(2, 1, side, side) for side in sides]
    assert responses.anchors.shape == (sum(side * side for side in sides), 4)
    assert len(output.detections) == 2


@pytest.mark.parametrize("method", [*METHODS, "react", "dbs", "int8"])
@pytest.mark.parametrize("detector", ["gfl_resnet18", "gfl_resnet18_plain", "gflv1_resnet18_plain"])
def test_every_parameter_gets_a_gradient_whatever_is_binary(detector, method, images, targets):
    torch.manual_seed(0)
    network = build_fixed(spec_of(detector), everywhere(method)).train()
    losses = network(images, targets).losses
    assert set(losses) == {"cls", "box", "dfl"}
    assert all(loss.isfinite() and loss.ndim == 0 and loss > 0 for loss in losses.values())
    sum(losses.values()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.count_nonzero() > 0, name


def test_every_convolution_but_the_quality_predictors_can_be_searched():
    network = build(heads="full")
    units = list(searchable_units(network))
    assert len(units) == 16 + 3 + 5 + 8
    assert units[-1] == "towers.box.conv4"
    assert openable(network)["heads"] == ["cls_heads", "box_heads"]
    everything = build_fixed(spec_of(), everywhere("bireal"))
    assert isinstance(everything.cls_heads, OpenedConv)
    convolutions = {name for name, m in everything.named_modules() if isinstance(m, nn.Conv2d)}
    shortcuts = {name for name in convolutions if "shortcut" in name}
    assert convolutions - shortcuts == {"backbone.conv1", "quality.reduce", "quality.predict"}


@pytest.mark.parametrize("granularity", ["layer", "block", "stage"])
@pytest.mark.parametrize("detector", ["gfl_resnet18", "gfl_resnet18_plain"])
def test_an_extracted_network_computes_and_costs_what_the_activated_supernet_does(
    detector, granularity, lively, random_candidate, images
):
    torch.manual_seed(0)
    supernet = lively(build_supernet(spec_of(detector), dict.fromkeys(PARTS[:3], METHODS)))
    candidate = random_candidate(supernet, granularity, seed=3)
    compare(supernet, spec_of(detector), candidate, images)


def test_opened_predictions_are_extracted_too(lively, images):
    torch.manual_seed(0)
    supernet = lively(build_supernet(spec_of(), dict.fromkeys(PARTS, METHODS)))
    methods = dict(zip(PARTS, ("sign", "real", "bireal", "sign", "bireal"), strict=True))
    compare(supernet, spec_of(), Candidate({f"layer/{part}": method for part, method in methods.items()}), images)


def compare(supernet, spec, candidate, images):
    activate(supernet, candidate)
    network = extract(supernet.state_dict(), spec, candidate)
    with torch.no_grad():
        ours, expected = network(images), supernet(images)
    for kind in ("cls", "box", "quality"):
        for one, other in zip(getattr(ours.responses, kind), getattr(expected.responses, kind), strict=True):
            assert torch.equal(one, other)
    assert layer_costs(network, images[:1]) == layer_costs(supernet, images[:1])


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
    found = decode_batch(scores, edges, anchors, (96, 96), [(96, 96)])[0]
    assert found["labels"].tolist() == [2, 1]  # the second box of class 1 lies on the first
    assert found["scores"].tolist() == pytest.approx(torch.tensor([3.0, 2.0]).sigmoid().tolist())
    shifts = torch.arange(300)[:, None] * 16.0
    far = decode_batch(torch.zeros(1, 300, 2), edges, anchors + shifts, (10000, 10000), [(10000, 10000)])[0]
    assert len(far["scores"]) == 100


def test_scores_that_are_no_numbers_hide_no_others():
    anchors = torch.tensor([[-22.0, -22.0, 42.0, 42.0], [20.0, 20.0, 84.0, 84.0]])
    scores = torch.tensor([[[float("nan")], [2.0]]])
    edges = torch.zeros(1, 2, 4, BINS)
    edges[..., 1] = SURE
    found = decode_batch(scores, edges, anchors, (96, 96), [(96, 96)])[0]
    torch.testing.assert_close(found["boxes"], torch.tensor([[44.0, 44.0, 60.0, 60.0]]))


def test_detections_cost_nothing_until_they_are_read(images, monkeypatch):
    network, calls = build().eval(), []
    monkeypatch.setattr(gfl, "decode_batch", lambda *given: calls.append(1) or decode_batch(*given))
    output = network(images)
    assert calls == []
    assert output.detections is output.detections
    assert calls == [1]


def test_proposals_are_refused(images):
    with pytest.raises(ValueError, match="A single-stage detector takes no proposals"):
        build()(images, proposals=[torch.zeros(1, 4)])


def test_unknown_heads_and_norms_are_refused():
    with pytest.raises(ValueError, match="heads is 'heavy'; gfl_resnet18 can only have 'light' or 'full'"):
        spec_of(heads="heavy")
    with pytest.raises(ValueError, match="norm is 'batch'; allowed are 'group' and 'level'"):
        gfl.GFLTowers(8, 5, lambda _: ("real",), "", "batch")


@pytest.mark.parametrize("method", ["real", "sign"])
def test_towers_run_on_every_level_and_are_stored_once(images, method):
    network = build_fixed(spec_of(), everywhere(method))
    rows = [row for row in layer_costs(network, images[:1]) if row.name == "towers.cls.conv2"]
    assert [row.macs for row in rows] == [32 * 32 * 9 * side * side for side in SIDES]
    weights = 32 * 32 * 9 * (1 if method == "sign" else 32) + (32 * 32 if method == "sign" else 0)  # with scales
    assert sum(row.memory_bits for row in rows) == weights + 5 * 2 * 32 * 32  # a BatchNorm of 32 channels a level


@pytest.mark.parametrize("detector", ["gfl_resnet18", "gfl_resnet18_plain", "gflv1_resnet18_plain"])
@pytest.mark.parametrize("heads", ["light", "full"])
def test_every_parameter_is_counted_once(images, detector, heads):
    network = build_fixed(spec_of(detector, heads=heads), everywhere("sign"))
    expected = 32 * sum(p.numel() for p in network.parameters())
    for unit in searchable_units(network).values():
        expected += 32 * len(unit.weight) - 31 * unit.weight.numel()
    assert sum(row.memory_bits for row in layer_costs(network, images[:1])) == expected


def test_a_shared_unit_leaves_a_trace_of_every_level(images):
    network = build_fixed(spec_of(), everywhere("bireal"))
    with traced(network):
        for _ in range(2):  # the second pass doesn't add to the first
            layers = network(images).layers
    assert layers.keys() == searchable_units(network).keys()
    for name in ("towers.box.conv3", "cls_heads"):
        assert tuple(layers[name].x.shape) == (2, 32, 12, 12)
        assert [tuple(run.x.shape[-2:]) for run in layers[name].others] == [(s, s) for s in SIDES[1:]]
    assert layers["fpn.p3.output"].others == layers["backbone.layer1.0.conv1"].others == ()


def test_every_sign_of_a_trained_network_sees_both_signs_on_every_level(blobs):
    torch.manual_seed(0)
    network, data = build_fixed(spec_of(), everywhere("bireal")).train(), blobs(8)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    batch = [torch.from_numpy(image / 255).float() for image in data.images]
    targets = [{key: torch.from_numpy(value) for key, value in data.target(i).items()} for i in range(8)]
    history = []
    for _ in range(16):
        optimizer.zero_grad()
        loss = sum(network(batch, targets).losses.values())
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.9 * history[0]  # it has learnt something
    with traced(network.eval()), torch.no_grad():
        layers = network(batch).layers
    shares = {
        (name, level): (run.binary_input > 0).float().mean().item()
        for name, trace in layers.items()
        for level, run in enumerate((trace, *trace.others))
    }
    assert len(shares) == 24 + 5 * 10  # eight tower units and two heads on five levels
    assert all(0.02 < share < 0.98 for share in shares.values()), shares


def test_a_searchable_detector_has_a_norm_a_level_and_a_plain_one_the_published_norm():
    ours, published = build(), build(detector="gfl_resnet18_plain")
    own = [m for m in ours.towers.modules() if isinstance(m, LevelNorms)]
    assert [len(norm.norms) for norm in own] == [5] * 8
    groups = [m for m in published.towers.modules() if isinstance(m, nn.GroupNorm)]
    assert [(norm.num_channels, norm.num_groups) for norm in groups] == [(32, 4)] * 8
