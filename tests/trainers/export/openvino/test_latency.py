import numpy as np
import pytest

from spaces.candidate import Candidate
from spaces.cost_table import CostTable
from spaces.detectors import DetectorSpec

pytest.importorskip("openvino", reason="OpenVINO isn't installed.")

from trainers.export.openvino.latency import Settings, fit, measured_table
from trainers.export.openvino.layer_times import Place, layer_times
from trainers.export.openvino.random_network import described
from trainers.export.openvino.timing import BURST, times

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, width=0.125)
SIGN = Candidate({"layer/backbone.layer4": "sign"})


def test_each_round_runs_all_in_turn_and_the_least_counts():
    order = []
    found = times([lambda: order.append("a"), lambda: order.append("b")], rounds=3)
    assert "".join(order) == ("a" * BURST + "b" * BURST) * 3
    assert all(one.ms <= one.low <= one.high for one in found)


def test_rest_and_factors_of_networks_that_are_sums():
    sums = np.array([[4.0, 0, 1], [2, 1, 1], [1, 3, 0], [0, 1, 3], [1, 1, 1], [3, 2, 2]])
    rest, factors = fit(sums, 0.5 + sums @ [2.0, 2.0, 2.0])
    assert rest == pytest.approx(0.5)
    assert factors == pytest.approx([2, 2, 2])


def test_of_a_single_network_the_factors_are_one():
    rest, factors = fit(np.array([[3.0, 0, 0]]), [3.5])
    assert rest == pytest.approx(0.5)
    assert factors.tolist() == [1, 1, 1]


def test_layers_that_differ_in_values_alone_are_measured_once():
    layers = described(SPEC, Candidate({"layer/backbone.layer1": "sign"})).layers
    first, second = (layers[f"backbone.layer1.{block}.conv1"] for block in (0, 1))
    keys = {Place(one.name, one.method, one, (1, 8, 16, 16), 0).key for one in (first, second)}
    assert len(keys) == 1
    assert Place(first.name, first.method, first, (1, 8, 8, 8), 0).key not in keys


def test_every_layer_has_a_time_as_real_and_with_what_it_is_offered():
    found = layer_times(SPEC, {"backbone.layer4": ("sign",), "shortcuts": ("int8",)}, rounds=1, threads=1)
    assert set(found.layers["backbone.layer4.0.conv1"]) == {"real", "sign"}
    assert set(found.layers["backbone.layer4.0.conv1.shortcut.1"]) == {"real", "int8"}
    assert set(found.layers["backbone.layer1.0.conv1"]) == set(found.layers["backbone.conv1"]) == {"real"}
    assert found.graphs < sum(map(len, found.layers.values()))


def test_a_table_predicts_what_its_check_says():
    choices = {"backbone.layer4": ("real", "sign")}
    table, checked = measured_table(SPEC, choices, [Candidate({})], [SIGN], Settings(rounds=1))
    assert CostTable.of(SPEC, choices, table).costs(SIGN)["latency_ms"] == pytest.approx(checked[0].predicted, abs=1e-3)
    assert checked[0].measured.ms > 0
    assert table.about["threads"] == 1
