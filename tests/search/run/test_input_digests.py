"""The user's files of weights that a run stands on: another one in the same place is noticed."""

import hashlib
import json

import pytest

from search.errors import RunError
from search.run.digests import input_digests, note_inputs
from search.run.folder import RunFolder


def start(run, files):
    """What each start of a run does with the files that it uses."""
    note_inputs(run, input_digests(run, files))


def test_digests_are_noted_by_key_beside_those_of_earlier_starts(tmp_path):
    run, one, other = RunFolder(tmp_path), tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"one")
    other.write_bytes(b"other")
    (tmp_path / "journal.log").touch()
    start(run, {"student.weights": one})
    start(run, {"teachers.big.weights": other})
    assert json.loads((tmp_path / "given.json").read_text()) == {
        "student.weights": hashlib.sha256(b"one").hexdigest(),
        "teachers.big.weights": hashlib.sha256(b"other").hexdigest(),
    }


def test_a_run_without_such_files_notes_none(tmp_path):
    start(RunFolder(tmp_path), {})
    assert not list(tmp_path.iterdir())


def test_until_something_was_trained_a_file_may_be_replaced(tmp_path):
    run, file = RunFolder(tmp_path), tmp_path / "file"
    file.write_bytes(b"wrong")
    start(run, {"student.weights": file})
    file.write_bytes(b"right")
    start(run, {"student.weights": file})
    (tmp_path / "journal.log").touch()
    start(run, {"student.weights": file})
    file.write_bytes(b"third")
    with pytest.raises(
        RunError, match=r"student\.weights \(.*file\) is another file\. Bring the old one back, or give"
    ):
        start(run, {"student.weights": file})
    digest = hashlib.sha256(b"right").hexdigest()
    assert json.loads((tmp_path / "given.json").read_text()) == {"student.weights": digest}


def test_a_run_that_knows_no_digests_gets_them_at_its_next_start(tmp_path):
    run, file = RunFolder(tmp_path), tmp_path / "file"
    file.write_bytes(b"a")
    (tmp_path / "journal.log").touch()
    start(run, {"student.weights": file})
    file.write_bytes(b"b")
    with pytest.raises(RunError, match="other weights"):
        start(run, {"student.weights": file})


def test_a_file_that_is_gone_is_left_to_its_reader_and_compared_when_it_is_back(tmp_path):
    run, file = RunFolder(tmp_path), tmp_path / "file"
    file.write_bytes(b"a")
    (tmp_path / "journal.log").touch()
    start(run, {"student.weights": file})
    file.unlink()
    start(run, {"student.weights": file})
    file.write_bytes(b"b")
    with pytest.raises(RunError, match="other weights"):
        start(run, {"student.weights": file})
