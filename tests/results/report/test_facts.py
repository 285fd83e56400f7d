"""The times of a run in its report."""

import json
import shutil

import results
from results.report.facts import facts_section


def test_the_time_of_all_retrainings_by_command_is_called_so(run_folder, tmp_path):
    folder = shutil.copytree(run_folder, tmp_path / "run")
    (folder / "seconds.json").write_text(json.dumps({"search": 60, "retrain aa00000000": 5, "retrain": 7}))
    times = facts_section(results.open_run(folder)).tables[0]
    assert [row[0] for row in times.rows] == ["search", "retrain aa00000000", "all of bitfront retrain"]
