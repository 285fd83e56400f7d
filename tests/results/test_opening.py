"""A run can be opened at any time and anywhere, and opening it changes nothing."""

import shutil
import subprocess
import sys

import pandas as pd

from results import open_run
from results.front import front_flags

FRAMES = (
    "front",
    "ranks",
    "layers",
    "retrained",
    "training",
    "seconds",
    "environment",
    "failures",
    "history",
    "effects",
)

WRITER = """
import sys
from results import write_run_tables

records = []
for n in range(100_000):
    trial = {"number": n, "id": f"{n:08}", "state": "complete", "bit_ops": 1e6 + 7919 * n % 10007, "map50": n % 97 / 97}
    records.append(trial | {f"layer/block.{n % 13}": "sign", "weight/hint": n if n % 2 else "none"})
    written = records[-200:] if n % 3 else records[-7:]
    write_run_tables(sys.argv[1], written, x="bit_ops", y="map50", planned=200_000, ended=False)
    if n == 3:
        print("begun", flush=True)
"""


def state_of(folder):
    return {str(file): (file.stat().st_mtime_ns, file.is_file() and file.read_bytes()) for file in folder.rglob("*")}


def test_looking_at_a_run_changes_nothing(whole_run):
    before = state_of(whole_run)
    run = open_run(whole_run)
    for name in FRAMES:
        getattr(run, name)()
    assert state_of(whole_run) == before


def test_a_copy_and_a_moved_run_are_the_same_run(whole, whole_run, tmp_path):
    shutil.copytree(whole_run, tmp_path / "copy")
    (tmp_path / "copy" / "lock").write_text("12345 of another machine")
    (tmp_path / "copy").rename(tmp_path / "moved")
    run = open_run(tmp_path / "moved")
    assert run.state == "finished"
    pd.testing.assert_frame_equal(run.trials, whole.trials)
    assert run.retrained()["path"].str.startswith(str(tmp_path / "moved")).all()


def test_a_table_is_never_torn_while_another_process_writes_it(tmp_path):
    """The writer goes to and fro between long tables and short ones with other columns."""
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout.readline() == "begun\n"
            seen, looks = set(), 0
            while looks < 40 or len(seen) <= 5:  # many tables, not one
                looks += 1
                run = open_run(tmp_path)
                numbers = run.trials["number"].tolist()
                assert numbers == list(range(numbers[0], numbers[-1] + 1))
                assert run.trials["front"].tolist() == front_flags(run.trials, run.x, run.y).tolist()
                assert run.planned == 200_000
                seen.add(numbers[-1])
        finally:
            writer.kill()
