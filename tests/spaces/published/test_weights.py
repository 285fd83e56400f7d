import pytest
import torch
import torchvision

from spaces.backbones.mobilenet_v2 import mobilenet_v2
from spaces.detectors import searchable_units
from spaces.published.weights import load_pretrained

UNIT = "stage2.0.expand"
PUBLISHED = "features.2.conv.0.0.weight"


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return torchvision.models.mobilenet_v2().state_dict()


def build(*methods):
    torch.manual_seed(1)
    return mobilenet_v2(1.0, lambda _: methods)


def test_a_supernet_takes_weights_and_what_is_derived_from_them(state):
    network = build("real", "int8", "bireal", "bireal+learned_scale", "dbs")
    report = load_pretrained(network, state)
    assert report.complete
    unit, weight = searchable_units(network)[UNIT], state[PUBLISHED]
    assert torch.equal(unit.weight, weight)
    torch.testing.assert_close(unit.alternatives["bireal+learned_scale"].scale, weight.abs().flatten(1).mean(1))
    assert torch.equal(unit.alternatives["dbs"].logits.sign(), weight.sign())
    assert f"{UNIT}.alternatives.int8.bn.weight" in report.loaded
    assert f"{UNIT}.alternatives.bireal.bn.weight" in report.own
    assert f"{UNIT}.alternatives.int8.largest" in report.own
    assert report.unused == ("classifier.1.weight", "classifier.1.bias")


def test_int8_starts_from_the_real_batch_norm(state):
    network, changed = build("int8"), dict(state)
    changed["features.2.conv.0.1.running_mean"] = torch.arange(96.0)
    load_pretrained(network, changed)
    assert torch.equal(searchable_units(network)[UNIT].alternatives["int8"].bn.running_mean, torch.arange(96.0))


def test_a_network_of_1_bit_units_takes_the_weights_and_says_what_it_left(state):
    for method in ("sign", "dbs"):
        network = build(method)
        report = load_pretrained(network, state)
        assert report.complete
        assert PUBLISHED not in report.unused
        assert "features.2.conv.0.1.weight" in report.unused
        assert "stem.conv.weight" in report.loaded


def test_what_the_checkpoint_lacks_is_named(state):
    partial = {name: tensor for name, tensor in state.items() if not name.startswith("features.18.")}
    report = load_pretrained(build("real"), partial)
    assert not report.complete
    assert report.missing[0] == "head.0.conv.weight"
    assert len(report.missing) == 5


def test_another_width_is_refused_and_nothing_copied(state):
    network = mobilenet_v2(0.5, lambda _: ("real",))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(
        ValueError, match=r"stem\.conv\.weight is \(32, 3, 3, 3\) in the checkpoint and \(16, 3, 3, 3\) in the network"
    ):
        load_pretrained(network, state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_a_checkpoint_of_another_network_is_refused():
    with pytest.raises(ValueError, match=r"No tensor of the checkpoint fits the network\. It holds a\.weight, b"):
        load_pretrained(build("real"), {"a.weight": torch.zeros(1), "b": torch.zeros(1)})


@pytest.mark.parametrize(("dtype", "kind"), [(torch.int8, "int8"), (torch.bool, "bool")])
def test_whole_numbers_are_no_weights(state, dtype, kind):
    network, changed = build("real"), dict(state)
    changed[PUBLISHED] = changed[PUBLISHED].to(dtype)
    before = network.stem.conv.weight.clone()
    with pytest.raises(
        ValueError, match=rf"{UNIT}\.weight is of {kind} in the checkpoint: weights must be real numbers"
    ):
        load_pretrained(network, changed)
    assert torch.equal(network.stem.conv.weight, before)
