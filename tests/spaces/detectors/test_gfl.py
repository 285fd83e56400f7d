import pytest
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.cost import layer_costs
from spaces.detectors import DetectorSpec, build_detector, gfl, openable, searchable_units, traced
from spaces.layers import OpenedConv
from spaces.layers.levels import LevelNorms
from spaces.supernet import activate, build_fixed, build_supernet, extract

PARTS = ("backbone", "fpn", "towers", "cls_heads", "box_heads")
SIDES = (12, 6, 3, 2, 1)
METHODS = ("real", "sign", "bireal")


def spec_of(detector="gfl_resnet18", image_size=96, heads="light"):
    return DetectorSpec(detector=detector, num_classes=3, image_size=image_size, width=0.125, heads=heads)


def build(**changes):
    torch.manual_seed(0)
    return build_detector(spec_of(**changes), lambda _: ("real",))


def everywhere(method):
    return Candidate({f"layer/{part}": method for part in PARTS})


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


def test_every_convolution_can_be_searched():
    network = build(heads="full")
    units = list(searchable_units(network))
    assert len(units) == 16 + 3 + 5 + 8
    assert units[-1] == "towers.box.conv4"
    assert list(openable(network).values())[2:] == [["quality.reduce", "quality.predict"], ["cls_heads"], ["box_heads"]]
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
