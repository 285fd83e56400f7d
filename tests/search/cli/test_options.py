"""A wrong value of an option ends a command with exit status 2 and a message with the value and the allowed ones."""

import re
from typing import get_args

import pytest
from typer.testing import CliRunner

from search.cli.app import app
from search.cli.options import DataFormat
from trainers.data.formats import FORMATS

TABLES = "'xml' is not one of 'table', 'csv', 'json', 'parquet', 'markdown', 'latex'."
EVALUATE = ("evaluate", "any.safetensors", "--data", "data")


def message(stderr):
    """typer's message in one line, without the box around it."""
    return re.sub(r"[\s│╭╮╰╯─]+", " ", stderr)


@pytest.mark.parametrize(
    ("command", "option", "value", "allowed"),
    [
        (("front", "run"), "--format", "xml", TABLES),
        (("cost", "demo"), "--format", "xml", TABLES),
        (("data", "check", "data"), "--format", "kitti", "'kitti' is not one of 'voc', 'coco', 'visdrone', 'yolo'."),
        (EVALUATE, "--format", "kitti", "'kitti' is not one of 'voc', 'coco', 'visdrone', 'yolo'."),
        (EVALUATE, "--on-bad-data", "skp", "'skp' is not one of 'error', 'skip'."),
        (EVALUATE, "--device", "tpu", "'tpu' is not one of 'auto', 'cpu', 'cuda'."),
        (EVALUATE, "--memory-limit-mb", "0", "0 is not a positive, finite number."),
        (EVALUATE, "--memory-limit-mb", "nan", "nan is not a positive, finite number."),
        (EVALUATE, "--memory-limit-mb", "inf", "inf is not a positive, finite number."),
        (("retrain", "run"), "--pick", "best", "'best' is not one of 'knee'."),
    ],
)
def test_a_wrong_value_is_answered_with_the_allowed_ones(command, option, value, allowed):
    result = CliRunner().invoke(app, [*command, option, value])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Invalid value for '{option}':" in message(result.stderr)
    assert allowed in message(result.stderr)


@pytest.mark.parametrize(
    ("command", "option", "value", "told"),
    [
        (("front", "run"), "--format", "tabel", "'tabel' is not one of 'table', .* 'latex'. Did you mean 'table'?"),
        (("data", "check", "data"), "--format", "vok", "'vok' is not one of .* 'yolo'. Did you mean 'voc'?"),
        (("retrain", "run"), "--epochs", "many", "it must be a whole number."),
        (("retrain", "run"), "--epochs", "0", "it must be greater than or equal to 1."),
        (EVALUATE, "--memory-limit-mb", "all", "it must be a number."),
    ],
)
def test_a_wrong_value_is_answered_in_plain_words_with_the_nearest_one(command, option, value, told):
    result = CliRunner().invoke(app, [*command, option, value])
    told = told.replace("?", "[?]")
    assert re.search(rf"Invalid value for '{option}': {told} $", message(result.stderr)), message(result.stderr)


def test_no_epochs_are_refused():
    result = CliRunner().invoke(app, ["retrain", "run", "--pick", "knee", "--epochs", "0"])
    assert result.exit_code == 2
    assert "Invalid value for '--epochs':" in message(result.stderr)


def test_the_formats_that_the_command_line_names_are_all_but_the_generated():
    assert get_args(DataFormat) == tuple(name for name in FORMATS if name != "shapes")


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    result = CliRunner().invoke(app, [*EVALUATE, "--device", "cuda"])
    assert result.exit_code == 2
    assert result.stderr == "Error: --device is 'cuda', but this machine has no GPU; allowed are auto and cpu.\n"
