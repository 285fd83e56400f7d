"""The comparison of samplers, on a box of four candidates."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "search_quality.py"
sys.path.insert(0, str(SCRIPT.parent))
script = importlib.import_module("search_quality")
BOX = """
from spaces.space import Knob

def knobs():
    return [Knob("layer/a", ("real", "sign")), Knob("layer/b", ("real", "sign"))]

def costs(candidate):
    return {"bit_ops": float(sum(method == "real" for method in candidate.values()))}

def score(candidate):
    scores = {("real", "real"): 0.8, ("real", "sign"): 0.5, ("sign", "real"): 0.4, ("sign", "sign"): 0.2}
    return {"map50": scores[candidate["layer/a"], candidate["layer/b"]]}

def reference():
    return {"bit_ops": 2.0, "map50": 0.0}
"""


@pytest.fixture
def box(tmp_path):
    file = tmp_path / "box.py"
    file.write_text(BOX)
    return str(file)


@pytest.fixture
def compare(monkeypatch, capsys):
    """Runs the script in this process, which has imported what takes it four seconds."""

    def run(*options):
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *options])
        status = 0
        try:
            script.main()
        except SystemExit as end:
            status = end.code
        return SimpleNamespace(returncode=status, **capsys.readouterr()._asdict())

    return run


def test_the_last_line_has_the_share_of_the_volume_for_each_sampler(box, tmp_path):
    """After all four: 0.2 from cost 0 to 1 and 0.5 from 1 to 2, of the 2 between the reference and the ideal point.

    The ends come first. All real adds nothing, since it costs as much as the reference: 0.2 over 2.
    """
    options = ["--samplers", "structured,random", "--evaluations", "2,10", "--seeds", "2", "--plot", "curves.png"]
    command = [sys.executable, str(SCRIPT), "--blackbox", box, *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout.splitlines()[-1])
    assert list(table) == ["structured", "random"]
    for rows in table.values():
        assert rows["2"] == pytest.approx({"median": 0.2, "mean": 0.2, "sd": 0.0})
        assert rows["10"] == pytest.approx({"median": 0.35, "mean": 0.35, "sd": 0.0})
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_volumes_over_the_logarithm_of_costs(compare, box, tmp_path):
    """The costs are 1, 2 and 4, whose logarithms to the base 2 are the other box's costs."""
    doubling = tmp_path / "doubling.py"
    doubling.write_text(
        BOX.replace('return {"bit_ops": float(', 'return {"bit_ops": 2.0 ** (').replace(
            '"bit_ops": 2.0, ', '"bit_ops": 4.0, '
        )
    )
    options = ("--samplers", "random", "--evaluations", "2,4", "--seeds", "1", "--log-costs")
    rows = json.loads(compare("--blackbox", str(doubling), *options).out.splitlines()[-1])["random"]
    assert [rows[count]["mean"] for count in ("2", "4")] == pytest.approx([0.2, 0.35])
    refused = compare("--blackbox", box, *options)
    assert refused.returncode == 2
    assert "--log-costs needs costs above 0" in refused.err


def test_noise_changes_what_is_found_and_not_how_it_is_measured(compare, box):
    """Great noise may hide the better candidate of cost 1 from the front. No share is above the true one."""
    done = compare("--blackbox", box, "--samplers", "random", "--evaluations", "4", "--seeds", "4", "--noise", "5")
    rows = json.loads(done.out.splitlines()[-1])["random"]["4"]
    assert 0.0 <= rows["mean"] <= 0.35


def test_a_box_that_does_not_exist_is_named_with_the_known_ones(compare):
    done = compare("--blackbox", "additiv")
    assert done.returncode == 2
    assert "'additiv' is no Python file and no box of" in done.err
    known = "additive, interactions, multiplied, replay, replay_rungs, small, unstructured, whole_network"
    assert f"There are: {known}." in done.err


@pytest.mark.parametrize(
    ("right", "wrong", "what"),
    [
        ("def score", "def scores", "AttributeError: module 'box' has no attribute 'score'"),
        ('"bit_ops": 2.0', '"bit_opps": 2.0', "KeyError: 'bit_opps'"),
        ('return {"map50": scores[', "return {'map50': scored[", "NameError: name 'scored' is not defined"),
        ("def knobs():", "def knobs()", "SyntaxError: expected ':' (box.py, line 4)"),
    ],
)
def test_a_mistake_in_a_box_is_one_message_with_what_a_box_needs(tmp_path, right, wrong, what):
    box = tmp_path / "box.py"
    box.write_text(BOX.replace(right, wrong))
    with pytest.raises(ValueError, match=re.escape(f"The box {box} raised {what}")) as caught:
        script.read_box(str(box))
    assert "It needs knobs() -> list[Knob], costs(candidate) -> dict" in str(caught.value)


def test_a_sampler_may_be_an_import_path(compare, box):
    sampler = "optuna.samplers:RandomSampler"
    done = compare("--blackbox", box, "--samplers", sampler, "--evaluations", "4", "--seeds", "1")
    assert json.loads(done.out.splitlines()[-1])[sampler]["4"]["median"] == pytest.approx(0.35)


def test_an_unknown_sampler_is_refused_before_anything_is_searched(compare, box):
    done = compare("--blackbox", box, "--samplers", "structured,tpo")
    assert done.returncode == 2
    assert "No sampler is called 'tpo'. Did you mean 'tpe'?" in done.err
    assert "evaluations" not in done.out
