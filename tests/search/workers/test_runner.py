"""Ray Tune runs the trials: failures are recorded and the search goes on; a killed driver loses and repeats nothing."""

import multiprocessing
import os
import time
from collections import Counter
from random import Random

import pytest
import ray
from drive_search import SPACE, drive, open_controller, start_ray
from fake_scorer import FakeParts, FakeScorer, make_fake_scorer

from results.pareto import pareto_mask
from search.controller.proposal import Done
from search.errors import RunError
from search.workers.assignments import Assignments
from search.workers.nodes import Nodes
from search.workers.reasons import LESS_MEMORY
from search.workers.recorder import FAILURES_IN_A_ROW
from search.workers.runner import _WorkerStarter, run_trials
from spaces.space import Knob, SearchSpace

LAYERS = list(SPACE.uniform("real"))
DIED = f"the worker died: its process was killed or crashed. If memory ran out, {LESS_MEMORY}"


@pytest.fixture(scope="module")
def ray_here():
    """One Ray for all tests in this process: its start takes some five seconds, a worker's import of torch three."""
    start_ray("local", num_cpus=2, include_dashboard=False)
    yield
    ray.shutdown()


def test_a_finished_search_starts_no_ray(tmp_path):
    controller = open_controller(tmp_path, trials=1)
    controller.tell_failed(controller.ask().number, "x")
    assert run_trials(open_controller(tmp_path, trials=1), FakeParts(), make_fake_scorer) is Done.BUDGET
    assert not ray.is_initialized()


@pytest.mark.parametrize("rungs", [1, 2])
def test_no_more_workers_are_started_than_there_are_candidates(tmp_path, rungs):
    controller = open_controller(tmp_path, trials=3, workers=16, rungs=rungs)
    starter = _WorkerStarter(controller, Assignments(controller), workers=16)
    started = []
    for name in map(str, range(16)):
        started += [name] if starter.suggest(name) else []
        controller.ask()  # as the worker does when it is ready
    assert started == ["0", "1", "2"]


@pytest.mark.usefixtures("ray_here")
def test_whatever_a_candidate_does_is_recorded_and_the_search_goes_on(tmp_path, recorded_progress):
    """Two candidates end their worker, so that another starts: some 10 s."""
    progress, rows = recorded_progress(), []
    initial = [SPACE.complete(dict.fromkeys(LAYERS[:signs], "sign")) for signs in (0, 6, 5, 3, 2, 1)]
    controller = open_controller(tmp_path, trials=15, initial=initial, workers=2, sampler="random", seed=9)
    parts = FakeParts(endings={1: "raise", 2: "nan", 3: "eat", 5: "kill", 6: "hang"})
    run_trials(
        controller,
        parts,
        make_fake_scorer,
        workers=2,
        nodes=Nodes(timeout=2),
        progress=progress,
        on_results=rows.extend,
    )
    assert rows == controller.records()
    assert sorted(row["number"] for row in rows) == list(range(15))
    reasons = {
        1: "FloatingPointError: the loss is not finite",
        2: "map50 is nan",
        3: f"MemoryError. Out of memory: {LESS_MEMORY}",
        5: DIED,
        6: "no score within 2 s (scoring.timeout)",
    }
    signs = [[row[layer] for layer in LAYERS].count("sign") for row in rows]
    assert [row["reason"] for row in rows] == [reasons.get(count) for count in signs]
    assert Counter(signs) == {0: 3, 1: 3, 2: 5, 3: 2, 5: 1, 6: 1}
    complete = [row for row in rows if row["state"] == "complete"]
    assert {row["map50"] for row in complete} == {0.9}
    assert len(complete) == signs.count(0)
    assert max(row["seconds_nth_of_worker"] for row in complete) > 2  # actors were reused
    assert {row["seconds_threads"] for row in complete} == {1}  # two workers on two cores
    assert {row["seconds_torch"] for row in complete} == {False}  # the scorer needs none
    assert progress.stages == [("search", 15)]
    advances = [event for event in progress.events if event[0] == "advance"]
    assert sum(units for _, units, _ in advances) == 15
    figures = advances[-1][2]
    assert (figures["failed"], figures["deaths"]) == (15 - len(complete), 2)
    first = next(row for row in rows if row["state"] == "failed")
    assert progress.notes[-1].startswith(
        f"search: candidate {first['id']} failed with: {first['reason'].rstrip('.')}. The"
    )
    assert figures["best"] == 0.9


@pytest.mark.usefixtures("ray_here")
def test_an_exhausted_space_ends_the_search_with_a_reason(tmp_path, recorded_progress):
    progress, space = recorded_progress(), SearchSpace([Knob("layer/b0", ("real", "sign", "bireal"))])
    controller = open_controller(tmp_path, trials=12, space=space, rungs=2)
    assert run_trials(controller, FakeParts(), make_fake_scorer, workers=2, progress=progress) is Done.EXHAUSTED
    assert sorted(row["rung"] for row in controller.records()) == [0, 0, 0, 1]
    advances = [event for event in progress.events if event[0] == "advance"]
    assert sum(units for _, units, _ in advances) == 3
    assert advances[-1][2]["ended"] == "early: every candidate of the search space has been proposed"


