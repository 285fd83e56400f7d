import itertools
import random
import time
from dataclasses import replace

import pytest
import torch

from spaces.candidate import ALL_REAL, Candidate
from spaces.cost import layer_costs, totals
from spaces.cost_table import CostTable
from spaces.detectors import DETECTORS, DetectorSpec, build_detector, openable, searchable_units
from spaces.space import Knob, SearchSpace
from spaces.supernet import build_fixed
from spaces.without_values import without_values

METHODS = ("real", "int8", "sign", "bireal+learned_scale", "react+gate", "dbs", "dbs+hard", "adabin", "lcb_dynamic")
METHODS += ("sign+bases2",)


def counted(spec, candidate):
    """The rows of the counting pass, on a network that is built in memory."""
    return layer_costs(build_fixed(spec, candidate), [torch.zeros(3, *spec.input_size)])


def assert_equal_costs(table, spec, candidate):
    rows = counted(spec, candidate)
    assert table.layers(candidate) == rows
    expected = totals(rows).as_dict()
    costs = table.costs(candidate)
    assert 0 < costs.pop("size_mb") < float("inf")
    assert costs == expected | {"memory_mb": expected["memory_bits"] / 8e6}


def random_space(spec, rng):
    """Knobs of mixed granularity, some layers always real, and some of the parts that can be opened."""
    with without_values():
        network = build_detector(spec, lambda _: ("real",))
    prefixes = {name.rsplit(".", rng.randint(0, 2))[0] for name in searchable_units(network) if rng.random() < 0.8}
    groups = openable(network)
    opened = [group for group in groups if rng.random() < 0.6]
    opened += [name for names in groups.values() for name in names if rng.random() < 0.3]
    methods = rng.sample(METHODS, 4)
    knobs = [Knob(f"layer/{prefix}", tuple(rng.sample(methods, 2))) for prefix in [*sorted(prefixes), *opened]]
    knobs += [Knob("teacher/hint", ("none", "twin")), Knob("weight/hint", (0.1, 1.0))]
    return SearchSpace(knobs)


@pytest.mark.parametrize("detector", sorted(DETECTORS))
def test_the_table_equals_the_counting_pass_for_random_candidates(detector):
    rng = random.Random(detector)
    heads = rng.choice(DETECTORS[detector].heads)
    size = max(DETECTORS[detector].sizes[0], rng.choice([96, 128]))
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=size, width=0.125, heads=heads)
    space = random_space(spec, rng)
    table = CostTable.of(spec, space)
    for candidate in (space.sample(rng), space.sample(rng)):
        assert_equal_costs(table, spec, candidate)


@pytest.mark.parametrize("detector", ["faster_rcnn_resnet18", "gfl_resnet18"])
def test_images_of_their_own_shapes_cost_what_the_largest_one_does(detector):
    """Of 96 x 150 pixels, padded to 96 x 160, as on a square of 96 wide by 5 / 3."""
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=96, width=0.125)
    wide = replace(spec, resize="shortest_edge", longest=150)
    tables = [CostTable.of(one, {"backbone": ("real", "sign")}) for one in (wide, spec)]
    candidate = Candidate({"layer/backbone": "sign"})
    assert_equal_costs(tables[0], wide, candidate)
    stems = [next(row.macs for row in table.layers(candidate) if row.name == "backbone.conv1") for table in tables]
    assert stems[0] * 3 == stems[1] * 5


def test_layers_that_a_candidate_does_not_name_are_real_or_follow_a_shorter_prefix(spec):
    choices = {"backbone": ("sign", "int8"), "backbone.layer2": ("react", "sign"), "backbone.layer2.0": ("react",)}
    table = CostTable.of(spec, choices)
    for layers in (
        {},
        {"backbone": "sign", "backbone.layer2.0": "real"},
        {"backbone.layer2": "react"},
        {"backbone": "int8", "backbone.layer2": "sign", "backbone.layer2.0": "react"},
        {"backbone.layer2": "sign", "backbone.layer2.0": "react"},
        {"backbone.layer2.1.conv1": "sign"},  # no knob of the table, but a layer that was measured with this method
    ):
        assert_equal_costs(table, spec, Candidate({f"layer/{name}": method for name, method in layers.items()}))


