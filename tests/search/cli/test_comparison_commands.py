"""`bitfront fidelity` and `bitfront compare`: what they refuse, and their tables."""

import math

import pandas as pd
import pytest
from typer.testing import CliRunner

from results.agreement import agreement
from results.fidelity import Fidelity
from results.rivals import Rivals
from search.cli.app import app
from search.cli.comparison_tables import print_fidelity, print_rivals


@pytest.fixture
def refused():
    def call(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 2, done.output
        return done.stderr

    return call


def test_what_is_no_run_or_no_plan_is_refused_with_one_message(refused, tmp_path):
    assert "does not exist. Start a run with" in refused("fidelity", tmp_path / "no")
    assert "does not exist. Start a run with" in refused("compare", tmp_path / "no", "--rivals")
    assert f"Error: {tmp_path} is a folder, no plan. To compare a run's front with rivals, add --rivals." in refused(
        "compare", tmp_path
    )
    assert "The plan no.yaml can't be read" in refused("compare", "no.yaml")
    assert "'nothing' is not one of" in refused("fidelity", tmp_path, "--start", "nothing")


def test_an_option_of_the_other_kind_is_refused(refused, tmp_path):
    assert "Error: --epochs is of --rivals; a plan has its own. Leave it out here." in refused(
        "compare", "plan.yaml", "--epochs", 3
    )
    assert "Error: --only is a plan's. Leave it out here." in refused(
        "compare", tmp_path, "--rivals", "--only", "a", "b"
    )
    assert "Error: --seeds: one of them was given twice." in refused("compare", "plan.yaml", "--seeds", 0, 0)


def test_the_table_of_fidelity_has_intervals_and_dashes(tmp_path, capsys):
    candidates = pd.DataFrame(
        {
            "role": ["front", "front", "behind"],
            "layers": [0, 1, 2],
            "bit_ops": [1.0, 2.0, 4.0],
            "score_rung_0": [0.1, 0.2, 0.3],
            "trained": [0.1, 0.2, 0.3],
            "trained_sd": [math.nan] * 3,
            "score_seeds_sd": [0.01, 0.01, 0.01],
        }
    )
    rows = agreement(candidates, ["score_rung_0"], "bit_ops")
    print_fidelity(Fidelity(candidates, rows, {}), tmp_path)
    shown = capsys.readouterr()
    assert "1.00 (1.00 to 1.00)" in shown.out
    assert "score_rung_0" in shown.out
    assert "adaptation seeds: 0.0100" in shown.err
    assert "training seeds" not in shown.err


def test_the_tables_of_rivals(tmp_path, capsys):
    rows = [("member", "a", "a", 1e9, 0.5, 0.5), ("rival", "all real", "r", 3e9, 0.4, 0.4)]
    names = ["role", "name", "id", "bit_ops", "trained", "trained_seed_0"]
    frame = pd.DataFrame(rows, columns=names).assign(trained_sd=math.nan)
    print_rivals(Rivals(frame, {"x": "bit_ops", "y": "map50"}), tmp_path)
    shown = capsys.readouterr()
    assert "1,000,000,000" in shown.out
    assert "all real" in shown.out
    assert shown.err.startswith("1 of 1 members have a place of their own.")
