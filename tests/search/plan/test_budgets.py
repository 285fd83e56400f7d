"""A search whose budgets leave no candidate would score to the end for an empty front."""

from types import SimpleNamespace

import pytest

from search.config import ConfigError
from search.plan.budgets import check_budgets, check_sizes
from search.plan.plan import plan_search


@pytest.fixture
def config(tiny_config):
    def load(*overrides):
        layers = {"methods": ["react", "lcb_dynamic"], "open": {"stem": ["real", "int8"]}}
        return tiny_config(*overrides, space={"granularity": "stage", "layers": layers})

    return load


@pytest.mark.parametrize("name", ["bit_ops", "ops", "memory_mb", "size_mb"])
def test_a_budget_below_the_cheapest_candidate_is_refused_and_what_that_costs_is_allowed(config, name):
    least = plan_search(config(), None).cost_table.least()[name]
    digits = repr(least).removesuffix(".0")
    message = (
        f"search.constraints: no candidate of this space is so cheap: {name} is .*, the least is {digits}. Give the "
    )
    with pytest.raises(ConfigError, match=message):
        plan_search(config(f"search.constraints={{{name}: {least * 0.99}}}"), None)
    enough = plan_search(config(f"search.constraints={{{name}: {digits}}}"), None)
    assert len(enough.initial) == 4  # each method with the stem real, and with it at 8 bits


def test_all_budgets_that_are_too_low_are_named_at_once():
    table = SimpleNamespace(least=lambda: {"ops": 20.0, "bit_ops": 1280.0, "memory_mb": 0.25})
    bounds = {"ops": 1.0, "bit_ops": 1e15, "memory_mb": 0.001}
    with pytest.raises(
        ConfigError, match=r"cheap: ops is 1, the least is 20, memory_mb is 0\.001, the least is 0\.25\. "
    ):
        check_budgets(bounds, table)
    check_budgets({"ops": 20.0, "memory_mb": 0.25}, table)
    check_budgets({}, table)


@pytest.mark.parametrize(
    ("objectives", "bounds", "key"), [(["size_mb"], {}, "objectives"), (["map50"], {"size_mb": 1.0}, "constraints")]
)
def test_the_size_of_a_file_that_can_not_be_written_is_refused(objectives, bounds, key):
    table = SimpleNamespace(least=lambda: {"ops": 20.0})
    with pytest.raises(ConfigError, match=rf"search\.{key} has size_mb, .* can't hold a layer of this space"):
        check_sizes(objectives, bounds, table)
    check_sizes(["map50", "ops"], {"ops": 30.0}, table)
