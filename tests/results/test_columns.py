import pytest

from results import RunError
from results.columns import axis_label, check_axes, is_knob, is_maximised, measured
from results.figures import FIGURES
from results.frame import trials_frame


@pytest.fixture
def trials(records):
    return trials_frame(records, x="bit_ops", y="map50")


def test_what_has_a_slash_is_a_knob():
    assert is_knob("layer/backbone.layer1.0")
    assert not is_knob("map50")


def test_every_axis_label_names_its_column_and_none_says_speed():
    for column in FIGURES:
        assert axis_label(column).endswith(f"({column})")
        assert "speed" not in axis_label(column)
    assert axis_label("milliwatts") == "milliwatts"


def test_measured_columns_are_the_figures_and_timings(trials):
    assert measured(trials) == ["map50", "map50_11", "bit_ops", "ops", "memory_bits", "seconds_adapt"]


def test_accuracies_are_maximised_and_costs_minimised():
    assert is_maximised("ap75")
    assert not is_maximised("memory_bits")


def test_an_accuracy_by_the_model_is_an_accuracy_and_its_error_no_axis(records):
    modelled = [record | {"map50_model": 0.5, "map50_model_se": 0.01} for record in records]
    trials = trials_frame(modelled, x="bit_ops", y="map50")
    check_axes(trials, "bit_ops", "map50_model")
    assert is_maximised("map50_model")
    assert axis_label("map50_model") == "mAP at IoU 0.5 by the model (map50_model)"
    with pytest.raises(RunError, match="x is 'map50_model', an accuracy"):
        check_axes(trials, "map50_model", "map50")
    with pytest.raises(RunError, match=r"No measured column is called 'map50_model_se'. Did you mean 'map50_model'"):
        check_axes(trials, "bit_ops", "map50_model_se")


def test_the_direction_of_an_unknown_column_is_not_guessed():
    with pytest.raises(RunError, match=r"No accuracy or cost is called 'map5'. Did you mean 'map50'"):
        is_maximised("map5")


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (
            "bit_opps",
            "map50",
            "No measured column is called 'bit_opps'. Did you mean 'bit_ops'.* Known: map50, map50_11",
        ),
        ("bit_ops", "id", "No measured column is called 'id'"),
        ("bit_ops", "weight/hint", "No measured column is called 'weight/hint'"),
        ("map50", "map50_11", "x is 'map50', an accuracy, but x is minimised. Costs: bit_ops"),
        ("bit_ops", "ops", "y is 'ops', a cost, but y is maximised. Accuracies: map50"),
        ("seconds_adapt", "seconds_adapt", "x and y are both 'seconds_adapt'"),
    ],
)
def test_axes_that_make_no_front_are_refused(trials, x, y, message):
    with pytest.raises(RunError, match=message):
        check_axes(trials, x, y)
