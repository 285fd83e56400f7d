"""The record outlives any death of its writer: cut at any byte, it still opens, and lacks at most the last trial."""

import os
import shutil

import pytest
from optuna.distributions import CategoricalDistribution

from search.controller.controller import Controller
from search.controller.journal import Journal
from search.controller.problem import SearchProblem
from search.errors import RunError
from spaces.space import Knob, SearchSpace

OBJECTIVES = ("map50", "bit_ops")


@pytest.fixture
def tiny():
    """Two layers only, so that a record is short and can be cut at each of its bytes."""
    return SearchSpace([Knob(f"layer/b{i}", ("real", "sign")) for i in range(2)])


def test_a_journal_cut_at_a_byte_of_its_last_record_goes_on_where_it_was(
    tmp_path, tiny, open_controller, score, costs, drive
):
    whole = open_controller("whole", space=tiny, seed=2)
    expected = drive(whole)
    assert len(expected) == 4  # 2 * 2 candidates, none of them failed
    drive(open_controller("cut", space=tiny, seed=2), count=2)
    controller = open_controller("cut", space=tiny, seed=2)
    third = controller.ask()
    before = (tmp_path / "cut/journal.log").read_bytes()
    controller.tell(third.number, score(third.candidate))
    after = (tmp_path / "cut/journal.log").read_bytes()
    assert after.startswith(before)
    for length in [*range(len(before), len(after) - 9, 3), *range(len(after) - 9, len(after) + 1)]:
        shutil.rmtree(tmp_path / "again", ignore_errors=True)
        shutil.copytree(tmp_path / "cut", tmp_path / "again")
        os.truncate(tmp_path / "again/journal.log", length)
        journal = Journal(tmp_path / "again", name="run", space=tiny, objectives=OBJECTIVES)
        kept = len(journal.trials())
        assert kept == (3 if length == len(after) else 2)
        if (length - len(before)) % 48 and length < len(after) - 2:
            continue
        again = Controller(SearchProblem(tiny, costs, OBJECTIVES, trials=40), journal, sampler="random", seed=2)
        assert expected[:kept] + drive(again) == expected


def test_a_last_line_of_garbage_is_cut_off(tmp_path, open_controller, drive):
    drive(open_controller(), count=3)
    with (tmp_path / "run/journal.log").open("ab") as file:
        file.write(b"\0\0\0\n")
    assert open_controller().finished == 3


def test_damage_in_the_middle_is_named_with_its_line(tmp_path, open_controller, drive):
    drive(open_controller(), count=3)
    path = tmp_path / "run/journal.log"
    lines = path.read_bytes().split(b"\n")
    lines[3] = lines[3][:40]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(RunError, match=r"journal.log is damaged in line 4: .*Cut the file off before that line"):
        open_controller()


def test_a_stale_lock_of_optuna_does_not_hold_up_the_next_start(tmp_path, open_controller, drive):
    drive(open_controller(), count=1)
    (tmp_path / "run/journal.log.lock").symlink_to(tmp_path / "run/journal.log")
    drive(open_controller(), count=1)  # waits 30 s for the lock where it isn't removed
    assert not (tmp_path / "run/journal.log.lock").is_symlink()


def test_half_written_notes_of_what_is_in_flight_are_nothing_in_flight(tmp_path, open_controller, drive):
    controller = open_controller()
    drive(controller, count=2)
    lost = controller.ask()
    (tmp_path / "run/in_flight.jsonl").write_text('{"number": 2, ')
    assert open_controller().ask() == lost  # proposed anew, from the same seed and number


def test_another_space_or_objective_is_refused(tmp_path, open_controller, tiny, space):
    open_controller()
    with pytest.raises(
        RunError, match=r"journal.log records a search with another space\. Use the config that the run"
    ):
        open_controller(space=tiny)
    with pytest.raises(RunError, match="records a search with another objectives"):
        Journal(tmp_path / "run", name="run", space=space, objectives=("map50", "ops"))