def test_a_group_costs_the_sum_of_its_layers_but_for_those_with_a_knob_of_their_own(spec):
    head = "cls_heads.1.2"
    table = CostTable.of(spec, {"heads.cls": ("real", "int8"), head: ("real", "sign"), "stem": ("int8",)})
    for group, own in itertools.product(("real", "int8"), ("real", "sign")):
        candidate = Candidate({"layer/heads.cls": group, f"layer/{head}": own, "layer/stem": "int8"})
        assert_equal_costs(table, spec, candidate)
    cheapest, dearest = table.ends()
    assert cheapest.layers() == {"heads.cls": "int8", head: "sign", "stem": "int8"}
    assert dearest.layers() == {"heads.cls": "real", head: "real", "stem": "int8"}


def test_terms_cost_nothing(spec):
    table = CostTable.of(spec, {"backbone": ("sign",)})
    binary = Candidate({"layer/backbone": "sign"})
    taught = binary.replace({"teacher/hint": "twin", "weight/hint": 0.5})
    assert table.costs(taught) == table.costs(binary)


def test_a_dynamic_shortcut_inside_a_dynamic_unit_keeps_the_order_of_the_rows(spec):
    shortcut = "backbone.layer2.0.conv1.shortcut.1"
    methods = ("real", "lcb_dynamic", "adabin", "int8")
    table = CostTable.of(spec, {"backbone": methods[:3], shortcut: methods})
    for unit, inner in itertools.product(methods[:3], methods):
        assert_equal_costs(table, spec, Candidate({"layer/backbone": unit, f"layer/{shortcut}": inner}))


def test_a_switched_layer_by_hand(spec):
    """layer4.1.conv2: 64 x 64 x 3 x 3 = 36864 weights at 3 x 3 positions; 64 scales, where it isn't real."""
    unit = "backbone.layer4.1.conv2"
    table = CostTable.of(spec, {unit: ("real", "int8", "sign")})
    real, int8, sign = (table.costs(Candidate({f"layer/{unit}": method})) for method in ("real", "int8", "sign"))
    macs = 36864 * 9
    assert real["macs_32bit"] - sign["macs_32bit"] == sign["macs_1bit"] == int8["macs_8bit"] == macs
    assert real["bit_ops"] - sign["bit_ops"] == macs * (32 * 32 - 1)
    assert real["bit_ops"] - int8["bit_ops"] == macs * (32 * 32 - 8 * 8)
    assert real["ops"] - sign["ops"] == macs * (1 - 1 / 64)
    assert real["memory_bits"] - sign["memory_bits"] == 36864 * 31 - 64 * 32
    assert sign["memory_mb"] == sign["memory_bits"] / 8e6


def test_the_least_is_that_of_the_cheapest_of_all_candidates(spec):
    stages = [f"backbone.layer{stage}" for stage in range(1, 5)]
    choices = dict.fromkeys(stages, ("react", "lcb_dynamic")) | {"backbone.conv1": ("real", "int8")}
    space = SearchSpace([Knob(f"layer/{name}", methods) for name, methods in choices.items()])
    table = CostTable.of(spec, space)
    candidates = [
        Candidate({f"layer/{name}": method for name, method in zip(choices, chosen, strict=True)})
        for chosen in itertools.product(*choices.values())
    ]
    assert len(candidates) == 32
    costs = [totals(counted(spec, candidate)).as_dict() for candidate in candidates]
    least = {name: min(figures[name] for figures in costs) for name in costs[0]}
    size = min(table.costs(candidate)["size_mb"] for candidate in candidates)
    assert table.least() == least | {"memory_mb": least["memory_bits"] / 8e6, "size_mb": size}


