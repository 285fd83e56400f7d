"""What the command line says of a disk that is full and of places that can't be written to."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import results
from search.cli import place_errors
from search.cli.app import app
from search.cli.place_errors import REASONS, explained, is_of_a_place
from search.config import config_text, load_config

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
from search.cli.app import main
main()
"""
"""The command line in a process that may write to no file: real errors, of the kind that a full disk gives."""


@pytest.fixture
def run(tmp_path):
    """A run with two trials; the second is the front's dearer end."""
    folder = tmp_path / "run"
    folder.mkdir()
    common = {"state": "complete", "reason": None, "layer/b0": "real", "teacher/t": "none", "bit_ops": 1.0, "ops": 1.0}
    records = [{"number": n, "id": f"{n}{n}", **common, "map50": 0.25 * (n + 1), "bit_ops": n + 1.0} for n in (0, 1)]
    results.write_run_tables(folder, records, x="bit_ops", y="map50")
    (folder / "config.yaml").write_text(config_text(load_config("demo")))
    return folder


def fails_with(monkeypatch, error):
    def broken(*arguments):
        raise error

    monkeypatch.setattr("search.stages.search.run_search", broken)
    return CliRunner().invoke(app, ["search", "demo"])


def test_a_full_disk_is_named_with_the_file_its_room_and_the_way_out(monkeypatch, tmp_path):
    disk = SimpleNamespace(f_files=9, f_favail=3, f_bavail=5, f_frsize=2**19)
    monkeypatch.setattr(os, "statvfs", lambda folder: disk)
    file = tmp_path / "not there" / "supernet.safetensors"
    result = fails_with(monkeypatch, OSError(errno.ENOSPC, "No space left on device", str(file)))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: {file} can't be used: the disk is full (2.5 MB are free in {tmp_path}). Make room there, or free some "
        "of your quota, then start the same command again.\n"
    )


def test_a_disk_without_room_for_another_file_is_no_riddle(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "statvfs", lambda folder: SimpleNamespace(f_files=9, f_favail=0))
    text = explained(OSError(errno.ENOSPC, "", str(tmp_path / "x")))
    assert f"the disk is full ({tmp_path} has room for no more files, whatever their size)" in text


@pytest.mark.parametrize("number", REASONS)
def test_every_fault_of_a_place_exits_with_2_and_names_it(monkeypatch, number, tmp_path):
    result = fails_with(monkeypatch, OSError(number, os.strerror(number), str(tmp_path / "file")))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {tmp_path}/file can't be used: {REASONS[number][0]}")
    assert result.stderr.endswith(f". {REASONS[number][1]}\n")
    assert "Errno" not in result.stderr


def test_a_fault_without_a_name_is_stdouts_or_a_mistake_of_ours():
    assert explained(OSError(errno.ENOSPC, "")).startswith("stdout, stderr or a file without a name can't be used: the")
    assert is_of_a_place(OSError(errno.ENOSPC, ""))
    assert not is_of_a_place(OSError(errno.EBADF, ""))
    assert is_of_a_place(OSError(errno.EBADF, "", "/dev/fd/9"))
    assert not is_of_a_place(OSError(errno.ECONNREFUSED, "", "socket"))


def bitfront(*arguments, program="from search.cli.app import main; main()", **options):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(place_errors.__file__).parents[2])}
    return subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, timeout=60, **options)


def test_a_front_that_does_not_fit_on_the_disk_is_one_message_and_no_file(run, tmp_path):
    """Three processes at some two seconds each."""
    with (tmp_path / "out").open("wb") as out:
        to_file = bitfront("front", run, "-o", tmp_path / "front.txt", program=LIMITED, stdout=out)
        to_stdout = bitfront("front", run, program=LIMITED, stdout=out)
    limit = "files may not get that large, by the file system or by `ulimit -f`. Raise the limit.\n"
    assert (to_file.returncode, to_file.stderr) == (2, f"Error: {tmp_path / 'front.txt'} can't be used: {limit}")
    assert to_stdout.returncode == 2
    assert to_stdout.stderr == f"Error: stdout, stderr or a file without a name can't be used: {limit}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]
    with (tmp_path / "both").open("wb") as both:
        command = [sys.executable, "-c", LIMITED, "front", str(run)]
        environment = {**os.environ, "PYTHONPATH": str(Path(place_errors.__file__).parents[2])}
        silent = subprocess.run(command, env=environment, stdout=both, stderr=both, timeout=60)
    assert silent.returncode == 2


@pytest.mark.parametrize("output", [(), ("-o", "/dev/stdout")])
def test_a_reader_that_has_ended_ends_the_command_quietly(run, output):
    read, written = os.pipe()
    os.close(read)
    done = bitfront("front", run, *output, stdout=written)
    os.close(written)
    assert (done.returncode, done.stderr) == (141, "")
