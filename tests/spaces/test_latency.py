import hashlib
import json
from dataclasses import replace

import pytest

from spaces.candidate import Candidate
from spaces.cost_table import CostTable
from spaces.detectors import DetectorSpec
from spaces.latency import LatencyError, LatencyTable, Seam
from tests.parts.latency_tables import SPEC, made_up_table

CHOICES = {"backbone.layer1": ("real", "sign"), "backbone.layer1.1": ("int8", "sign")}


def test_a_candidates_time_is_the_rest_the_fixed_layers_and_one_time_for_each_unit():
    """Real layers take 1 ms, int8 0.5, sign 0.25: layer1 has two blocks of two units, of which one is a knob's own."""
    table = made_up_table({"real": 1.0, "int8": 0.5, "sign": 0.25}, rest=2.0)
    costs = CostTable.of(SPEC, CHOICES, table)
    real = 2.0 + len(table.layers)
    chosen = Candidate({"layer/backbone.layer1": "sign", "layer/backbone.layer1.1": "int8"})
    assert costs.costs(chosen)["latency_ms"] == pytest.approx(real - 2 * 0.75 - 2 * 0.5, abs=1e-9)
    assert costs.costs(Candidate({}))["latency_ms"] == pytest.approx(real, abs=1e-9)
    assert costs.least()["latency_ms"] == pytest.approx(real - 4 * 0.75, abs=1e-9)


SEAM = Seam(
    "backbone.layer1.0.conv1",
    "backbone.layer1.0.conv2",
    {"real": {"real": -0.5, "sign": 0.125}, "sign": {"real": 0.25, "sign": -0.0625}},
)


def test_what_lies_between_two_layers_is_added_by_the_methods_of_both():
    """A block's two layers have one knob, or a knob each; all layers take 1 ms as real and 0.25 as sign."""
    table = replace(made_up_table({"real": 1.0, "sign": 0.25}), seams=(SEAM,))
    layers = len(table.layers)
    block = CostTable.of(SPEC, {"backbone.layer1.0": ("real", "sign")}, table)
    assert block.costs(Candidate({}))["latency_ms"] == layers - 0.5
    assert block.costs(Candidate({"layer/backbone.layer1.0": "sign"}))["latency_ms"] == layers - 1.5 - 0.0625
    assert block.least()["latency_ms"] == layers - 1.5 - 0.0625
    each = CostTable.of(SPEC, dict.fromkeys((SEAM.before, SEAM.after), ("real", "sign")), table)
    mixed = Candidate({f"layer/{SEAM.before}": "real", f"layer/{SEAM.after}": "sign"})
    assert each.costs(mixed)["latency_ms"] == layers - 0.75 + 0.125
    assert sum(one.latency_ms for one in each.shares() if one.method in ("real", "Conv2d")) == layers


def test_without_a_table_there_is_no_time():
    assert "latency_ms" not in CostTable.of(SPEC, CHOICES).costs(Candidate({}))


def test_a_method_that_was_not_measured_is_named_with_its_layer():
    with pytest.raises(ValueError, match=r"latency_ms of backbone\.layer1\.0\.conv1 as sign isn't known: it has real"):
        CostTable.of(SPEC, CHOICES, made_up_table({"real": 1.0, "int8": 0.5}))


def test_a_table_of_another_detector_says_in_what_it_differs():
    table = made_up_table({"real": 1.0, "sign": 0.25})
    with pytest.raises(LatencyError, match="of another detector: image_size 96, not 128"):
        CostTable.of(replace(SPEC, image_size=128), {"backbone": ("sign",)}, table)


def test_a_file_gives_back_the_table():
    table = made_up_table({"real": 1.0, "sign": 1 / 3}, about={"processor": "a machine", "threads": 1})
    table = replace(table, seams=(SEAM,))
    assert LatencyTable.from_text(table.text()) == table
    assert isinstance(LatencyTable.from_text(table.text()).detector, DetectorSpec)


def test_a_file_of_before_has_no_seams():
    content = json.loads(made_up_table({"real": 1.0, "sign": 0.25}).text())
    old = {name: value for name, value in content.items() if name not in ("seams", "sha256")} | {"version": 1}
    digest = hashlib.sha256(json.dumps(old, sort_keys=True).encode()).hexdigest()
    assert LatencyTable.from_text(json.dumps(old | {"sha256": digest})) == made_up_table({"real": 1.0, "sign": 0.25})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:-20], "no JSON"),
        (lambda text: json.dumps([1]), "no table of times"),
        (lambda text: json.dumps({"kind": "detector"}), "no table of times"),
        (lambda text: text.replace('"version": 2', '"version": 7'), "version 7; this Bitfront reads 1 and 2"),
        (lambda text: text.replace("0.25", "0.24", 1), "changed or damaged"),
    ],
)
def test_anything_else_is_refused(change, said):
    with pytest.raises(LatencyError, match=said):
        LatencyTable.from_text(change(made_up_table({"real": 1.0, "sign": 0.25}).text()))
