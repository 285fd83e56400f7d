"""Supernets whose 1-bit methods have a latent weight of their own: gradients, starts, and what is extracted."""

import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec, searchable_units, traced
from spaces.layers import SearchableUnit, UnitShape
from spaces.published.weights import load_pretrained, real_tensors
from spaces.supernet import activate, build_fixed, build_supernet, extract, inherit_shared
from trainers.distill.own_weights import own_weight_loss
from trainers.training.parameter_groups import optimizer_groups
from trainers.training.searched_signs import inputs_only

SEVERAL_BITS = ("real", "int8", "int4", "int2")
ONE_BIT = ("sign", "bireal+prelu", "react", "adabin", "lcb_dynamic", "bireal+learned_scale+pad_minus_one")
ONE_BIT += ("react+bases2", "react+normalised", "sign+periodic", "react+resilient")
EVERY = (*SEVERAL_BITS, *ONE_BIT, "dbs")
HEAD = "cls_heads.0.0"


def split_unit(*methods):
    unit = SearchableUnit(UnitShape(2, 3, 1), methods, "none")
    unit.split_weight()
    return unit


def gradients(unit, method):
    """Which of the unit's two weights a pass with this method trains."""
    unit.activate(method)
    unit.zero_grad()
    unit(torch.randn(2, 2, 4, 4)).square().sum().backward()
    return unit.weight.grad is not None, unit.one_bit_weight.grad is not None


def moved_apart(supernet):
    """The supernet with random weights for 1-bit methods: a mixed-up copy must not pass for the right one."""
    for unit in searchable_units(supernet).values():
        if unit.one_bit_weight is not None:
            torch.nn.init.normal_(unit.one_bit_weight, std=0.1)
    return supernet


@pytest.mark.parametrize("method", EVERY)
def test_a_pass_trains_the_weight_of_its_kind_alone(method):
    expected = {"dbs": (False, False)} | dict.fromkeys(SEVERAL_BITS, (True, False))
    assert gradients(split_unit(*EVERY), method) == expected.get(method, (False, True))


@pytest.mark.parametrize("methods", [SEVERAL_BITS, ONE_BIT, ("real", "dbs"), ("sign", "dbs"), ("dbs",)])
def test_methods_of_one_kind_keep_their_one_weight(methods):
    torch.manual_seed(0)
    plain = SearchableUnit(UnitShape(2, 3, 1), methods).state_dict()
    torch.manual_seed(0)
    unit = SearchableUnit(UnitShape(2, 3, 1), methods)
    unit.split_weight()
    split = unit.state_dict()
    assert list(split) == list(plain)
    assert all(torch.equal(split[name], tensor) for name, tensor in plain.items())


def test_a_split_supernet_differs_from_a_shared_one_by_the_second_weights_alone(spec):
    choices = {"backbone": ("real", "sign"), "backbone.layer1": ("sign",), HEAD: ("int8", "react")}
    states, draws = [], []
    for weights in ("shared", "by_kind"):
        torch.manual_seed(0)
        states.append(build_supernet(spec, choices, weights).state_dict())
        draws.append(torch.rand(()))
    shared, split = states
    units = {name.removesuffix(".one_bit_weight") for name in split if name.endswith(".one_bit_weight")}
    assert [name for name in split if not name.endswith(".one_bit_weight")] == list(shared)
    assert all(torch.equal(split[name], tensor) for name, tensor in shared.items())
    assert all(torch.equal(split[f"{name}.one_bit_weight"], shared[f"{name}.weight"]) for name in units)
    assert HEAD in units
    assert {name.split(".")[1] for name in units - {HEAD}} == {"layer2", "layer3", "layer4"}
    assert draws[0] == draws[1]


