"""What may be optimised."""

import math

import pytest

from results.figures import ACCURACIES, COSTS
from search.controller.objectives import BUDGETS, OBJECTIVES, axes, directions, not_finite
from spaces.cost import totals
from spaces.layers.methods import WIDTHS
from trainers.evaluate.figures import RULES


def test_accuracies_are_maximised_and_costs_minimised():
    assert directions(["map50", "ops", "memory_mb"]) == ["maximize", "minimize", "minimize"]


def test_figures_that_are_no_finite_number_are_named():
    figures = {"map50": math.nan, "ops": math.inf, "bit_ops": 3.0}
    assert not_finite(figures, ["map50", "ops", "bit_ops"]) == ["map50 is nan", "ops is inf"]
    with pytest.raises(ValueError, match="The score has no 'ap'; it has bit_ops, map50, ops"):
        not_finite(figures, ["ap"])


def test_an_unknown_objective_is_refused():
    with pytest.raises(ValueError, match=r"The objectives are \['map'\]; allowed are one or more of map50"):
        directions(["map"])


def test_the_axes_are_the_first_of_each_direction():
    assert axes(["ops", "map50_11", "bit_ops"]) == ("ops", "map50_11")
    assert axes(["map50"]) == ("bit_ops", "map50")


def test_what_may_be_optimised_and_bounded():
    assert list(OBJECTIVES) == [
        *["map50", "map50_11", "ap", "ap50", "ap75", "ar500"],
        *["bit_ops", "ops", "memory_mb", "latency_ms"],
    ]
    assert BUDGETS == ("bit_ops", "ops", "memory_mb", "latency_ms")


def test_each_accuracy_of_the_table_of_figures_is_measured_by_a_rule_and_none_besides():
    assert {name for rule in RULES.values() for name in rule.scored} == set(ACCURACIES)


def test_each_cost_that_is_counted_is_in_the_table_of_figures():
    assert {*totals([]).as_dict(), *(f"macs_{bits}bit" for bits in WIDTHS), "memory_mb", "latency_ms"} == set(COSTS)
