"""What a network takes from a trained one whose layers are of other methods."""

import itertools
import math

import pytest
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.layers import METHODS, OpenedConv, OpenedLinear, SearchableUnit, UnitShape, is_binary
from spaces.starting import checked_start, real_weight, start_from_trained
from spaces.supernet import build_fixed, inherit_shared

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, width=0.125)
NORM = {f"bn.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}
RPRELU = {"post.before.bias", "post.prelu.weight", "post.after.bias"}
GATE = {"gate.squeeze.weight", "gate.excite.weight"}
WEIGHT = [[0.5, -1.5], [-0.25, 0.75]]
RULES = ("sign+normalised", "react+rectified", "react+periodic", "bireal+resilient", "bireal+bases2")


def unit(method, seed=0):
    """A unit of two channels and one pixel, with other values in all its tensors than a new one has."""
    torch.manual_seed(seed)
    made = SearchableUnit(UnitShape(2, 2, 1), [method]).eval()
    for tensor in made.state_dict().values():
        tensor.copy_(torch.rand(tensor.shape) + 0.5)
    if made.weight is not None:
        made.weight.data = torch.tensor(WEIGHT)[..., None, None]
    return made


def started(method, trained):
    """A new unit that started from a trained one; then what it took, as parts of its alternative."""
    torch.manual_seed(9)
    network = nn.ModuleDict({"u": SearchableUnit(UnitShape(2, 2, 1), [method]).eval()})
    report = start_from_trained(network, nn.ModuleDict({"u": trained}))
    prefix = f"u.alternatives.{method}."
    parts = {name.removeprefix(prefix) for name in report.taken if name.startswith(prefix)}
    assert {name for name in network.state_dict() if name not in report.others} == set(report.taken)
    return network["u"], parts


def flat(weight):
    return weight.detach().flatten(1).tolist()


@pytest.mark.parametrize(
    ("trained", "method", "parts"),
    [
        ("sign", "react", NORM),
        ("react", "lcb_dynamic", NORM | RPRELU | {"shift.bias"}),
        ("lcb_dynamic", "react", NORM | RPRELU | {"shift.bias"}),
        ("lcb", "lcb_dynamic", NORM | RPRELU | {"shift.bias", "weight_shift.bias"}),
        ("bireal+prelu", "sign+prelu", NORM | {"post.weight"}),
        ("bireal+prelu", "react", NORM),
        ("react", "react+gate", NORM | RPRELU | {"shift.bias"}),
        ("react+gate", "sign+gate", NORM | GATE),
        ("real", "sign+gate", set()),
        ("bireal+learned_scale", "sign+bases2+learned_scale", NORM | {"scale"}),
        ("dbs", "dbs+hard", NORM | {"logits", "scale", "post.weight"}),
        ("dbs", "bireal+learned_scale", NORM | {"scale"}),
        ("bireal+learned_scale", "dbs", NORM | {"scale"}),
        ("react+periodic", "dbs", NORM | {"scale"}),
        ("bireal+resilient", "bireal+normalised", NORM),
        ("int8", "int2", NORM),
        ("int2", "real", NORM),
        ("real", "int8", NORM),
        ("int4", "int4", NORM | {"weight_start", "weight_log", "input_start", "input_log"}),
        ("int8", "int8", NORM | {"largest"}),
        ("int2", "react", set()),
        ("real", "dbs", set()),
        ("react", "int2", set()),
    ],
)
def test_parts_of_the_same_meaning_are_taken(trained, method, parts):
    before = unit(trained)
    network, taken = started(method, before)
    assert taken == parts
    state, old = (one.alternatives[name].state_dict() for one, name in ((network, method), (before, trained)))
    assert all(torch.equal(state[name], old[name]) for name in parts)


@pytest.mark.parametrize(
    ("trained", "method"),
    list(itertools.product([*METHODS, "dbs+hard", "bireal+learned_scale", *RULES], [*METHODS, *RULES[2:]])),
)
def test_every_method_starts_from_every_other_with_its_weight(trained, method):
    """The signs, or the real weight, that a network computes with stay, whatever computed with them before.

    A mean that is taken away moves them: see the test of weights as their signs are taken of them.
    """
    before = unit(trained)
    network, _ = started(method, before)
    expected = real_weight(before).sign()
    assert torch.equal(real_weight(network).sign(), expected)
    of_weight = (trained == "adabin") == (method == "adabin")  # whose signs are those of the weight less its mean
    if is_binary(trained) and is_binary(method) and of_weight:
        levels = [one.alternatives[one.active].levels(one.weight)[0] for one in (network, before)]
        assert torch.equal(*levels)


def test_searched_signs_become_the_weight_of_their_scale():
    """Logits (1, -3) have the mean magnitude 2, so with a scale of -0.5 the weight is (0.25, -0.75)."""
    before = unit("dbs")
    alternative = before.alternatives["dbs"]
    alternative.logits.data = torch.tensor([[1.0, -3.0], [0.0, 4.0]])[..., None, None]
    alternative.scale.data = torch.tensor([-0.5, 1.0])
    network, _ = started("bireal+prelu", before)
    assert flat(network.weight) == [[0.25, -0.75], [0.0, 2.0]]
    x = torch.randn(1, 2, 3, 3)
    assert torch.allclose(network(x), before(x))
    assert flat(started("dbs", before)[0].alternatives["dbs"].logits) == [[1.0, -3.0], [0.0, 4.0]]


def test_a_bias_of_the_weight_goes_into_it_where_the_new_method_has_none():
    before = unit("lcb")
    before.alternatives["lcb"].weight_shift.bias.data = torch.tensor([1.0, 0.5])
    assert flat(started("sign", before)[0].weight) == [[1.5, -0.5], [0.25, 1.25]]
    assert flat(started("int4", before)[0].weight) == [[1.5, -0.5], [0.25, 1.25]]
    assert flat(started("lcb_dynamic", before)[0].weight) == WEIGHT


def test_a_weight_is_taken_as_its_sign_is_taken_of_it_but_by_a_method_that_does_the_same():
    """Two weights less their mean of 2, in a place with omega = 1; and sines 0.5 and -1, with the scale 3 as mean."""
    before = unit("react+normalised")
    before.weight.data = torch.tensor([[3.0, 1.0], [1.0, 3.0]])[..., None, None]
    assert flat(started("sign", before)[0].weight) == [[1, -1], [-1, 1]]
    assert flat(started("lcb", before)[0].weight) == [[1, -1], [-1, 1]]
    assert flat(started("sign+normalised", before)[0].weight) == [[3, 1], [1, 3]]
    before = unit("react+periodic")
    before.weight.data = torch.tensor([[math.pi / 6, 1.5 * math.pi], [0.0, 1.0]])[..., None, None]
    before.alternatives["react+periodic"].scale.data.fill_(-3.0)
    assert flat(started("bireal", before)[0].weight)[0] == pytest.approx([2, -4])
    assert torch.equal(started("sign+periodic", before)[0].weight, before.weight)


def test_what_follows_from_the_weight_is_derived():
    """int2 has levels up to 1: its steps are 2 mean |w| / sqrt(1), twice 1 and twice 0.5; scales are the means."""
    before = unit("int8")
    steps = started("int2", before)[0].alternatives["int2"]
    assert (steps.weight_step.tolist(), float(steps.input_start)) == ([2.0, 1.0], 0.0)
    assert started("sign+learned_scale", before)[0].alternatives["sign+learned_scale"].scale.tolist() == [1.0, 0.5]


def test_opened_layers_become_real_ones_and_real_ones_opened():
    torch.manual_seed(0)
    conv, linear = nn.Conv2d(2, 2, 1), nn.Linear(2, 2)
    opened = nn.ModuleDict({"c": OpenedConv(nn.Conv2d(2, 2, 1), ["dbs"]), "l": OpenedLinear(nn.Linear(2, 2), ["dbs"])})
    for layer in opened.values():
        logits = layer.alternatives["dbs"].logits
        logits.data = torch.tensor([[1.0, -3.0], [2.0, 2.0]]).view_as(logits)
        layer.alternatives["dbs"].scale.data = torch.tensor([1.0, 0.5])
    real = nn.ModuleDict({"c": conv, "l": linear})
    assert start_from_trained(real, opened).others == ()
    assert flat(conv.weight) == flat(linear.weight) == [[0.5, -1.5], [0.5, 0.5]]
    assert conv.bias.tolist() == opened["c"].bias.tolist()
    back = nn.ModuleDict({"c": OpenedConv(nn.Conv2d(2, 2, 1), ["dbs"]), "l": OpenedLinear(nn.Linear(2, 2), ["int4"])})
    start_from_trained(back, real)
    assert back["c"].alternatives["dbs"].scale.tolist() == [1.0, 0.5]
    assert back["l"].bias.tolist() == linear.bias.tolist()


@pytest.mark.parametrize(
    "layers", [{"backbone": "dbs"}, {"backbone": "int4", "backbone.layer1": "react", "stem": "int8"}]
)
def test_a_start_from_a_real_network_is_that_from_the_twin(layers):
    torch.manual_seed(0)
    twin = build_fixed(SPEC, Candidate({}))
    torch.manual_seed(1)
    one = build_fixed(SPEC, Candidate.of(layers, {}))
    torch.manual_seed(1)
    other = build_fixed(SPEC, Candidate.of(layers, {}))
    inherit_shared(one, twin.state_dict())
    start_from_trained(other, twin)
    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())


def test_a_network_of_another_shape_is_refused_before_anything_is_copied():
    network = nn.ModuleDict({"u": unit("sign"), "head": nn.Linear(2, 3)})
    before = network["u"].weight.clone()
    for trained in ({"u": unit("int2")}, {"u": unit("int2"), "head": nn.Linear(2, 1)}):
        with pytest.raises(
            ValueError, match=r"^2 tensors of the network are missing or of another shape, such as head"
        ):
            start_from_trained(network, nn.ModuleDict(trained))
    assert torch.equal(network["u"].weight, before)
    assert checked_start(nn.ModuleDict({"u": unit("sign")}), network).taken.keys() >= {"u.weight"}