def test_extracted_networks_compute_what_is_activated_with_every_method(spec, lively, images):
    torch.manual_seed(0)
    supernet = moved_apart(lively(build_supernet(spec, {"backbone": EVERY, HEAD: EVERY}, "by_kind")))
    state, names = supernet.state_dict(), [*searchable_units(supernet)]
    for shift in (0, 5):  # each has every method in some layer
        chosen = {name: EVERY[(i + shift) % len(EVERY)] for i, name in enumerate(names)}
        candidate = Candidate({f"layer/{name}": method for name, method in chosen.items()})
        activate(supernet, candidate)
        network = extract(state, spec, candidate)
        assert list(network.state_dict()) == list(build_fixed(spec, candidate).state_dict())
        with torch.no_grad():
            one, other = network(images).responses, supernet(images).responses
        assert all(torch.equal(a, b) for a, b in zip(one.cls + one.box, other.cls + other.box, strict=True))
        again = extract(network.state_dict(), spec, candidate).state_dict()  # as from the detector's file
        assert all(torch.equal(again[name], tensor) for name, tensor in network.state_dict().items())


def test_an_opened_linear_layer_has_both_weights():
    spec = DetectorSpec(detector="faster_rcnn_resnet18", num_classes=3, image_size=96, width=0.125)
    supernet = moved_apart(build_supernet(spec, {"heads.fc": ("real", "int8", "sign")}, "by_kind")).eval()
    name, unit = next((n, u) for n, u in searchable_units(supernet).items() if u.one_bit_weight is not None)
    x = torch.randn(4, unit.shape.in_channels)
    for method in ("real", "int8", "sign"):
        candidate = Candidate({"layer/heads.fc": method})
        activate(supernet, candidate)
        network = extract(supernet.state_dict(), spec, candidate)
        assert torch.equal(network.get_submodule(name)(x), unit(x))


def test_both_weights_start_from_the_twins(spec, fixed):
    twin = fixed("real", seed=7).state_dict()
    supernet = build_supernet(spec, {"backbone": ("real", "sign")}, "by_kind")
    left = inherit_shared(supernet, twin)
    assert all(".alternatives.sign." in name for name in left)
    for name, unit in searchable_units(supernet).items():
        assert torch.equal(unit.weight, twin[f"{name}.weight"])
        assert torch.equal(unit.one_bit_weight, twin[f"{name}.weight"])
    assert unit.one_bit_weight.data_ptr() != unit.weight.data_ptr()


def test_a_published_checkpoint_fills_both_weights_and_must_hold_one(spec, published_resnet18):
    backbone = build_supernet(spec, {"backbone": ("real", "sign")}, "by_kind").backbone
    report = load_pretrained(backbone, published_resnet18(backbone))
    units = searchable_units(backbone)
    assert report.complete
    assert {f"{name}.one_bit_weight" for name in units} <= set(report.loaded)
    assert all(torch.equal(unit.one_bit_weight, unit.weight) for unit in units.values())
    assert not any(name.endswith("one_bit_weight") for name in real_tensors(backbone))


def test_optimizers_and_layer_losses_take_the_1_bit_weight():
    """w = (0.5, -0.1) at inputs (+, +) is 0.4, its sign with alpha = 0.3 is 0: the distance is 0.16."""
    network = torch.nn.ModuleDict({"unit": SearchableUnit(UnitShape(2, 1, 1), ("real", "sign"), "none")}).train()
    unit = network["unit"]
    unit.split_weight()
    with torch.no_grad():
        unit.one_bit_weight.copy_(torch.tensor((0.5, -0.1)).view(1, 2, 1, 1))
    decayed = optimizer_groups(network, 1.0, {}, weight_decay=0.5)[0]
    assert {id(p) for p in decayed["params"]} == {id(unit.weight), id(unit.one_bit_weight)}
    unit.activate("sign")
    x = torch.ones(1, 2, 1, 1).expand(2, 2, 1, 2)
    with traced(network):
        unit(x)
        (trace,) = unit.runs
    loss = own_weight_loss(network, {"unit": trace})["own weights"]
    assert loss.item() == pytest.approx(0.16)
    loss.backward()
    assert unit.weight.grad is None
    assert unit.one_bit_weight.grad.flatten().tolist() == pytest.approx([-0.24, -0.24])


def test_the_stage_of_binary_inputs_trains_the_1_bit_weight():
    unit = split_unit("real", "sign")
    with inputs_only(unit):
        assert gradients(unit, "sign") == (False, True)
