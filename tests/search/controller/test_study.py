"""The record of a run as Optuna alone reads it: names of the objectives, times of the trials, no class of ours."""

import datetime
import time

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend


@pytest.fixture
def study(tmp_path):
    def load():
        storage = JournalStorage(JournalFileBackend(str(tmp_path / "run/journal.log")))
        return optuna.load_study(study_name="run", storage=storage)

    return load


def test_the_objectives_are_named_and_the_trials_have_their_durations(open_controller, score, costs, study):
    controller = open_controller(workers=2)
    begun = time.monotonic()
    first, second = controller.ask(), controller.ask()
    time.sleep(0.2)
    controller.tell(second.number, score(second.candidate))
    time.sleep(0.1)
    controller.tell_failed(first.number, "DivergedError: the loss is nan")
    ended = time.monotonic()
    table = study().trials_dataframe()
    assert list(table["user_attrs_number"]) == [1, 0]
    assert list(table["state"]) == ["COMPLETE", "FAIL"]
    assert table["values_map50"][0] == score(second.candidate).metrics["map50"]
    assert table["values_bit_ops"][0] == costs(second.candidate)["bit_ops"]
    seconds = table["duration"].dt.total_seconds()
    assert 0.199 < seconds[0] < seconds[1] - 0.099 < ended - begun - 0.099
    assert abs(table["datetime_complete"].max() - datetime.datetime.now()) < datetime.timedelta(seconds=5)


def test_times_survive_a_resume(open_controller, drive, study):
    drive(open_controller(), count=4)
    before = [(trial.datetime_start, trial.datetime_complete) for trial in study().trials]
    drive(open_controller(), count=4)
    assert [(trial.datetime_start, trial.datetime_complete) for trial in study().trials][:4] == before


def test_a_record_without_names_gets_them_when_it_is_resumed(tmp_path, open_controller, study):
    open_controller()
    path = tmp_path / "run/journal.log"
    named = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(named[:-1]))
    assert study().metric_names is None
    open_controller()
    assert study().metric_names == ["map50", "bit_ops"]
    open_controller()
    assert path.read_bytes().count(b"study:metric_names") == 1
