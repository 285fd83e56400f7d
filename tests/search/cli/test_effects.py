"""`bitfront front --effects` and `--by`."""

import json

import pytest
from typer.testing import CliRunner

import results
from results.effects import ACCURACY_SCALE, LOGARITHM_SCALE, AccuracyEffects, Effect
from search.cli.app import app

EFFECTS = (
    Effect("teacher", "teacher/hint", "twin", "none", 0.01, 0.002, 9, 0.0, 0.0),
    Effect("layer", "layer/b0", "sign", "real", -0.03, 0.004, 12, 600.0, 60.0),
)


@pytest.fixture
def call(tmp_path):
    return lambda *arguments: CliRunner().invoke(app, ["front", str(tmp_path), *map(str, arguments)])


@pytest.fixture
def write(tmp_path):
    """Writes the tables of two trials, whose order by the model is another than that by score."""

    def write(explained, scale=ACCURACY_SCALE):
        figures = [(1e6, 0.50, 0.40), (2e6, 0.45, 0.42)]
        records = [
            {"number": n, "id": f"{n}{n}", "state": "complete", "reason": None, "layer/b0": "real", "bit_ops": cost}
            | {"map50": score, "map50_model": mean, "map50_model_se": 0.01}
            for n, (cost, score, mean) in enumerate(figures)
        ]
        model = AccuracyEffects("map50", "bit_ops", 40, 0.008, explained, EFFECTS, scale)
        results.write_run_tables(tmp_path, records, x="bit_ops", y="map50", effects=[model])

    return write


def cells(line, edge="│"):
    return [part.strip() for part in line.strip(edge).split(edge)]


def test_effects_are_a_table_with_the_models_own_figures_under_it(call, write):
    write(explained=0.75)
    lines = call("--effects").stdout.splitlines()
    header = ["knob", "choice", "against", "map50", "se", "trials", "bit_ops saved", "map50 lost per %"]
    assert cells(lines[1], "┃") == header
    assert cells(lines[3]) == ["layer/b0", "sign", "real", "-0.0300", "0.0040", "12", "60.0 %", "0.00050"]
    assert cells(lines[4]) == ["teacher/hint", "twin", "none", "+0.0100", "0.0020", "9", "", ""]
    assert lines[-1] == (
        "By a linear model of 40 scores. It explains 75 % of their variance, each score predicted without itself; a "
        "score deviates by 0.0080 (standard deviation). se is the standard error of an effect."
    )


def test_effects_of_a_model_that_predicts_badly_come_with_a_warning(call, write):
    write(explained=-0.1)
    assert "explains -10 % of their variance" in (out := call("--effects").stdout)
    assert out.endswith("The model predicts these scores badly: do not rely on the effects.\n")


def test_effects_that_multiply_say_where_they_hold(call, write):
    write(explained=0.75, scale=LOGARITHM_SCALE)
    out = call("--effects").stdout
    assert out.endswith(
        "effect. Effects multiply here: each is the change where all other knobs have their reference choices.\n"
    )
    assert json.loads(call("--effects", "--format", "json").stdout)["model"]["scale"] == "logarithm"


def test_effects_come_as_markdown_csv_and_json(call, write, tmp_path):
    write(explained=0.75)
    lines = call("--effects", "--format", "markdown").stdout.splitlines()
    assert lines[1] == "| --- | --- | --- | --- | --- | ---: | --- | --- |"
    assert lines[2] == "| layer/b0 | sign | real | -0.0300 | 0.0040 | 12 |  60.0 % | 0.00050 |"
    assert call("--effects", "--format", "csv").stdout == (tmp_path / "effects.csv").read_text()
    content = json.loads(call("--effects", "--format", "json").stdout)
    assert content["model"]["r2_left_out"] == 0.75
    assert [(row["choice"], row["lost_per_percent"]) for row in content["effects"]] == [
        ("sign", 0.0005),
        ("twin", None),
    ]


def test_the_front_by_the_model_shows_what_it_was_compared_by(call, write):
    write(explained=0.75)
    lines = call("--by", "model", "--format", "markdown").stdout.splitlines()
    assert lines[0] == "| id | bit_ops | map50_model | map50_model_se | map50 | layers | teachers |"
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 00", "| 11"]
    assert [row["id"] for row in json.loads(call("--format", "json").stdout)] == ["00"]


def test_options_that_do_not_go_together_are_refused(call, write):
    write(explained=0.75)
    result = call("--effects", "--x", "ops", "--by", "model", "--rung", "0")
    assert result.exit_code == 2
    assert "Error: --effects was given together with --x and --by and --rung" in result.stderr
    assert call("--by", "luck").exit_code == 2