def test_a_run_taken_up_again_leaves_the_trials_of_its_journal_as_they_are(
    tmp_path, space, costs, open_controller, drive
):
    drive(open_controller(), count=3)
    journal = Journal(tmp_path / "run", name="run", space=space, objectives=OBJECTIVES)
    Controller(SearchProblem(space, costs, OBJECTIVES, trials=40), journal, sampler="random")
    distributions = [one for trial in journal.trials() for one in trial.distributions.values()]
    assert len(distributions) == 3 * 8
    assert {type(one) for one in distributions} == {CategoricalDistribution}


def test_a_start_that_died_before_its_first_trial_is_taken_up(tmp_path, open_controller, drive):
    open_controller()
    path = tmp_path / "run/journal.log"
    created, *_ = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(created)
    assert len(drive(open_controller(), count=2)) == 2


def test_a_start_killed_at_a_byte_of_its_first_records_is_taken_up(tmp_path, tiny):
    path = tmp_path / "run/journal.log"
    journal = Journal(path.parent, name="run", space=tiny, objectives=OBJECTIVES)
    begun = path.read_bytes()
    assert begun.count(b"\n") == 3  # the study, its identity, the objectives' names
    for length in range(0, len(begun), 3):
        path.write_bytes(begun[:length])
        journal = Journal(path.parent, name="run", space=tiny, objectives=OBJECTIVES)
        assert journal.trials() == []
        assert path.read_bytes().count(b"\n") == 3


def test_a_database_serves_as_well(tmp_path, space, costs, drive):
    def open_one():
        journal = Journal(
            tmp_path / "run", name="run", space=space, objectives=OBJECTIVES, storage=f"sqlite:///{tmp_path}/search.db"
        )
        problem = SearchProblem(space, costs, OBJECTIVES, constraints={"ops": 40.0}, trials=6)
        return Controller(problem, journal, sampler="nsga2")

    first = drive(open_one(), count=3)
    assert len(first + drive(open_one())) == 6
    rows = open_one().records()
    assert [row["number"] for row in rows] == list(range(6))
    assert [row["state"] for row in rows] == ["complete"] * 5 + ["failed"]
    assert not (tmp_path / "run/journal.log").exists()


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all/search.db", "oracle+none://host/db"])
def test_a_database_that_cannot_be_opened_is_refused(tmp_path, space, url):
    with pytest.raises(
        RunError, match=r"search.storage is '.*', which can't be opened: .*Remove the cause, or give pos"
    ):
        Journal(tmp_path / "run", name="run", space=space, objectives=OBJECTIVES, storage=url)


def test_the_record_says_in_which_order_results_came_in(open_controller, score):
    controller = open_controller(workers=3)
    proposals = [controller.ask() for _ in range(3)]
    for proposal in reversed(proposals):
        controller.tell(proposal.number, score(proposal.candidate))
    assert [row["number"] for row in controller.records()] == [2, 1, 0]
    assert [row["number"] for row in open_controller(workers=3).records()] == [2, 1, 0]


def test_one_append_a_trial(tmp_path, open_controller, drive):
    controller = open_controller()
    lines = len((tmp_path / "run/journal.log").read_bytes().splitlines())
    drive(controller, count=5)
    assert len((tmp_path / "run/journal.log").read_bytes().splitlines()) == lines + 5
    assert len((tmp_path / "run/in_flight.jsonl").read_bytes().splitlines()) == 5


def test_nothing_is_left_in_flight_at_the_end_of_a_run(tmp_path, open_controller, drive):
    drive(open_controller(trials=3))
    assert (tmp_path / "run/in_flight.jsonl").read_bytes() == b""


def test_a_line_torn_by_a_kill_costs_no_other(tmp_path, open_controller, drive):
    controller = open_controller(workers=2)
    drive(controller, count=2)
    proposals = [controller.ask(), controller.ask()]
    with (tmp_path / "run/in_flight.jsonl").open("ab") as file:
        file.write(b'{"number": 4, "par')
    again = open_controller(workers=2)
    assert [again.ask().candidate for _ in range(2)] == [one.candidate for one in proposals]
    assert (tmp_path / "run/in_flight.jsonl").read_bytes().count(b"\n") == 4  # two kept, and given out again
