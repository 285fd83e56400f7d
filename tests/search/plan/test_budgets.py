"""A search whose budgets leave no candidate would score to the end for an empty front."""

import itertools

import pytest
import torch

from search.config import ConfigError, load_config
from search.plan.budgets import check_budgets, least_costs
from search.plan.initial_candidates import first_tried
from search.plan.sources import class_names
from search.plan.space import build_space, student_spec
from spaces.candidate import Candidate
from spaces.cost import layer_costs, totals
from spaces.supernet import build_fixed


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "budget.yaml"
    file.write_text(
        "name: budget\ndata: {format: shapes, image_size: 96}\nstudent: {detector: ssd_resnet18, width: 0.125}\n"
        "space: {granularity: stage, layers: {methods: [react, lcb_dynamic], open: {stem: [real, int8]}}}\n"
    )
    return lambda *overrides: load_config(file, list(overrides))


def space_of(config):
    spec = student_spec(config, len(class_names(config)))
    return spec, build_space(config, spec)


def test_the_least_costs_are_those_of_the_cheapest_of_all_candidates(config):
    spec, space = space_of(config())
    costs = []
    for chosen in itertools.product(*(knob.choices for knob in space.knobs)):  # 2**4 stages, twice for the stem
        candidate = Candidate({knob.key: choice for knob, choice in zip(space.knobs, chosen, strict=True)})
        costs.append(totals(layer_costs(build_fixed(spec, candidate), [torch.zeros(3, 96, 96)])))
    assert len(costs) == 32
    assert least_costs(spec, space.knobs) == {
        "bit_ops": min(one.bit_ops for one in costs),
        "ops": min(one.ops for one in costs),
        "memory_mb": min(one.memory_bits for one in costs) / 8e6,
    }


@pytest.mark.parametrize("name", ["bit_ops", "ops", "memory_mb"])
def test_a_budget_below_the_cheapest_candidate_is_refused_and_what_that_costs_is_allowed(config, name):
    spec, space = space_of(config())
    least = least_costs(spec, space.knobs)[name]
    told = repr(least).removesuffix(".0")
    low = config(f"search.constraints={{{name}: {least * 0.99}}}")
    message = (
        f"search.constraints: no candidate of this space is so cheap: {name} is .*, the least is {told}. Give the "
    )
    with pytest.raises(ConfigError, match=message):
        first_tried(low, space)
    enough = config(f"search.constraints={{{name}: {told}}}")
    assert len(first_tried(enough, space)) == 2


def test_all_budgets_that_are_too_low_are_told_at_once(config):
    low = config("search.constraints={ops: 1, bit_ops: 1.0e+15, memory_mb: 0.001}")
    with pytest.raises(
        ConfigError, match=r"cheap: ops is 1, the least is \d+, memory_mb is 0.001, the least is 0\.\d+"
    ):
        check_budgets(low, space_of(low)[1])
