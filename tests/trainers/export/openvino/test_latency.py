import itertools
import time
from types import SimpleNamespace

import numpy as np
import pytest

from spaces.candidate import Candidate
from spaces.cost_table import CostTable
from spaces.detectors import DetectorSpec

pytest.importorskip("openvino", reason="OpenVINO isn't installed.")

from trainers.export.openvino.latency import Settings, fit, measured_table
from trainers.export.openvino.layer_times import layer_times
from trainers.export.openvino.places import neighbours, places
from trainers.export.openvino.random_network import described
from trainers.export.openvino.timing import BURST, times

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, width=0.125)
SIGN = Candidate({"layer/backbone.layer4": "sign"})


def test_each_round_runs_all_in_turn_and_the_least_counts():
    order = []
    found = times([lambda: order.append("a"), lambda: order.append("b")], rounds=3)
    assert "".join(order) == ("a" * BURST + "b" * BURST) * 3
    assert all(one.ms <= one.low <= one.high for one in found)


def test_rounds_go_on_until_the_time_is_over(monkeypatch):
    """The clock goes on by a second whenever it is asked for the end."""
    clock = SimpleNamespace(monotonic=itertools.count().__next__, process_time_ns=time.process_time_ns)
    monkeypatch.setattr("trainers.export.openvino.timing.time", clock)
    order = []
    times([lambda: order.append("a"), lambda: order.append("b")], rounds=2, seconds=4)
    assert "".join(order) == ("a" * BURST + "b" * BURST) * 5  # two rounds, and one at each of 1, 2 and 3 seconds


def test_rest_and_factors_of_networks_that_are_sums():
    sums = np.array([[4.0, 0, 1, 0], [2, 1, 1, -1], [1, 3, 0, 0], [0, 1, 3, -2], [1, 1, 1, 1], [3, 2, 2, -1]])
    rest, factors = fit(sums, 0.5 + sums @ [2.0, 2.0, 2.0, 2.0])
    assert rest == pytest.approx(0.5)
    assert factors == pytest.approx([2, 2, 2, 2])


def test_of_a_single_network_the_factors_are_one():
    rest, factors = fit(np.array([[3.0, 0, 0, 1]]), [4.5])
    assert rest == pytest.approx(0.5)
    assert factors.tolist() == [1, 1, 1, 1]


def test_where_a_factor_came_out_negative_all_are_the_same():
    """Networks on bits got faster with more of them: by a common factor the three are 1 + 1 x the sum, on average."""
    sums = np.array([[1.0, 0, 1, 0], [1, 0, 2, 0], [1, 0, 3, 0], [6, 0, 1, 0]])
    rest, factors = fit(sums, [3.0, 2.9, 2.8, 8.0])
    assert factors.min() == pytest.approx(factors.max(), rel=1e-4)
    assert factors.min() > 0
    assert rest > 0


def keys_of(*choices):
    """The key of the same layer in networks with these choices."""
    found = [places(described(SPEC, Candidate(dict(one)))) for one in choices]
    return [{place.layer.name: place.key for place in own} for own in found]


def test_layers_that_differ_in_values_alone_are_measured_once():
    [keys] = keys_of({"layer/backbone.layer1": "sign"})
    assert keys["backbone.layer1.0.conv1"] == keys["backbone.layer1.1.conv1"]
    assert keys["backbone.layer1.0.conv1"] != keys["backbone.layer2.1.conv1"]


def test_signs_with_a_post_activation_a_gate_or_moving_thresholds_are_measured_by_themselves():
    """bireal computes what sign does, and dbs what react does: only their values differ."""
    methods = ("sign", "bireal", "react", "dbs", "lcb_dynamic", "sign+gate", "sign+bases2")
    found = keys_of(*({"layer/backbone.layer4": method} for method in methods))
    sign, bireal, react, dbs, moving, gated, two = (keys["backbone.layer4.1.conv1"] for keys in found)
    assert sign == bireal
    assert react == dbs
    assert len({sign, react, moving, gated, two}) == 5


def test_neighbours_are_layers_that_read_each_other_and_shortcuts_beside_their_layers():
    """layer2 begins with a shortcut of its own, which reads what its layer reads: layer1's last."""
    one = described(SPEC, SIGN)
    named = [place.layer.name for place in places(one)]
    pairs = {(named[edge.before], named[edge.after]): edge for edge in neighbours(one)}
    last, layer = "backbone.layer1.1.conv2", "backbone.layer2.0.conv1"
    shortcut = f"{layer}.shortcut.1"
    assert not pairs[last, layer].joined
    assert not pairs[last, shortcut].joined
    assert pairs[shortcut, layer].joined
    assert (shortcut, "backbone.layer2.0.conv2") not in pairs
    assert [step.operator for step in pairs["backbone.conv1", "backbone.layer1.0.conv1"].between]


def test_every_layer_has_a_time_as_real_and_with_what_it_is_offered():
    found = layer_times(SPEC, {"backbone.layer4": ("sign",), "shortcuts": ("int8",)}, rounds=1, seconds=0, threads=1)
    assert set(found.layers["backbone.layer4.0.conv1"]) == {"real", "sign"}
    assert set(found.layers["backbone.layer4.0.conv1.shortcut.1"]) == {"real", "int8"}
    assert set(found.layers["backbone.layer1.0.conv1"]) == set(found.layers["backbone.conv1"]) == {"real"}
    seams = {(seam.before, seam.after): seam.ms for seam in found.seams}
    assert set(seams["backbone.layer4.0.conv1", "backbone.layer4.0.conv2"]) == {"real", "sign"}
    assert set(seams["backbone.layer4.0.conv1.shortcut.1", "backbone.layer4.0.conv1"]["int8"]) == {"real", "sign"}
    assert set(seams["backbone.conv1", "backbone.layer1.0.conv1"]) == {"real"}
    assert found.graphs < sum(map(len, found.layers.values())) + sum(
        len(after) for ms in seams.values() for after in ms.values()
    )


def test_a_table_predicts_what_its_check_says():
    choices = {"backbone.layer4": ("real", "sign")}
    table, checked = measured_table(SPEC, choices, [Candidate({})], [SIGN], Settings(rounds=1, seconds=0))
    assert CostTable.of(SPEC, choices, table).costs(SIGN)["latency_ms"] == pytest.approx(checked[0].predicted, abs=1e-3)
    assert checked[0].measured.ms > 0
    assert table.about["threads"] == 1