def test_a_two_stage_detector_is_counted_with_its_proposals():
    spec = DetectorSpec(detector="faster_rcnn_resnet18", num_classes=3, image_size=96, width=0.125)
    table = CostTable.of(spec, {"backbone": ("sign",)})
    assert table.proposals == 300
    rows = [row for row in table.layers(ALL_REAL) if row.name == "roi_heads.box_head.fc6"]
    assert [row.macs for row in rows] == [300 * 32 * 7 * 7 * 128]  # 32 channels of 7 x 7 to 128


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"neck": "sign"}, r"The cost table has no layer called neck\. It has: backbone\.layer1\.0\.conv1, "),
        ({"backbone.conv1": "sign"}, r"The cost table has no layer called backbone\.conv1\."),  # it isn't opened
        ({"backbone": "react"}, r"backbone\.layer1\.0\.conv1 is 'react'; the cost table has real, sign\."),
    ],
)
def test_what_the_table_does_not_hold_is_refused(spec, layers, message):
    table = CostTable.of(spec, {"backbone": ("sign",)})
    candidate = Candidate({f"layer/{name}": method for name, method in layers.items()})
    for read in (table.costs, table.layers):
        with pytest.raises(ValueError, match=message):
            read(candidate)


def test_a_choice_that_names_no_layer_is_refused(spec):
    with pytest.raises(ValueError, match="ssd_resnet18 has no layer called neck"):
        CostTable.of(spec, {"neck": ("sign",)})


def test_a_table_draws_no_random_numbers(spec):
    before = torch.get_rng_state()
    CostTable.of(spec, {"backbone": ("sign", "dbs")})
    assert torch.equal(torch.get_rng_state(), before)


def test_costs_of_sixty_knobs_take_microseconds():
    """Some tens; a counting pass takes some hundred thousand."""
    spec = DetectorSpec(detector="gfl_resnet50", num_classes=3, image_size=96, width=0.125)
    with without_values():
        units = list(searchable_units(build_detector(spec, lambda _: ("real",))))[:60]
    table = CostTable.of(spec, dict.fromkeys(units, ("real", "sign")))
    candidate = Candidate({f"layer/{unit}": "sign" for unit in units})
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        table.costs(candidate)
        seconds.append(time.perf_counter() - start)
    assert len(units) == 60
    assert min(seconds) < 0.001


def test_the_shares_that_a_candidate_chooses_add_up_to_its_costs(spec):
    space = random_space(spec, random.Random(5))
    table = CostTable.of(spec, space)
    for seed in range(3):
        candidate = space.sample(random.Random(seed))
        chosen = [one for one in table.shares() if not one.choice or candidate[one.choice] == one.method]
        assert len(chosen) == len({one.layer for one in table.shares()})
        costs = table.costs(candidate)
        for name in ("bit_ops", "ops", "memory_bits"):
            assert sum(getattr(one, name) for one in chosen) == pytest.approx(costs[name])
        assert sum(one.macs for one in chosen) == sum(value for name, value in costs.items() if "macs" in name)


def test_a_share_says_what_decides_on_its_layer(spec):
    table = CostTable.of(spec, {"backbone.layer4": ("sign", "int8"), "stem": ("int8",)})
    shares = {(one.layer, one.method): one for one in table.shares()}
    sign = shares["backbone.layer4.1.conv2", "sign"]
    assert (sign.choice, sign.kind, sign.macs, sign.bit_ops) == ("layer/backbone.layer4", "block", 331776, 331776)
    assert (shares["backbone.conv1", "int8"].choice, shares["backbone.conv1", "int8"].kind) == ("layer/stem", "stem")
    unnamed = shares["backbone.layer1.0.conv1", "real"]
    assert (unnamed.choice, unnamed.kind) == ("", "block")
    assert shares["backbone.bn1", "BatchNorm2d"].kind == "fixed"
