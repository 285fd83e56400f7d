"""Which candidates are to blame when Ray ends all workers, and which are scored again."""

from types import SimpleNamespace

import pytest
from drive_search import open_controller

from search.workers.assignments import NODES_LOST, Assignments

ACTORS = ("a" * 32, "b" * 32)


class Actor:
    """A handle as Ray prints it; what it is given goes nowhere."""

    def __init__(self, actor_id: str) -> None:
        self._id = actor_id
        self.assign = SimpleNamespace(remote=lambda *args, **kwargs: None)

    def __repr__(self) -> str:
        return f"Actor(ScoringTrial, {self._id})"


def worker(actor_id: str, trial_id: str) -> SimpleNamespace:
    return SimpleNamespace(trial_id=trial_id, temporary_state=SimpleNamespace(ray_actor=Actor(actor_id)))


@pytest.fixture
def two_at_work(tmp_path):
    """Two workers with the candidates 0 and 1."""
    assignments = Assignments(open_controller(tmp_path, trials=4, workers=2))
    for number, actor_id in enumerate(ACTORS):
        assignments.assign(worker(actor_id, str(number)))
    return assignments


def test_the_candidate_of_the_worker_that_the_report_names_is_to_blame_and_the_other_is_scored_again(two_at_work):
    blamed = two_at_work.all_lost(f"Selected to kill: (Actor({ACTORS[1]}): job ID=01000000, pid=7)")
    assert [one.number for one in blamed] == [1]
    assert two_at_work.held == 0
    assert two_at_work.waiting
    again = worker("c" * 32, "2")
    two_at_work.assign(again)
    assert two_at_work.release(again).number == 0


def test_where_no_worker_is_named_all_are_scored_again_until_that_has_been_tried_often_enough(two_at_work):
    assert two_at_work.all_lost("no name") == []
    for _ in range(NODES_LOST - 2):
        for number, actor_id in enumerate(ACTORS):
            two_at_work.assign(worker(actor_id, str(number)))
        assert two_at_work.all_lost("no name") == []
    for number, actor_id in enumerate(ACTORS):
        two_at_work.assign(worker(actor_id, str(number)))
    assert [one.number for one in two_at_work.all_lost("no name")] == [0, 1]


def test_the_only_worker_is_to_blame_without_a_name(tmp_path):
    assignments = Assignments(open_controller(tmp_path, trials=4))
    assignments.assign(worker(ACTORS[0], "0"))
    assert [one.number for one in assignments.all_lost("no name")] == [0]
    assert assignments.all_lost("no name") == []


def test_the_only_worker_with_a_candidate_is_not_to_blame_for_another_that_the_report_names(tmp_path):
    assignments = Assignments(open_controller(tmp_path, trials=4))
    assignments.assign(worker(ACTORS[0], "0"))
    assert assignments.all_lost(f"Selected to kill: (Actor({ACTORS[1]}): job ID=01000000, pid=7)") == []
    assert assignments.waiting
