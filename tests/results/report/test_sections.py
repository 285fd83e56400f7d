"""Each section's figures and tables, from numbers that a reader can work out."""

import dataclasses
import json
import shutil

import pandas as pd
import pytest

import results
from results import layout
from results.effects import LOGARITHM_SCALE, AccuracyEffects, Effect
from results.errors import RunError
from results.fidelity import Fidelity, write_fidelity
from results.report.classes import classes_section
from results.report.effects import effects_section
from results.report.facts import facts_section
from results.report.limits import limits_section
from results.report.losses import losses_section
from results.report.progress import progress_section
from results.report.section import Figure, Section, built
from results.report.trained import trained_section
from results.rivals import Rivals, write_rivals
from results.tables import write_run_tables

EFFECT = Effect("layer", "layer/block.0", "bireal", "real", -0.1, 0.02, 4, 600.0, 60.0)


@pytest.fixture(scope="module")
def made(hand_worked, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sections")
    model = AccuracyEffects("map50", "bit_ops", 5, 0.01, 0.9, (EFFECT,))
    write_run_tables(folder, hand_worked, x="bit_ops", y="map50", effects=[model])
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(made, tmp_path / "run")


def retrained(folder, name, classes):
    place = folder / layout.RETRAINED / name
    place.mkdir(parents=True)
    content = {
        "id": name[:10],
        "settings": {"epochs": 20, "seed": len(name)},
        "test": {"map50": 0.75},
        "costs": {"bit_ops": 400.0},
    }
    (place / layout.RESULT_FIGURES).write_text(json.dumps(content | {"test_classes": classes}))


def test_effects_are_bars_in_the_methods_colour(folder):
    section = effects_section(results.open_run(folder))
    (bars,) = section.figures[0].data
    assert bars["x"] == [-0.1]
    assert bars["marker"]["color"] == ["#F0A61C"]
    assert section.lines == [
        "The model explains 90% of the variance of scores that it was not fitted to. Scores scatter by 0.0100."
    ]
    assert section.tables[0].rows == [["layer/block.0", "bireal", "real", "-0.1000 ± 0.0200", "600", "60.0 %", "4"]]


def test_a_model_that_predicts_nothing_says_so(tmp_path, records):
    model = AccuracyEffects("map50", "bit_ops", 5, 0.01, -0.2, (EFFECT,))
    write_run_tables(tmp_path, records, x="bit_ops", y="map50", effects=[model])
    assert effects_section(results.open_run(tmp_path)).lines[0].endswith("trust no effect here.")


def test_effects_that_multiply_say_where_they_hold(tmp_path, records):
    model = AccuracyEffects("map50", "bit_ops", 5, 0.01, 0.9, (EFFECT,), LOGARITHM_SCALE)
    write_run_tables(tmp_path, records, x="bit_ops", y="map50", effects=[model])
    [line] = effects_section(results.open_run(tmp_path)).lines
    assert line.endswith(
        "0.0100. Effects multiply here: each is the change where all other knobs have their reference choices."
    )


def test_the_hypervolume_grows_to_one(folder):
    """Against (1000, 0): 0 by (1000, 0.7), 900 x 0.3 = 270 by (100, 0.3), 600 x 0.36 = 216 more by (400, 0.66)."""
    section = progress_section(results.open_run(folder))
    (curve,) = section.figures[0].data
    assert curve["x"][:3] == [1.0, 2.0, 3.0]
    assert curve["y"][:3] == [0.0, round(270 / 486, 5), 1.0]
    assert "reached 99\u00a0% after 3 of 7 evaluations" in section.lead


def test_losses_by_training_and_the_supernets_terms(folder):
    lines = [
        {"stage": "supernet", "epoch": n, "of": 2, "loss": 6.0 / n, "cls": 4.0 / n, "box": 2.0 / n} for n in (1, 2)
    ]
    (folder / layout.TRAINING_LOG).write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"stage": "half')
    every, terms = losses_section(results.open_run(folder)).figures
    assert [(one["name"], one["y"]) for one in every.data] == [("supernet", [6.0, 3.0])]
    assert [(one["name"], one["y"]) for one in terms.data] == [("cls", [4.0, 2.0]), ("box", [2.0, 1.0])]


def test_parts_that_a_run_lacks_are_lines(folder):
    retrained(folder, "bb00000000", {})
    section = trained_section(results.open_run(folder))
    assert len(section.tables) == 1
    assert len(section.lines) == 2  # neither fidelity nor rivals


def test_fidelity_and_rivals_are_drawn(folder):
    candidates = pd.DataFrame(
        {"id": ["a", "b"], "score_rung_0": [0.5, 0.6], "trained": [0.6, 0.8], "score_seeds_sd": 0.0, "trained_sd": 0.0}
    )
    numbers = {f"{name}{end}": 0.5 for name in ("tau", "spearman") for end in ("", "_low", "_high")}
    agreement = pd.DataFrame([{"measure": "score_rung_0", "candidates": 2, **numbers}])
    settings = {"x": "bit_ops", "y": "map50"}
    write_fidelity(folder, Fidelity(candidates, agreement, settings))
    rows = [("member", "a", 100.0, 0.8), ("rival", "b", 200.0, 0.7)]
    trained = pd.DataFrame(
        {"role": r, "name": n, "id": n, "bit_ops": c, "trained": t, "trained_seed_0": t} for r, n, c, t in rows
    )
    write_rivals(folder, Rivals(trained, settings))
    section = trained_section(results.open_run(folder))
    assert [one.id for one in section.figures] == ["trained-fidelity", "trained-rivals"]
    assert section.figures[0].data[0]["x"] == [0.5, 0.6]
    assert section.tables[0].rows == [["score_rung_0", "2", "0.50 (0.50 to 0.50)", "0.50 (0.50 to 0.50)"]]
    assert section.tables[1].rows == [["a", "100", "0.800", "+10.0", "b", "-"]]


def test_classes_come_worst_first(folder):
    retrained(folder, "bb00000000", {"cat": {"objects": 9, "map50": 0.9}, "dog": {"objects": 3, "map50": 0.2}})
    retrained(folder, "aa00000000", {"cat": {"objects": 9, "map50": 0.8}})
    section = classes_section(results.open_run(folder))
    assert section.tables[0].rows == [["dog", "3", "0.200", "-"], ["cat", "9", "0.900", "0.800"]]
    assert [one["x"] for one in section.figures[0].data] == [[0.2, 0.9], [None, 0.8]]


def test_a_class_whose_figure_is_not_finite_has_none(folder):
    infinite = {"cat": {"map50": float("inf")}, "dog": {"map50": float("nan")}, "cow": {"map50": 0.5}}
    retrained(folder, "bb00000000", infinite)
    assert [row[0] for row in classes_section(results.open_run(folder)).tables[0].rows] == ["cow"]


def test_failures_are_counted_by_reason(tmp_path, records):
    failed = [one | {"state": "failed", "reason": f"nan at step {one['number']}"} for one in records[:3]]
    write_run_tables(tmp_path, [*failed, *records[3:]], x="bit_ops", y="map50")
    section = facts_section(results.open_run(tmp_path))
    assert section.tables[0].caption == "4 candidates failed"
    assert section.tables[0].rows == [["3", "nan at step 0"], ["1", "diverged: loss is nan"]]


def test_a_password_in_the_config_is_masked(folder):
    (folder / layout.CONFIG).write_text("search: {storage: 'postgresql://me:secret@host/db'}\n")
    assert facts_section(results.open_run(folder)).facts["config"].endswith("postgresql://me:***@host/db'}\n")


def test_limits_of_a_run_without_a_config(folder):
    lines = limits_section(results.open_run(folder)).lines
    assert any("There was one search and one supernet. No figure" in one for one in lines)
    assert "No candidate was retrained, so no accuracy here is that of a finished detector." in lines


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["bb00000000", "aa00000000"], "Each retrained candidate was trained with one seed: differences of one or"),
        (["bb00000000", "bb00000000_seed1"], "Figures of retrained candidates are means over 2 seeds: differences"),
        (["bb00000000", "bb00000000_seed1", "aa00000000"], "are means over 1 to 2 seeds (1 of 2 with one): diff"),
    ],
)
def test_limits_count_the_seeds_of_retrained_candidates(folder, names, said):
    for name in names:
        retrained(folder, name, {})
    assert said in limits_section(results.open_run(folder)).lines[-3]


@pytest.mark.parametrize("error", [RunError("Why not."), KeyError("sections"), OSError("gone")])
def test_a_section_without_data_is_one_line(folder, error):
    def fail(run):
        raise error

    section = built("one", "One", fail, results.open_run(folder))
    assert "Why not." in section.missing or type(error).__name__ in section.missing
    assert dataclasses.replace(section, missing=None).figures == ()


@pytest.mark.parametrize("name", ["data", "figures"])
def test_a_section_that_json_lacks_a_number_for_is_one_line(folder, name):
    figure = Figure("one-figure", "One", [{"x": [float("nan")]}], {})
    parts = {"data": [float("nan")]} if name == "data" else {"figures": [figure]}
    section = built("one", "One", lambda run: Section("one", "One", **parts), results.open_run(folder))
    assert section.missing.startswith("Its data can't be read (ValueError: ")
