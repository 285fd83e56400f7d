"""LWS-Det's losses as terms over pairs of a student's and the twin's units."""

import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import searchable_units, traced
from spaces.layers import LayerTrace, SearchableUnit, UnitShape
from spaces.layers.signs import sign
from spaces.supernet import build_fixed
from trainers.devices import freeze
from trainers.distill import layer_pair
from trainers.distill.layer_pair import LayerPair, check_twin, layer_pairs, recorded_inputs
from trainers.distill.layer_terms import Amplitude, Angular, WeightReconstruction

POINT = UnitShape(in_channels=2, out_channels=1, kernel=1, stride=1)


def pair(x=(3.0, 4.0), real=(1.0, 0.0), latent=(1.0, -1.0), scale=1.0, shape=POINT, learned=True, centre=None):
    """One place, two input channels, one filter."""
    x, weight, latent = torch.tensor(x), torch.tensor(real), torch.tensor(latent).requires_grad_()
    x = x.view(1, 2, 1, 1).requires_grad_()
    binary = (sign(latent.detach()) + latent - latent.detach()).view(shape.weight)
    trace = LayerTrace(
        x=x,
        pre_sign=x,
        binary_input=sign(x),
        weight=latent,
        binary_weight=binary,
        scale=torch.tensor([scale]).view(1, 1, 1, 1).requires_grad_(),
        shape=shape,
        pad_value=0.0,
        scale_is_learned=learned,
        centre=None if centre is None else torch.tensor([centre]).view(1, 1, 1, 1),
    )
    return LayerPair(trace, weight.view(shape.weight), x)


@pytest.fixture
def twin(fixed):
    return freeze(fixed("real", seed=1))


@pytest.fixture
def mixed(spec):
    """Units of every kind: two methods with a learned scale, one without, and two that aren't binary."""
    torch.manual_seed(0)
    layers = {
        "layer1": "dbs",
        "layer2": "real",
        "layer3": "bireal+learned_scale",
        "layer3.1": "adabin",
        "layer4.0": "int8",
        "layer4.1": "lcb",
    }
    return build_fixed(spec, Candidate({f"layer/backbone.{name}": method for name, method in layers.items()}))


@pytest.fixture
def pairs(mixed, twin, images):
    with traced(mixed):
        layers = mixed(images).layers
    return layer_pairs(layers, check_twin("twin", mixed, twin))


def test_each_term_by_hand():
    # a = relu(3, 4), w = (1, 0), a^ = (1, 1), w^ = (1, -1): products 3 and 0, cosines 3/5 and 0.
    assert Angular()({"a": pair()}).item() == pytest.approx(0.36)
    assert Amplitude()({"a": pair()}).item() == pytest.approx(9.0)
    assert WeightReconstruction()({"a": pair(scale=0.5)}).item() == pytest.approx((0.5**2 + 0.5**2) / 2)


def test_a_weight_with_a_centre_is_compared_as_it_is_convolved():
    # 2 (1, -1) + 1 = (3, -1): the product 2 with (1, 1), the cosine 2 / (sqrt 2 sqrt 10); (1, 0) is (-2, 1) away.
    centred = {"a": pair(scale=2.0, centre=1.0)}
    assert Angular()(centred).item() == pytest.approx((0.6 - 1 / 5**0.5) ** 2)
    assert Angular("whole")(centred).item() == pytest.approx((0.6 - 1 / 5**0.5) ** 2)
    assert WeightReconstruction()(centred).item() == pytest.approx((2**2 + 1**2) / 2)


def test_a_weight_of_two_bases_is_compared_as_it_is_convolved():
    """w = (2, -1) is 1.5 (1, -1) + 0.5 (1, 1): w^ = (4/3, -2/3) has the product 2/3 and the cosine 1 / sqrt(10)."""
    unit = SearchableUnit(POINT, ["bireal+bases2+learned_scale"], "none")
    with torch.no_grad():
        unit.weight.copy_(torch.tensor([2.0, -1.0]).view(POINT.weight))
        unit.alternatives["bireal+bases2+learned_scale"].scale.fill_(3.0)
    plain = pair()
    trace = unit.alternatives["bireal+bases2+learned_scale"].trace(plain.x, unit.weight)
    both = {"a": LayerPair(trace, plain.weight, plain.x)}
    assert Angular()(both).item() == pytest.approx((0.6 - 1 / 10**0.5) ** 2)
    assert Amplitude()(both).item() == pytest.approx((3 - 3 * 2 / 3) ** 2)
    assert WeightReconstruction()(both).item() == pytest.approx(((4 - 1) ** 2 + 2**2) / 2)


def test_a_term_is_the_mean_over_layers():
    # The second layer's w^ = (1, 1) has the product 2, the cosine 1.
    layers = {"a": pair(), "b": pair(latent=(1.0, 1.0), scale=2.0)}
    assert Angular()(layers).item() == pytest.approx((0.36 + 0.16) / 2)
    assert Amplitude()(layers).item() == pytest.approx((9 + 1) / 2)


