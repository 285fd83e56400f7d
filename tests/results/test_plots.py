import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from results import RunError
from results.frame import trials_frame
from results.labels import Label, place_labels, text_box
from results.plots import cost_formatter, front_figure, plot_front, rendered


@pytest.fixture
def trials(records):
    return trials_frame(records, x="bit_ops", y="map50")


def words_of(trials, x="bit_ops", y="map50", references=None):
    """Every text in the picture."""
    return [text.get_text() for text in front_figure(trials, x, y, references).findobj(Text)]


@pytest.mark.parametrize(
    ("low", "value", "text"), [(0.6, 0.65, "0.65"), (0.6, 1.5, "1.5"), (120.0, 1500.0, "1500"), (5e8, 2e9, "2 G")]
)
def test_milliseconds_are_written_out_and_counts_shortened(low, value, text):
    assert cost_formatter(low)(value) == text


def test_axes_carry_their_units_and_the_knee_its_id(trials):
    words = words_of(trials)
    assert "bit-operations per image (bit_ops)" in words
    assert "mAP at IoU 0.5 (map50)" in words
    assert "knee bb00000000" in words
    assert not any("speed" in text.lower() for text in words)


def test_the_heading_counts_the_front_the_candidates_and_the_failed(trials):
    assert "Front of 3 out of 6 candidates (1 failed, not shown)" in words_of(trials)


def test_candidates_over_a_budget_are_told_apart_only_where_there_are_some(trials):
    assert "over a budget of the search" in words_of(trials)
    assert "over a budget of the search" not in words_of(trials[trials["feasible"]])


def test_references_are_labelled_and_unknown_ones_left_out(trials):
    words = words_of(trials, references={"aa00000000": "all real", "00": "never scored"})
    assert "all real" in words
    assert "never scored" not in words


@pytest.mark.parametrize("kept", [[], [5]], ids=["no trial", "only a failed one"])
def test_without_a_complete_trial_the_picture_says_so(records, kept):
    trials = trials_frame([records[i] for i in kept], x="bit_ops", y="map50")
    assert "No complete candidate yet" in words_of(trials)


@pytest.mark.parametrize("kept", [[0], [0, 1], [6]], ids=["one point", "two points", "none within the budgets"])
def test_few_points_make_a_picture(records, kept):
    trials = trials_frame([records[i] for i in kept], x="bit_ops", y="map50")
    assert rendered(front_figure(trials, "bit_ops", "map50")).startswith(b"\x89PNG")


def test_a_cost_of_zero_makes_a_picture_without_a_knee(records):
    trials = trials_frame([record | {"macs_8bit": 0.0} for record in records], x="bit_ops", y="map50")
    assert "Front of 1 out of 6 candidates (1 failed, not shown)" in words_of(trials, x="macs_8bit")
    assert "knee" not in words_of(trials, x="macs_8bit")


def test_drawing_touches_no_global_figure_and_gives_the_same_bytes_again(trials):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    assert rendered(front_figure(trials, "bit_ops", "map50")) == rendered(front_figure(trials, "bit_ops", "map50"))
    assert pyplot.get_fignums() == before


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")])
def test_the_ending_of_the_path_chooses_the_kind_of_file(trials, tmp_path, name, start):
    plot_front(trials, tmp_path / name, "bit_ops", "map50")
    assert (tmp_path / name).read_bytes().startswith(start)


def test_another_kind_of_file_is_refused(trials, tmp_path):
    with pytest.raises(RunError, match=r"ends in '.gif'; a picture ends in one of .png, .svg, .pdf"):
        plot_front(trials, tmp_path / "front.gif", "bit_ops", "map50")


def test_an_unknown_column_is_refused(trials, tmp_path):
    with pytest.raises(RunError, match="No measured column is called 'milliseconds'"):
        plot_front(trials, tmp_path / "front.png", "milliseconds", "map50")


def test_labels_of_neighbours_do_not_overlap_and_stay_inside():
    figure = Figure(figsize=(6, 4), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    points = np.array([[0.0, 0.0], [0.01, 0.01], [0.02, 0.0], [1.0, 1.0]])
    axes.plot(*points.T)
    texts = place_labels(axes, [Label(x, y, f"label at {x}", "black") for x, y in points], avoid=points)
    boxes = [text_box(text, canvas.get_renderer()) for text in texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    inside = axes.get_window_extent()
    assert all(inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1) for box in boxes)
    assert not any(box.contains(*spot) for box in boxes for spot in axes.transData.transform(points))
