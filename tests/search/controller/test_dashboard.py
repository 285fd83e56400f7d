"""What dashboards and other programs of Optuna's read in the record of a run, and what they may write into it."""

import json
import subprocess
import sys

import optuna
import pytest
from drive_controller import untimed
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from search.errors import RunError


@pytest.fixture
def elsewhere(tmp_path):
    """Runs statements in another process, with the run's `study` and its `storage`."""
    opened = (
        "import optuna\n"
        "from optuna.storages import JournalStorage\n"
        "from optuna.storages.journal import JournalFileBackend\n"
        f"storage = JournalStorage(JournalFileBackend({str(tmp_path / 'run/journal.log')!r}))\n"
        "study = optuna.load_study(study_name='run', storage=storage)\n"
    )
    return lambda statements: subprocess.run([sys.executable, "-W", "ignore", "-c", opened + statements], check=True)


# Another process imports Optuna.
def test_what_another_program_writes_between_our_trials_changes_nothing(open_controller, drive, elsewhere):
    drive(open_controller("undisturbed", sampler="tpe", trials=12))
    controller = open_controller(sampler="tpe", trials=12)
    drive(controller, 4)
    elsewhere(
        "storage.set_study_system_attr(0, 'dashboard:0:note_ver', 1)\n"
        "storage.set_study_system_attr(0, 'dashboard:0:note_str:0', 'compare with trial 3')\n"
        "try: storage.set_trial_user_attr(study.trials[1]._trial_id, 'tag', 'good')\n"
        "except optuna.exceptions.UpdateFinishedTrialError: pass  # refused, but it stands in the file\n"
        "study.set_user_attr('reader', 'me')\n"
        "study.enqueue_trial({'layer/b0': 'sign'})\n"
        "study.add_trial(optuna.create_trial(values=[0.5, 1.0]))\n"
    )
    drive(controller, 4)
    resumed = open_controller(sampler="tpe", trials=12)
    assert resumed.finished == 8
    drive(resumed)
    assert untimed(resumed) == untimed(open_controller("undisturbed", sampler="tpe", trials=12))


def test_a_study_that_another_program_deletes_can_be_had_again(tmp_path, open_controller, drive, score):
    controller = open_controller()
    drive(controller, 3)
    proposal = controller.ask()
    path = tmp_path / "run/journal.log"
    before = path.read_bytes()
    optuna.delete_study(study_name="run", storage=JournalStorage(JournalFileBackend(str(path))))
    with pytest.raises(
        RunError, match=r"^Another program has deleted the run's study in .*journal.log\. In a journal.log"
    ):
        controller.tell(proposal.number, score(proposal.candidate))
    with pytest.raises(
        RunError, match=r"journal.log has its study deleted in line 7, by another program\. Remove that"
    ):
        open_controller()
    assert len(before.splitlines()) == 6  # the study, its identity, the objectives' names, three trials
    path.write_bytes(before)
    assert open_controller().ask() == proposal


def test_the_list_of_constraints_is_written_for_dashboards_and_no_sampler_sees_it(tmp_path, open_controller, drive):
    settings = {"constraints": {"ops": 40.0, "bit_ops": 3000.0}, "sampler": "nsga2", "trials": 12}
    unbroken = open_controller("unbroken", **settings)
    drive(unbroken)
    drive(open_controller(**settings), 8)
    resumed = open_controller(**settings)
    drive(resumed)
    assert untimed(resumed) == untimed(unbroken)
    assert {len(trial.constraints) for trial in resumed._study.trials if trial.values} == {2}
    written = [json.loads(line) for line in (tmp_path / "run/journal.log").read_bytes().splitlines()]
    trials = [one["system_attrs"] for one in written if one.get("state") == optuna.trial.TrialState.COMPLETE]
    assert len(trials) == 11  # and one that failed
    assert all(one["constraints"] == [one["constraints:ops"], one["constraints:bit_ops"]] for one in trials)