def test_the_real_side_takes_its_own_pre_activation_along():
    below = (3.0, -4.0)  # relu: (3, 0), a cosine of 1 with (1, 0); the signs (1, -1) lie on w^
    assert Angular()({"a": pair(x=below)}).item() == pytest.approx(0.0, abs=1e-12)
    linear = UnitShape(2, 1, 1, 1, activation="none")
    assert Angular()({"a": pair(x=below, shape=linear)}).item() == pytest.approx((0.6 - 1) ** 2)
    clipped = UnitShape(2, 1, 1, 1, activation="relu6")  # (6, 6) instead of (12, 6): 1/sqrt(2) instead of 2/sqrt(5)
    assert Angular()({"a": pair(x=(12.0, 6.0), shape=clipped)}).item() == pytest.approx(0.5)


def test_scales_that_are_not_learned_are_left_out_of_the_amplitude():
    layers = {"a": pair(), "b": pair(latent=(1.0, 1.0), scale=2.0, learned=False)}
    assert Amplitude()(layers).item() == pytest.approx(9.0)
    assert Amplitude()({"b": layers["b"]}).item() == 0.0


def test_every_term_trains_what_it_is_for_and_nothing_else():
    reached = {}
    for term in (Angular(), Angular(norms="whole"), Amplitude(), WeightReconstruction()):
        one = pair(scale=0.3)
        term({"a": one}).backward()
        leaves = {"x": one.trace.x, "w": one.trace.weight, "scale": one.trace.scale}
        reached.setdefault(type(term).__name__, set()).update(
            name for name, leaf in leaves.items() if leaf.grad is not None
        )
    assert reached == {"Angular": {"w"}, "Amplitude": {"scale"}, "WeightReconstruction": {"w", "scale"}}


def test_only_1bit_units_have_a_pair(mixed, pairs):
    names = [name for name in searchable_units(mixed) if "layer1" in name or "layer3" in name or "layer4.1" in name]
    assert list(pairs) == names


def test_in_a_network_each_term_reaches_the_units_own_parameters(mixed, twin, pairs):
    expected = {
        "Angular": {
            "logits",
            "weight",
            "bias",
        },  # of dbs, of the latent weight, of lcb's shift before the weight's sign
        "Amplitude": {"scale"},
        "WeightReconstruction": {"logits", "weight", "bias", "scale"},
    }
    for term in (Angular(), Amplitude(), WeightReconstruction()):
        mixed.zero_grad(set_to_none=True)
        term(pairs).backward(retain_graph=True)
        reached = {name for name, p in mixed.named_parameters() if p.grad is not None and p.grad.count_nonzero()}
        assert {name.rpartition(".")[2] for name in reached} == expected[type(term).__name__]
        assert all("bias" not in name or "weight_shift" in name for name in reached)
        assert all(p.grad is None for p in twin.parameters())


def test_what_a_layer_computes_it_computes_once(pairs, monkeypatch):
    calls = []
    convolve = layer_pair.convolve
    monkeypatch.setattr(layer_pair, "convolve", lambda *given: calls.append(1) or convolve(*given))
    Angular()(pairs)
    assert len(calls) == 2 * len(pairs)
    Amplitude()(pairs)
    WeightReconstruction()(pairs)
    assert len(calls) == 2 * len(pairs)


def test_the_twins_own_inputs_are_another_matter_than_the_students(mixed, twin, images):
    units = check_twin("twin", mixed, twin)
    with recorded_inputs(units) as inputs, torch.no_grad():
        twin(images)
    assert list(inputs) == list(units) == [name for name, u in searchable_units(mixed).items() if u.may_leave_trace]
    with traced(mixed):
        layers = mixed(images).layers
    own = layer_pairs(layers, units, inputs)
    last = list(own)[-1]
    assert own[last].x is inputs[last][0]
    assert Angular()(own).item() != Angular()(layer_pairs(layers, units)).item()
    inputs.clear()
    twin(images)
    assert inputs == {}  # the hooks are gone


def test_a_teacher_of_another_shape_is_refused(spec, fixed, mixed):
    wide = build_fixed(type(spec)(**{**vars(spec), "width": 0.25}), Candidate({}))
    message = r"'wide' can't teach a layer term: the weight of its unit backbone.layer1.0.conv1 is \(16, 16, 3, 3\)"
    with pytest.raises(ValueError, match=message):
        check_twin("wide", mixed, wide)
    with pytest.raises(ValueError, match=r"'none' can't teach a layer term: it has no unit backbone\.layer1\.0\.conv1"):
        check_twin("none", mixed, torch.nn.Identity())
    with pytest.raises(ValueError, match=r"unit backbone\.layer1\.0\.conv1 has no real weight"):
        check_twin("searched", mixed, fixed("dbs"))