@pytest.mark.parametrize("end", ["raise", "die"])
@pytest.mark.usefixtures("ray_here")
def test_a_worker_that_cannot_be_set_up_again_blames_no_candidate_either(tmp_path, end):
    """The all-sign candidate kills the first worker, and no other can be made; takes some 10 s."""
    initial = [SPACE.uniform("real"), SPACE.uniform("sign")]
    made = tmp_path / "made"

    def make_once(parts):  # a function of a function goes to the workers by value, so they need not find this module
        if made.exists() and end == "die":
            os._exit(1)
        made.touch(exist_ok=False)
        return make_fake_scorer(parts)

    cause = {
        "raise": "FileExistsError",
        "die": "the worker died: its process was killed or crashed",
    }[end]
    controller = open_controller(tmp_path / "run", trials=12, initial=initial)
    with pytest.raises(RunError, match=f"A worker could not be set up: {cause}.*start the same command again"):
        run_trials(controller, FakeParts(endings={6: "die"}), make_once)
    assert [row["reason"] for row in controller.records()] == [None, DIED]
    assert open_controller(tmp_path / "run", trials=12, initial=initial).ask().number == 2


@pytest.mark.usefixtures("ray_here")
def test_nothing_but_failures_ends_the_search_also_after_a_success(tmp_path):
    controller = open_controller(tmp_path, trials=60, initial=[SPACE.uniform("real")])
    parts = FakeParts(endings=dict.fromkeys(range(7), "raise"))
    first = controller.ask()
    controller.tell(first.number, FakeScorer(FakeParts()).score(first.candidate))
    with pytest.raises(
        RunError, match=rf"{FAILURES_IN_A_ROW} candidates failed one after another, the last with: Float"
    ):
        run_trials(controller, parts, make_fake_scorer)
    assert len(controller.records()) == 1 + FAILURES_IN_A_ROW


@pytest.mark.usefixtures("ray_here")
@pytest.mark.parametrize(
    ("kills", "trials", "seed"), [(2, 16, 1), pytest.param(10, 60, 2, marks=pytest.mark.slow, id="ten")]
)
def test_a_driver_killed_at_random_moments_ends_as_an_unbroken_one(tmp_path, kills, trials, seed):
    """With one worker the trials, at two rungs, are those of the controller alone; takes some 4 s a start."""
    moments = random_moments(kills, seed)
    run_dir, log = tmp_path / "run", tmp_path / "scored.txt"
    log.touch()
    for scores, seconds in moments:
        driver = start_driver(run_dir, log, trials)
        wait_for_lines(driver, log, len(log.read_text().split()) + scores)
        time.sleep(seconds)
        driver.kill()
        driver.join()
    driver = start_driver(run_dir, log, trials)
    driver.join(timeout=200)
    assert driver.exitcode == 0, moments
    controller = open_controller(run_dir, trials, rungs=2)
    assert controller.done() is Done.BUDGET
    alone = rows_without_ray(tmp_path / "alone", trials)
    assert sum(row["rung"] for row in alone) >= trials // 3
    assert compared(controller.records()) == compared(alone), moments
    assert front_of(controller.records()) == front_of(alone), moments
    scored = Counter(log.read_text().split())
    assert set(scored) == {f"{row['id']}.{row['rung']}" for row in alone}, moments
    assert sum(scored.values()) - len(scored) <= kills, moments  # only what was in flight is scored again


def random_moments(kills, seed):
    """When to kill each driver: after how many new scores, and how many seconds later; before the first one too."""
    random = Random(seed)
    counts = [random.randrange(4) for _ in range(kills)]
    return [(count, random.uniform(0, 0.1 if count else 2)) for count in counts]


def start_driver(run_dir, log, trials):
    """A driver in a process of its own, forked from one that has imported everything."""
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload(["drive_search"])
    address = ray.get_runtime_context().gcs_address
    driver = forked.Process(target=drive, args=(address, run_dir, log, trials))
    driver.start()
    return driver


def wait_for_lines(driver, log, count):
    deadline = time.monotonic() + 200
    while len(log.read_text().splitlines()) < count:
        assert driver.is_alive(), driver.exitcode
        assert time.monotonic() < deadline, f"{log} did not get {count} lines."
        time.sleep(0.005)


def rows_without_ray(run_dir, trials):
    controller, scorer = open_controller(run_dir, trials, rungs=2), FakeScorer(FakeParts())
    while not isinstance(proposal := controller.ask(), Done):
        assert proposal.candidate == SPACE.canonical(proposal.candidate)
        controller.tell(proposal.number, scorer.score(proposal.candidate, proposal.rung), proposal.rung)
    return controller.records()


def compared(rows):
    return [{key: row[key] for key in ("number", "rung", "id", "state", "map50", "bit_ops")} for row in rows]


def front_of(rows):
    costs = [(-row["map50"], row["bit_ops"]) for row in rows]
    return {row["id"] for row, best in zip(rows, pareto_mask(costs), strict=True) if best}
