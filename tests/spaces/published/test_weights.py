import pytest
import torch
import torchvision

from spaces.backbones.mobilenet_v2 import mobilenet_v2
from spaces.detectors import searchable_units
from spaces.published.weights import load_pretrained, read_state

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
        assert f"{UNIT}.weight" not in report.unused
        assert f"{UNIT}.alternatives.real.bn.weight" in report.unused
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


def test_a_file_is_read_without_unpickling_objects(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.ones(2)}, path)
    assert torch.equal(read_state(path)["a"], torch.ones(2))
    torch.save({"a": "text"}, path)
    with pytest.raises(ValueError, match=r"weights\.pth holds no tensors by name"):
        read_state(path)
    torch.save({"a": object()}, path)
    with pytest.raises(ValueError, match=r"weights\.pth is damaged, or holds more than tensors"):
        read_state(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"weights\.pth is damaged"):
        read_state(path)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {3: torch.zeros(1)},
        {"a": torch.zeros(1).to_sparse()},
        {"a": torch.zeros(1, dtype=torch.complex64)},
        {"a": torch.tensor([float("nan")])},
    ],
    ids=["empty", "numbered", "sparse", "complex", "nan"],
)
def test_tensors_that_no_network_can_take_are_refused(tmp_path, state):
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"weights\.pth (holds no tensors by name|is damaged: a has values)"):
        read_state(tmp_path / "weights.pth")
