"""A run over bit_ops and one over latency_ms, side by side: the first is given times from a table."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

import results
from search import with_latency
from search.cli.app import app
from search.config import ConfigError, config_text
from search.errors import RunError
from search.plan.plan import plan_search
from spaces.candidate import Candidate
from spaces.latency import Seam
from tests.parts.latency_tables import made_up_table

KNOBS = [f"layer/backbone.layer{stage}" for stage in (1, 2, 3, 4)]
SEAM = Seam(
    "backbone.layer1.0.conv1",
    "backbone.layer1.0.conv2",
    {"real": {"real": 0.0, "sign": 0.0}, "sign": {"real": 0.0, "sign": 2.0}},
)


@pytest.fixture(scope="module")
def plan(tiny_config):
    return plan_search(tiny_config(), None)


@pytest.fixture(scope="module")
def table(plan, tmp_path_factory):
    """Each layer takes 1 ms as real and 0.25 as sign; layer1's first block takes 2 more as sign."""
    file = tmp_path_factory.mktemp("table") / "machine.json"
    made = made_up_table({"real": 1.0, "sign": 0.25}, spec=plan.base.student)
    file.write_text(replace(made, seams=(SEAM,)).text())
    return file


@pytest.fixture
def runs(tmp_path, plan):
    """One that scored all real and layer1 as sign, and one that scored layer2 as sign; the first has a failure too."""
    scored = {"by_ops": [((), 0.5), ((1,), 0.4)], "by_time": [((2,), 0.45)]}
    for name, candidates in scored.items():
        rows = [
            {"number": number, "id": f"{name}{number}", "state": "complete", "reason": None, "map50": map50}
            | {knob: "sign" if stage in signs else "real" for stage, knob in enumerate(KNOBS, 1)}
            for number, (signs, map50) in enumerate(candidates)
        ]
        rows = [row | plan.cost_table.costs(candidate_of(row)) for row in rows]
        if name == "by_ops":
            rows.append({"number": 2, "id": "bad", "state": "failed", "reason": "diverged", KNOBS[0]: "sign"})
        (tmp_path / name).mkdir()
        results.write_run_tables(tmp_path / name, rows, x="bit_ops", y="map50")
        (tmp_path / name / "config.yaml").write_text(config_text(plan.base.config))
        (tmp_path / name / "data.json").write_text('{"val": "a12c"}')
    return [tmp_path / name for name in scored]


def candidate_of(row):
    return Candidate({knob: row[knob] for knob in KNOBS})


def test_each_complete_candidate_has_its_time_and_its_layers_have_theirs(runs, table, plan):
    """layer1 has four units: as sign it saves 4 x 0.75 ms and loses 2."""
    layers = len(made_up_table({"real": 1.0}, spec=plan.base.student).layers)
    timed = with_latency(runs[0], table)
    assert timed.trials["latency_ms"].tolist()[:2] == [layers, layers - 3 + 2]
    assert timed.trials["latency_ms"].isna().tolist() == [False, False, True]
    by_layer = timed.layers().groupby("id")["latency_ms"].sum()
    assert by_layer[["by_ops0", "by_ops1"]].tolist() == [layers, layers - 1]
    assert timed.layers().query("id == 'by_ops1' and kind == 'between'")["latency_ms"].tolist() == [2.0]
    assert "latency_ms" not in results.open_run(runs[0]).trials


def test_two_runs_are_drawn_over_the_time(runs, table, tmp_path):
    """The first run's members are the all-real one and layer1 as sign; of the second one layer2 as sign."""
    picture = tmp_path / "both.svg"
    done = CliRunner().invoke(
        app, ["front", *map(str, runs), "--x", "latency_ms", "--latency-table", str(table), "--plot", str(picture)]
    )
    assert done.exit_code == 0, done.output
    rows = [[cell.strip() for cell in line.split("│")[1:5]] for line in done.stdout.splitlines() if "│" in line]
    assert [row[:2] for row in rows] == [["by_ops", "by_ops1"], ["by_ops", "by_ops0"], ["by_time", "by_time0"]]
    assert done.stdout.splitlines()[-1] == "by_ops beats 0 % of the front of by_time."
    assert picture.read_text().startswith("<?xml")
    compared = results.compare([with_latency(run, table) for run in runs], x="latency_ms")
    assert compared.fronts.groupby("run").size().to_dict() == {"by_ops": 2, "by_time": 1}


def test_one_run_is_shown_and_drawn_over_the_time(runs, table, tmp_path):
    asked = ["front", str(runs[0]), "--x", "latency_ms", "--format", "csv"]
    done = CliRunner().invoke(app, [*asked, "--latency-table", str(table), "--plot", str(tmp_path / "one.png")])
    assert done.stdout.startswith("latency_ms,map50,id,"), done.output
    assert (tmp_path / "one.png").is_file()
    refused = CliRunner().invoke(app, asked)
    assert refused.exit_code == 2
    assert "by_ops has no latency_ms: its search had no table of times. Give one" in refused.stderr


@pytest.mark.parametrize("option", [["--effects"], ["--by", "model"], ["--rung", "0"]])
def test_what_one_run_alone_has_is_refused_of_several(runs, option):
    refused = CliRunner().invoke(app, ["front", *map(str, runs), *option])
    assert refused.exit_code == 2
    assert f"{option[0]} is about one run, and several were named" in refused.stderr


def test_a_table_that_does_not_fit_is_refused(runs, tmp_path, plan):
    file = tmp_path / "other.json"
    with pytest.raises(ConfigError, match=r"The table of times is .*other.json, which isn't there"):
        with_latency(runs[0], file)
    file.write_text(made_up_table({"real": 1.0}, spec=plan.base.student).text())
    with pytest.raises(RunError, match=r"other.json doesn't fit .*by_ops: latency_ms of .* as sign isn't known"):
        with_latency(runs[0], file)
