"""`bitfront cost --range`: both ends of a space, and what is left in the cheapest network."""

import pytest
from typer.testing import CliRunner

from search.cli.app import app
from search.cli.cost_range import cost_range
from search.config import ConfigError

STEM = 16 * 3 * 49 * 48 * 48  # 7 x 7 of stride 2 on 96 pixels, a quarter of ResNet-18's 64 channels
SMALL = ["student.width=0.25", "data.image_size=96"]


@pytest.fixture(scope="module")
def command():
    """What the command prints, and the range that it found."""
    ranges = []

    def noted(*arguments):
        ranges.append(cost_range(*arguments))
        return ranges[-1]

    overrides = [option for one in SMALL for option in ("--set", one)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.cli.cost_range.cost_range", noted)
        printed = CliRunner().invoke(app, ["cost", "demo", "--range", *overrides])
    [found] = ranges
    return printed, found


def test_the_ends_are_the_cheapest_and_the_dearest_of_every_knob(command):
    _, found = command
    rows = {row["layer"]: row for row in found.rows}
    stem = rows["backbone.conv1"]
    assert (stem["knob"], stem["cheapest"], stem["dearest"]) == ("stem", "int4", "real")
    assert (stem["bit_ops"], stem["bit_ops_dearest"], stem["ratio"]) == (STEM * 16, STEM * 1024, 64)
    total = rows["total"]
    assert total["bit_ops"] == sum(row["bit_ops"] for row in found.rows[:-1])
    assert stem["share"] == pytest.approx(stem["bit_ops"] / total["bit_ops"], abs=1e-4)
    assert found.figures["cheapest"]["bit_ops"] == total["bit_ops"]
    assert found.figures["dearest"] == found.figures["all real"]
    assert {row["knob"] for row in found.rows[:-1]} >= {"stem", "shortcuts", "heads.cls", "heads.box"}
    assert total["ratio"] > 200


def test_what_no_knob_reaches_stands_at_both_ends_alike():
    space = ["space.layers={methods: [real, sign], open: {all: [real, int8]}, keep_real: [stem]}"]
    found = cost_range("demo", [*SMALL, *space], None)
    rows = {row["layer"]: row for row in found.rows}
    assert rows["backbone.conv1"]["knob"] == "none"
    assert rows["backbone.conv1"]["ratio"] == 1


def test_the_command_prints_both_ends_and_their_ratio(command):
    printed, _ = command
    assert printed.exit_code == 0, printed.output
    assert "The dearest costs as much as the cheapest times 208.6 in bit_ops" in printed.output
    assert "all sign+input_norm, int8 elsewhere: " in printed.output


def test_a_range_is_not_of_one_candidate():
    with pytest.raises(ConfigError, match="--range was given together with --layers, which is about one candidate"):
        cost_range("demo", SMALL, None, layers="sign")
