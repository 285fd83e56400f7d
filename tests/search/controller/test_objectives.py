"""What may be optimised."""

from types import SimpleNamespace

import pytest

from search.controller.objectives import axes, directions, figure

SCORE = SimpleNamespace(metrics={"map50": 0.5}, costs={"ops": 3.0, "memory_bits": 33.5e6}, seconds={})


def test_accuracies_are_maximised_and_costs_minimised():
    assert directions(["map50", "ops", "memory_mb"]) == ["maximize", "minimize", "minimize"]


def test_a_megabyte_has_eight_million_bits():
    assert figure("memory_mb", SCORE) == pytest.approx(4.1875)  # 33.5 Mbit / 8, Bi-Real-18's


def test_an_unknown_objective_is_refused():
    with pytest.raises(ValueError, match=r"The objectives are \['map'\]; allowed are one or more of map50"):
        directions(["map"])


def test_the_axes_are_the_first_of_each_direction():
    assert axes(["ops", "map50_11", "bit_ops"]) == ("ops", "map50_11")
    assert axes(["map50"]) == ("bit_ops", "map50")
