"""A search whose budgets leave no candidate would score to the end for an empty front."""

import pytest

from search.config import ConfigError, load_config
from search.plan.budgets import check_budgets
from search.plan.initial_candidates import first_tried
from search.plan.sources import class_names
from search.plan.space import build_space, student_spec
from spaces.cost_table import CostTable


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


@pytest.mark.parametrize("name", ["bit_ops", "ops", "memory_mb"])
def test_a_budget_below_the_cheapest_candidate_is_refused_and_what_that_costs_is_allowed(config, name):
    spec, space = space_of(config())
    least = CostTable.of(spec, space).least()[name]
    shown = repr(least).removesuffix(".0")
    low = config(f"search.constraints={{{name}: {least * 0.99}}}")
    message = (
        f"search.constraints: no candidate of this space is so cheap: {name} is .*, the least is {shown}. Give the "
    )
    with pytest.raises(ConfigError, match=message):
        first_tried(low, space)
    enough = config(f"search.constraints={{{name}: {shown}}}")
    assert len(first_tried(enough, space)) == 2


def test_all_budgets_that_are_too_low_are_told_at_once(config):
    low = config("search.constraints={ops: 1, bit_ops: 1.0e+15, memory_mb: 0.001}")
    with pytest.raises(
        ConfigError, match=r"cheap: ops is 1, the least is \d+, memory_mb is 0.001, the least is 0\.\d+"
    ):
        check_budgets(low.search.constraints, CostTable.of(*space_of(low)))
