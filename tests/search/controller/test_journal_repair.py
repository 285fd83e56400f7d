"""What we know of Optuna's journal file, compared with what the installed Optuna writes."""

import json
import tempfile
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.storages.journal._storage import JournalOperation

from search.controller.journal_repair import OPERATIONS, cut_half_written, is_record, open_journal_file
from search.errors import RunError


@pytest.fixture
def path(tmp_path):
    """A journal with the records of a study, a trial with a parameter, its value, and an attribute of each kind."""
    file = tmp_path / "journal.log"
    sampler = optuna.samplers.RandomSampler(seed=2)  # which draws "real"
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(file))), study_name="run", sampler=sampler
    )
    study.set_user_attr("identity", "x")
    trial = study.ask()
    trial.suggest_categorical("layer/a", ["real", "sign"])
    trial.set_user_attr("number", 0)
    trial.set_constraint("ops", -1.0)
    study.tell(trial, 0.5)
    return file


def test_the_known_operations_are_those_of_the_installed_optuna():
    assert [operation.value for operation in JournalOperation] == list(OPERATIONS)


def test_each_line_that_optuna_writes_is_a_record(path):
    lines = path.read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["op_code"] for line in lines] == [0, 2, 4, 5, 8, 9, 6]
    assert all(is_record(line) for line in lines)


@pytest.mark.parametrize(
    "line", [b"", b"\0\0\n", b"3\n", b"[]\n", b"{}\n", b'{"op_code": 11}\n', b'{"op_code": "4"}\n']
)
def test_other_lines_are_none(line):
    assert not is_record(line)


def test_optunas_lock_is_removed(path):
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    assert [file.name for file in path.parent.iterdir() if file != path] == ["journal.log.lock"]
    open_journal_file(path)
    assert list(path.parent.iterdir()) == [path]


def test_a_lock_that_was_being_released_is_removed(path):
    (path.parent / "journal.log.lock1d6d1d6e.rename").symlink_to(path)
    open_journal_file(path)
    assert list(path.parent.iterdir()) == [path]


def test_a_half_written_record_is_cut_off_and_a_whole_file_is_left_alone(path):
    whole = path.read_bytes()
    cut_half_written(path)
    assert path.read_bytes() == whole
    before_last = whole[: whole.rstrip(b"\n").rfind(b"\n") + 1]
    path.write_bytes(whole[:-7])
    cut_half_written(path)
    assert path.read_bytes() == before_last


@given(garbage=st.binary(max_size=40), ended=st.booleans())
def test_any_garbage_at_the_end_is_cut_off_to_the_last_whole_record(garbage, ended):
    """What a disk or a file system leaves behind whole records, with an end of line or without."""
    whole = b'{"op_code":4}\n'
    last = garbage.replace(b"\n", b"") + b"\n" * ended
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "journal.log")
        file.write_bytes(whole * 2 + last)
        cut_half_written(file)
        assert file.read_bytes() == whole * 2


def test_a_record_that_lacks_its_fields_is_damage(path):
    path.write_bytes(path.read_bytes() + b'{"op_code":4}\n')
    with pytest.raises(RunError, match=r"journal.log is damaged: a record lacks what it must have \(KeyError"):
        open_journal_file(path)


def test_the_storage_reads_its_own_trials_back_without_parameters_and_other_writers_with_them(path):
    study, elsewhere = (
        optuna.load_study(study_name="run", storage=storage)
        for storage in (open_journal_file(path), JournalStorage(JournalFileBackend(str(path))))
    )
    distributions = {"layer/a": optuna.distributions.CategoricalDistribution(["real", "sign"])}
    trial = optuna.create_trial(value=0.25, params={"layer/a": "sign"}, distributions=distributions)
    for one in (elsewhere, study):
        one.add_trial(trial)
    assert [one.params for one in study.trials] == [{"layer/a": "real"}, {"layer/a": "sign"}, {}]
    assert [one.value for one in study.trials] == [0.5, 0.25, 0.25]
    assert [one.params for one in elsewhere.trials][1:] == [{"layer/a": "sign"}] * 2
