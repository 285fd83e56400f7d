"""What `bitfront latency` prints and keeps, of a measurement that was made up."""

import pytest
from typer.testing import CliRunner

from search.cli.app import app
from spaces.latency import LatencyTable
from tests.parts.latency_tables import made_up_table

pytest.importorskip("openvino", reason="OpenVINO isn't installed.")

from trainers.export.openvino.latency import Checked
from trainers.export.openvino.timing import Time

ABOUT = {"graphs": 7, "processor": "A processor", "openvino": "1.2.3", "clock": "processor time"}
MACHINE = "A processor, 2 thread(s), OpenVINO 1.2.3, processor time."


@pytest.fixture
def call(monkeypatch):
    """Calls the command; the first candidate takes 2 ms where 2.1 are predicted, each other 4 where 3 are."""

    def measured_table(spec, choices, fitted, checked, settings):
        table = made_up_table({"real": 1.0, "sign": 0.25}, spec=spec, about=ABOUT | {"threads": settings.threads})
        figures = [(2.0, 2.1)] + [(4.0, 3.0)] * (len(checked) - 1)
        found = [
            Checked(one, Time(ms, ms + 0.5, ms + 1), said) for one, (ms, said) in zip(checked, figures, strict=False)
        ]
        return table, found

    monkeypatch.setattr("trainers.export.openvino.latency.measured_table", measured_table)
    monkeypatch.setenv("COLUMNS", "160")
    small = ["--set", "student.width=0.125", "--set", "data.image_size=96", "--threads", "2"]
    return lambda *arguments: CliRunner().invoke(app, ["latency", "demo", *small, *map(str, arguments)])


def test_each_candidate_that_was_checked_has_a_row_and_the_table_is_kept(call, tmp_path):
    """They are off by 5 and 25 %, in the right order."""
    done = call("--check", 2, "-o", tmp_path / "machine.json")
    assert done.exit_code == 0, done.output
    rows = [[cell.strip() for cell in line.split("│")[2:-1]] for line in done.stdout.splitlines() if "│" in line]
    assert rows == [["2", "2.500 to 3.000", "2.1", "5"], ["4", "4.500 to 5.000", "3", "-25"]]
    kept = LatencyTable.from_text((tmp_path / "machine.json").read_text())
    layers = len(kept.layers)
    assert done.stdout.splitlines()[-3:] == [
        f"{2 * layers} times of {layers} layers from 7 graphs; {MACHINE}",
        "Predictions are off by 15.0 % on average, Kendall's tau 1.00.",
        f"Wrote {tmp_path}/machine.json.",
    ]
    assert kept.about["checked"] == 2
    assert kept.about["mean_error"] == pytest.approx(0.15)
    assert kept.about["tau"] == 1


def test_without_a_check_and_a_file_the_measurement_alone_is_told(call):
    done = call("--check", 0)
    assert done.exit_code == 0, done.output
    [line] = done.stdout.splitlines()
    assert line.endswith(f"from 7 graphs; {MACHINE}")
