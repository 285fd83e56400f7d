import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from spaces.candidate import Candidate, method_of
from spaces.deployed.packed import packed_state, unpacked_network
from spaces.detectors import searchable_units
from spaces.supernet import activate, build_fixed, build_supernet, extract, inherit, inherit_shared

METHODS = ("real", "sign", "bireal")


def snapshot(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def assert_same(state, before):
    assert list(state) == list(before)
    changed = [name for name in before if not torch.equal(state[name], before[name])]
    assert changed == []


def assert_equal_outputs(one, other):
    for level, x in one.features.items():
        assert torch.equal(other.features[level], x)
    for name in ("cls", "box"):
        pairs = zip(getattr(one.responses, name), getattr(other.responses, name), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    assert torch.equal(one.responses.anchors, other.responses.anchors)


@pytest.mark.parametrize("granularity", ["layer", "block", "stage"])
@pytest.mark.parametrize("seed", range(4))
def test_an_extracted_network_computes_what_the_activated_supernet_does(
    supernet, spec, random_candidate, images, granularity, seed
):
    candidate = random_candidate(supernet, granularity, seed)
    supernet.eval()
    activate(supernet, candidate)
    with torch.no_grad():
        network = extract(supernet.state_dict(), spec, candidate)
        assert not network.training
        assert_equal_outputs(network(images), supernet(images))


def test_candidates_differ_in_what_they_compute(supernet, images):
    """Else the test above would hold for a supernet that ignores its candidates."""
    supernet.eval()
    maps = []
    for method in METHODS:
        activate(supernet, Candidate({"layer/backbone": "real", "layer/backbone.layer3": method}))
        with torch.no_grad():
            maps.append(supernet(images).features["p4"])
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (maps[one] - maps[other]).abs().max() > 1e-2


def test_an_extracted_network_holds_no_unused_branch(supernet, spec, random_candidate):
    candidate = random_candidate(supernet, "layer", seed=0)
    state = extract(supernet.state_dict(), spec, candidate).state_dict()
    chosen = {name: method_of(name, candidate.layers()) for name in searchable_units(supernet)}
    kept = {name.split(".alternatives.")[0]: set() for name in state if ".alternatives." in name}
    for name in state:
        unit, found, rest = name.partition(".alternatives.")
        if found:
            kept[unit].add(rest.partition(".")[0])
    assert kept == {unit: {method} for unit, method in chosen.items()}
    assert set(state) < set(supernet.state_dict())


def test_extraction_and_training_of_the_copy_leave_the_supernet_alone(
    supernet, spec, random_candidate, images, targets
):
    before = snapshot(supernet)
    network = extract(supernet.state_dict(), spec, random_candidate(supernet, "layer", seed=1)).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    sum(network(images, targets).losses.values()).backward()
    optimizer.step()
    assert_same(supernet.state_dict(), before)
    assert all(parameter.grad is None for parameter in supernet.parameters())


def test_extraction_reads_a_state_that_can_not_be_written(supernet, spec, images):
    arrays = {name: tensor.numpy().copy() for name, tensor in supernet.state_dict().items()}
    for array in arrays.values():
        array.flags.writeable = False
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # told once a process
        state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    network = extract(state, spec, Candidate({"layer/backbone": "sign"})).train()
    network(images)  # moves the running statistics of the copy
    for name, tensor in supernet.state_dict().items():
        np.testing.assert_array_equal(arrays[name], tensor.numpy())


def test_extraction_draws_no_random_numbers(supernet, spec):
    before = torch.get_rng_state()
    extract(supernet.state_dict(), spec, Candidate({}))
    assert torch.equal(torch.get_rng_state(), before)


def test_an_extracted_network_can_be_extracted_again_and_trained(supernet, spec, images, targets):
    candidate = Candidate({"layer/backbone": "bireal", "layer/backbone.layer2": "real"})
    once = extract(supernet.state_dict(), spec, candidate)
    twice = extract(once.state_dict(), spec, candidate)
    with torch.no_grad():
        assert_equal_outputs(once(images), twice(images))
    assert all(parameter.requires_grad and not parameter.is_meta for parameter in twice.parameters())
    sum(twice.train()(images, targets).losses.values()).backward()


def test_a_unit_outside_every_prefix_is_real_and_stays_so(spec):
    network = build_supernet(spec, {"backbone.layer4": METHODS})
    units = searchable_units(network)
    assert {tuple(unit.alternatives) for name, unit in units.items() if "layer4" not in name} == {("real",)}
    activate(network, Candidate({"layer/backbone.layer4": "sign"}))
    active = {name: unit.active for name, unit in units.items()}
    assert active == {name: "sign" if "layer4" in name else "real" for name in units}


def test_the_longest_prefix_decides_what_a_unit_offers(spec):
    keep = "backbone.layer1.0.conv1"
    network = build_supernet(spec, {"backbone": METHODS, keep: ("real",), "backbone.layer1": ("real", "sign")})
    offered = {name: tuple(unit.alternatives) for name, unit in searchable_units(network).items()}
    assert offered[keep] == ("real",)
    assert offered["backbone.layer1.0.conv2"] == ("real", "sign")
    assert offered["backbone.layer2.0.conv1"] == METHODS


def test_a_unit_that_is_kept_real_refuses_another_method(spec):
    network = build_supernet(spec, {"backbone": METHODS, "backbone.layer1": ("real",)})
    with pytest.raises(ValueError, match="This unit offers real; 'sign' was asked for"):
        activate(network, Candidate({"layer/backbone": "sign"}))
    activate(network, Candidate({"layer/backbone": "sign", "layer/backbone.layer1": "real"}))
    with pytest.raises(ValueError, match="The state lacks"):
        extract(network.state_dict(), spec, Candidate({"layer/backbone": "sign"}))


def test_a_layer_that_a_candidate_does_not_name_becomes_real_again(supernet):
    activate(supernet, Candidate({"layer/backbone": "sign"}))
    activate(supernet, Candidate({"layer/backbone.layer2": "bireal"}))
    active = {name: unit.active for name, unit in searchable_units(supernet).items()}
    assert active == {name: "bireal" if "layer2" in name else "real" for name in active}


def test_a_layer_that_the_detector_lacks_is_named(spec):
    with pytest.raises(
        ValueError, match=r"has no layer called backbone\.layer9, neck\. Did you mean 'backbone\.layer\d'\?"
    ):
        build_fixed(spec, Candidate({"layer/backbone.layer9": "sign", "layer/neck": "sign", "layer/backbone": "real"}))


def test_inheriting_names_what_is_missing_and_changes_nothing(supernet, spec):
    network = build_fixed(spec, Candidate({"layer/backbone": "sign"}))
    before = snapshot(network)
    state = supernet.state_dict()
    del state["backbone.conv1.weight"], state["norms.p3.weight"]
    with pytest.raises(
        ValueError, match=r"The state lacks 2 tensors of the network, backbone\.conv1\.weight among them"
    ):
        inherit(network, state)
    assert_same(network.state_dict(), before)


def test_inheriting_a_tensor_of_another_shape_is_refused(supernet, spec):
    network = build_fixed(spec, Candidate({}))
    before = snapshot(network)
    state = supernet.state_dict() | {"norms.p3.weight": torch.ones(1)}  # would be spread over all channels
    with pytest.raises(ValueError, match=r"norms\.p3\.weight is \(1,\) in the state and \(16,\) in the network"):
        inherit(network, state)
    assert_same(network.state_dict(), before)
    with pytest.raises(ValueError, match="in the network"):
        extract(supernet.state_dict(), replace(spec, num_classes=4), Candidate({}))


def test_a_supernet_takes_all_that_it_shares_with_its_real_twin(supernet, spec, fixed, images):
    twin = fixed("real", seed=7).eval()
    before = snapshot(supernet)
    left = inherit_shared(supernet, twin.state_dict())
    assert left == [name for name in before if ".alternatives.sign." in name or ".alternatives.bireal." in name]
    assert_same({name: supernet.state_dict()[name] for name in left}, {name: before[name] for name in left})
    activate(supernet.eval(), Candidate({}))
    with torch.no_grad():
        assert_equal_outputs(twin(images), supernet(images))


EVERY = (
    "real",
    "int8",
    "sign",
    "bireal+prelu",
    "react",
    "dbs",
    "adabin",
    "lcb",
    "lcb_dynamic",
    "bireal+pad_minus_one+resilient",
    "react+gate+input_norm",
    "react+normalised",
    "react+bases2",
    "sign+periodic",
)


def test_extracted_networks_compute_what_is_activated_with_every_method(spec, lively, images):
    torch.manual_seed(0)
    supernet = lively(build_supernet(spec, {"backbone": EVERY}))
    names = list(searchable_units(supernet))
    for shift in range(len(EVERY)):
        candidate = Candidate({f"layer/{name}": EVERY[(i + shift) % len(EVERY)] for i, name in enumerate(names)})
        activate(supernet, candidate)
        with torch.no_grad():
            assert_equal_outputs(extract(supernet.state_dict(), spec, candidate)(images), supernet(images))


def test_8_bit_units_start_as_the_twins(spec, fixed, lively, images):
    twin = lively(fixed("real"))
    network = build_fixed(spec, Candidate({"layer/backbone": "int8"})).eval()
    left = inherit_shared(network, twin.state_dict())
    assert [name for name in left if not name.endswith("largest")] == []
    with torch.no_grad():
        for one, other in zip(twin(images).features.values(), network(images).features.values(), strict=True):
            assert (one - other).square().mean() < 0.01 * one.var()


def test_networks_compute_channels_last(supernet, spec, images):
    candidate = Candidate({"layer/backbone": "sign"})
    fixed, taken = build_fixed(spec, candidate), extract(supernet.state_dict(), spec, candidate)
    again = unpacked_network(packed_state(fixed.eval()), spec, candidate)
    for network in (supernet, fixed, taken, again):
        assert network.backbone.layer2[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)
        for maps in network.eval()(images).features.values():
            assert maps.is_contiguous(memory_format=torch.channels_last)
