import pytest
import torch

from spaces.detectors import DetectorOutput, Responses, collect_traces, searchable_units, traced
from spaces.layers.signs import sign
from spaces.supernet import activate


def test_units_come_by_name_in_the_order_of_the_network(supernet):
    names = list(searchable_units(supernet))
    assert names[:3] == [f"backbone.layer1.{unit}" for unit in ("0.conv1", "0.conv2", "1.conv1")]
    assert len(names) == 16


def test_traces_are_filled_inside_traced_and_cleared_after(supernet, random_candidate, images):
    candidate = random_candidate(supernet, "layer", seed=3)
    activate(supernet, candidate)
    assert supernet(images).layers == {}
    with traced(supernet):
        layers = supernet(images).layers
        units = searchable_units(supernet)
        binary = [name for name, method in candidate.layers().items() if method != "real"]
        assert sorted(layers) == sorted(binary)
        for name, trace in layers.items():
            assert trace.weight is units[name].weight
            assert torch.equal(trace.binary_input, sign(trace.pre_sign))
            assert torch.equal(trace.binary_weight, sign(trace.weight))
            torch.testing.assert_close(trace.scale.flatten(), trace.weight.abs().flatten(1).mean(1))
    assert collect_traces(supernet) == {}
    assert supernet(images).layers == {}


def test_traces_of_an_all_real_network_are_empty(fixed, images):
    network = fixed("real")
    with traced(network):
        assert network(images).layers == {}


def test_no_stale_trace_is_left_when_a_unit_becomes_real_inside_traced(supernet, images):
    units = searchable_units(supernet).values()
    with traced(supernet):
        for unit in units:
            unit.activate("sign")
        assert len(supernet(images).layers) == 16
        for unit in units:
            unit.activate("real")
        assert supernet(images).layers == {}


def test_tracing_ends_when_the_work_inside_raises(supernet, images):
    with pytest.raises(TypeError), traced(supernet):
        supernet(images, None, None, "one argument too many")
    assert not any(unit.tracing for unit in searchable_units(supernet).values())


def test_detections_are_decoded_once_when_first_asked_for_and_without_gradients():
    calls = []

    def decode():
        calls.append(torch.is_grad_enabled())
        return [{"boxes": torch.zeros(0, 4)}]

    output = DetectorOutput({}, Responses([], [], torch.zeros(0, 4), "softmax", 0), decode)
    assert calls == []
    assert output.detections is output.detections
    assert calls == [False]


def test_without_targets_nobody_knows_what_the_anchors_must_say(fixed, images, targets):
    student = fixed("real")
    with pytest.raises(ValueError, match=r"The output holds no targets.*: run the detector with them"):
        _ = student(images).assignment
    output = student(images, targets)
    assert output.assignment is output.assignment
    assert output.assignment.labels.shape == output.assignment.box.shape[:2] == (2, len(output.responses.anchors))
