"""What trainings end with."""

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd

from search.cli.options import Format
from search.cli.trained import print_result, print_retrained
from search.comparison.retraining import Retrained, RetrainSettings
from search.stages.detector_result import Result

RESULT = Result(
    id="ab12",
    checkpoint=Path("retrained/ab12/detector.safetensors"),
    test={"map50": 0.5},
    twin_test={"map50": 0.75},
    costs={},
    teachers_test={"big": {"map50": 0.875}},
    settings={"epochs": 60, "inputs_first_epochs": 20, "seed": 0, "start": "supernet"},
    teachers_epochs={"twin": 45, "big": None},
)
REAL = replace(RESULT, id="cd34", test={"map50": 0.625})


def cells(text):
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if "│" in line]


def test_each_detector_stands_with_its_epochs(capsys):
    print_result(RESULT, "retrained", REAL)
    shown = capsys.readouterr().out
    assert cells(shown) == [
        ["retrained ab12", "20 + 60", "supernet", "0.5000"],
        ["all real, trained alike", "20 + 60", "supernet", "0.6250"],
        ["its real-valued twin", "45", "", "0.7500"],
        ["its teacher big", "given", "", "0.8750"],
    ]
    assert shown.endswith("The retrained detector is retrained/ab12/detector.safetensors.\n")


def test_the_all_real_candidate_itself_has_one_row(capsys):
    print_result(REAL, "retrained", REAL)
    assert [row[0] for row in cells(capsys.readouterr().out)][:2] == ["retrained cd34", "its real-valued twin"]


def test_several_candidates_are_a_table_and_failures_are_said(capsys):
    rows = [
        {"candidate": "ab12", "score": 0.4, "trained": 0.5, "trained_sd": 0.01, "trained_seed_0": 0.5, "bit_ops": 1e9},
        {"candidate": "all real", "score": math.nan, "trained": 0.6, "trained_sd": math.nan, "bit_ops": 2e10},
    ]
    settings = RetrainSettings(epochs=60, seeds=(0, 1))
    found = Retrained("map50", settings, (RESULT,), (REAL,), ("ab12, seed 1: the loss is nan.",), pd.DataFrame(rows))
    print_retrained(found, Path("runs/demo"))
    shown = capsys.readouterr()
    assert cells(shown.out) == [
        ["ab12", "0.4000", "0.5000", "0.0100", "1e+09"],
        ["all real", "-", "0.6000", "-", "2e+10"],
    ]
    assert "trained for 20 + 60 epochs from supernet, seeds 0, 1; mean and standard deviation over seeds" in shown.err
    assert "The real-valued twin, trained for 45 epochs: map50 0.7500.\n" in shown.err
    assert shown.err.endswith("failed: ab12, seed 1: the loss is nan.\n")
    print_retrained(found, Path("runs/demo"), Format.CSV)
    assert capsys.readouterr().out.splitlines()[0] == "candidate,score,trained,trained_sd,trained_seed_0,bit_ops"
