"""When the limit on a score's seconds ends a worker, by a clock of our own and without Ray."""

from types import SimpleNamespace

import pytest

from search.workers import time_limit
from search.workers.time_limit import GRACE_SECONDS, TimeLimit


@pytest.fixture
def world(monkeypatch):
    """What the time is, which workers answer, and which were ended. A worker's answer is its name."""
    made = SimpleNamespace(now=0.0, answering=set(), killed=[])
    monkeypatch.setattr(time_limit.time, "monotonic", lambda: made.now)
    monkeypatch.setattr(time_limit.ray, "kill", lambda worker: made.killed.append(worker.name))
    monkeypatch.setattr(
        time_limit.ray, "wait", lambda refs, timeout: ([ref for ref in refs if ref in made.answering], [])
    )
    return made


def worker(name):
    return SimpleNamespace(name=name, __ray_ready__=SimpleNamespace(remote=lambda: name))


def pass_time(world, limit, until):
    while world.now < until:
        world.now += 0.5
        limit.enforce()


def test_a_worker_beyond_the_limit_that_does_not_answer_is_ended_once(world):
    limit = TimeLimit(30.0)
    limit.begin("w", worker("w"))
    pass_time(world, limit, 30 + GRACE_SECONDS - 0.5)
    assert (world.killed, limit.reason("w")) == ([], None)
    pass_time(world, limit, 60)
    assert (world.killed, limit.reason("w")) == (["w"], "no score within 30 s (scoring.timeout)")


def test_a_worker_that_answers_has_scored_or_not_begun_and_gets_the_whole_time_again(world):
    limit = TimeLimit(2.5)
    limit.begin("w", worker("w"))
    world.answering.add("w")
    pass_time(world, limit, 3.5)
    world.answering.clear()
    pass_time(world, limit, 3.0 + 2.5 + GRACE_SECONDS - 0.5)
    assert world.killed == []
    pass_time(world, limit, 3.0 + 2.5 + GRACE_SECONDS)
    assert (world.killed, limit.reason("w")) == (["w"], "no score within 2.5 s (scoring.timeout)")


def test_a_score_in_time_and_a_search_without_a_limit_end_no_worker(world):
    limit, without = TimeLimit(2.0), TimeLimit()
    limit.begin("a", worker("a"))
    without.begin("b", worker("b"))
    limit.end("a")
    pass_time(world, limit, 100)
    pass_time(world, without, 200)
    assert world.killed == []
    assert (limit.reason("a"), without.reason("b")) == (None, None)
