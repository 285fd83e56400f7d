"""Bi-Real Net's and ReActNet's published state dicts, made here with their names and random values."""

import pytest
import torch
from published_bireal import published_bireal, published_block

from spaces.backbones.resnet import resnet18
from spaces.backbones.vgg import vgg11
from spaces.detectors import searchable_units
from spaces.published.bireal import from_bireal, is_bireal
from spaces.published.pretrained import fill_one_bit, fill_pretrained
from spaces.published.weights import is_counter

REACT_PARTS = {"move0": "shift", "move1": "post.before", "move2": "post.after"}


def filled(state, *methods, fill=fill_pretrained):
    torch.manual_seed(1)
    network = resnet18(0.125, lambda _: methods)
    for unit in searchable_units(network).values():
        unit.split_weight()
    return network, fill(network, from_bireal(state))


@pytest.mark.parametrize("react", [True, False])
def test_every_tensor_lands_and_two_blocks_compute_as_published(react):
    state, method = published_bireal(react=react), "react" if react else "bireal"
    network, report = filled(state, method)
    assert (report.own, report.missing, report.unused) == ((), (), ("fc.weight", "fc.bias"))
    assert (
        len(report.loaded)
        == sum(not is_counter(name) for name in network.state_dict())
        == len([name for name in state if not is_counter(name) and not name.startswith("fc.")])
    )
    own, inside = network.state_dict(), f"layer2.0.conv2.alternatives.{method}"
    weight = state["layer2.1.binary_conv.weight" if react else "layer2.1.binary_conv.weights"]
    assert torch.equal(own["layer2.0.conv2.weight"].flatten(), weight.flatten())
    assert torch.equal(own[f"{inside}.bn.running_var"], state["layer2.1.bn1.running_var"])
    assert torch.equal(own["layer2.0.conv1.shortcut.1.weight"], state["layer2.0.downsample.1.weight"])
    assert torch.equal(own["layer2.0.conv1.shortcut.2.bias"], state["layer2.0.downsample.2.bias"])
    assert torch.equal(own["bn1.running_mean"], state["bn1.running_mean"])
    for theirs, ours in REACT_PARTS.items() if react else ():
        assert torch.equal(own[f"{inside}.{ours}.bias"], state[f"layer2.1.{theirs}.bias"].flatten())
    x = torch.randn(2, 8, 12, 12, generator=torch.Generator().manual_seed(2))
    expected = published_block(state, "layer2.1", published_block(state, "layer2.0", x, 2), 1)
    torch.testing.assert_close(network.eval().layer2[0](x), expected)


def test_a_file_of_a_wrapped_network_is_known_by_its_names():
    state = {f"module.{name}": tensor for name, tensor in published_bireal(react=True).items()}
    assert is_bireal(state)
    network, report = filled(state, "react")
    assert torch.equal(network.conv1.weight, state["module.conv1.weight"])
    assert (report.own, report.unused) == ((), ("module.fc.weight", "module.fc.bias"))
    assert not is_bireal({"conv1.weight", "layer1.0.conv1.weight"})


def test_other_methods_take_what_is_theirs_too():
    state = published_bireal(react=True)
    weight, norm = state["layer1.0.binary_conv.weight"], state["layer1.0.bn1.weight"]
    network, report = filled(state, "real", "bireal+learned_scale+prelu", "dbs", "lcb")
    unit = searchable_units(network)["layer1.0.conv1"]
    assert torch.equal(unit.weight, weight)
    assert torch.equal(unit.one_bit_weight, weight)
    one, dbs, lcb = (unit.alternatives[name] for name in ("bireal+learned_scale+prelu", "dbs", "lcb"))
    torch.testing.assert_close(one.scale, weight.abs().mean((1, 2, 3)))
    assert torch.equal(one.bn.weight, norm)
    assert torch.equal(dbs.logits.sign(), weight.sign())
    assert torch.equal(lcb.post.after.bias, state["layer1.0.move2.bias"].flatten())
    assert torch.equal(unit.alternatives["real"].bn.weight, torch.ones(8))
    assert "layer1.0.conv1.alternatives.real.bn.weight" in report.own
    assert "layer1.0.conv1.alternatives.dbs.logits" in report.own


def test_a_supernet_of_two_weights_keeps_what_real_layers_compute_with():
    state = published_bireal(react=True)
    torch.manual_seed(1)
    before = resnet18(0.125, lambda _: ("real", "int4", "react", "dbs")).state_dict()
    network, copied = filled(state, "real", "int4", "react", "dbs", fill=fill_one_bit)
    after = network.state_dict()
    kept = [name for name in before if ".react." not in name and ".dbs." not in name]
    assert all(torch.equal(after[name], before[name]) for name in kept)
    assert set(copied).isdisjoint(kept)
    assert torch.equal(after["layer4.1.conv2.one_bit_weight"], state["layer4.3.binary_conv.weight"])
    assert torch.equal(after["layer4.1.conv2.alternatives.react.post.prelu.weight"], state["layer4.3.prelu.weight"])
    logits = after["layer4.1.conv2.alternatives.dbs.logits"]
    assert torch.equal(logits.sign(), state["layer4.3.binary_conv.weight"].sign())
    with pytest.raises(ValueError, match=r"its tensor conv1\.weight is"):
        fill_one_bit(resnet18(0.25, lambda _: ("react",)), from_bireal(state))


def whole(state):
    state["layer1.0.binary_conv.weight"] = state["layer1.0.binary_conv.weight"].to(torch.int8)


def cut(state):
    state["layer1.0.binary_conv.weights"] = state.pop("layer1.0.binary_conv.weight").flatten()[:-1]


def wider(state):
    state.update(published_bireal(16, react=True))


@pytest.mark.parametrize(
    ("change", "build", "message"),
    [
        (whole, resnet18, "Its tensor layer1.0.binary_conv.weight holds whole numbers: weights must be real numbers."),
        (cut, resnet18, "A tensor of 575 values, binary_conv.weights, can't be the 3x3 kernels of the BatchNorm"),
        (
            wider,
            resnet18,
            "It is a ReActNet as published, and its tensor conv1.weight is (16, 3, 7, 7), the",
        ),
        (dict, vgg11, "It is a ReActNet as published, and lacks 12 of the 12 tensors that the layers of the backbone"),
    ],
)
def test_what_fits_no_backbone_is_refused_and_nothing_copied(change, build, message):
    state, network = published_bireal(react=True), build(0.125, lambda _: ("react",))
    change(state)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(ValueError) as raised:
        fill_pretrained(network, from_bireal(state))
    assert str(raised.value).startswith(message)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
