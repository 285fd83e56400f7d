"""Ray Tune runs the trials: failures are recorded and the search goes on; a killed driver loses and repeats nothing."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import ray
from drive_search import SPACE, open_controller
from fake_scorer import FakeParts, FakeScorer, make_fake_scorer

from search.controller.proposal import Done
from search.errors import RunError
from search.workers.recorder import FAILURES_IN_A_ROW
from search.workers.runner import run_trials
from spaces.space import Knob, SearchSpace

HERE = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def ray_here():
    """One Ray for all tests in this process: its start takes some five seconds, a worker's import of torch three."""
    path = os.pathsep.join([str(HERE), str(HERE.parent.parent)])
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}},
    )
    yield
    ray.shutdown()


def test_a_finished_search_starts_no_ray(tmp_path):
    controller = open_controller(tmp_path, trials=1)
    controller.tell_failed(controller.ask().number, "x")
    assert run_trials(open_controller(tmp_path, trials=1), FakeParts(), make_fake_scorer) is Done.BUDGET
    assert not ray.is_initialized()


@pytest.mark.usefixtures("ray_here")
def test_whatever_a_candidate_does_is_recorded_and_the_search_goes_on(tmp_path, recorded_progress):
    """Takes some 15 s: two workers start, and one starts again after the all-sign candidate has killed it."""
    initial = [SPACE.uniform("real"), SPACE.uniform("bireal"), SPACE.uniform("sign")]
    controller, progress = open_controller(tmp_path, trials=24, initial=initial, workers=2), recorded_progress()
    rows = []
    parts = FakeParts(endings={1: "raise", 2: "nan", 6: "die"})
    run_trials(controller, parts, make_fake_scorer, workers=2, progress=progress, on_finished=rows.append)
    assert rows == controller.records()
    assert sorted(row["number"] for row in rows) == list(range(24))
    for row in rows:
        signs = [value for key, value in row.items() if key.startswith("layer/")].count("sign")
        reason = {
            1: "FloatingPointError: the loss is not finite",
            2: "map50 is nan",
            6: "the worker died: The actor is dead because its worker process has died.",
        }.get(signs)
        if reason is None:
            assert (row["state"], row["reason"]) == ("complete", None)
            assert row["map50"] == pytest.approx(0.9 - 0.05 * signs)
        else:
            assert row["state"] == "failed"
            assert row["reason"].startswith(reason)
    assert {"the", "map50", "FloatingPointError:"} <= {str(row["reason"]).split()[0] for row in rows}
    complete = [row for row in rows if row["state"] == "complete"]
    assert max(row["seconds_nth_of_worker"] for row in complete) > 2  # actors were reused
    assert {row["seconds_threads"] for row in complete} == {1}  # two workers on two cores
    assert progress.stages == [("search", 24)]
    advances = [event for event in progress.events if event[0] == "advance"]
    assert sum(units for _, units, _ in advances) == 24
    figures = advances[-1][2]
    assert figures["failed"] == 24 - len(complete)
    first = next(row for row in rows if row["state"] == "failed")
    assert progress.notes[-1].startswith(
        f"search: candidate {first['id']} failed with: {first['reason'].rstrip('.')}. The"
    )
    assert figures["best"] == max(round(row["map50"], 4) for row in complete)


@pytest.mark.usefixtures("ray_here")
def test_one_worker_proposes_what_the_controller_alone_does(tmp_path):
    through_ray = open_controller(tmp_path / "ray", trials=12)
    assert run_trials(through_ray, FakeParts(), make_fake_scorer) is Done.BUDGET
    assert ids(through_ray) == ids_without_ray(tmp_path / "alone", trials=12)


@pytest.mark.usefixtures("ray_here")
def test_an_exhausted_space_ends_the_search_with_a_reason(tmp_path, recorded_progress):
    progress, space = recorded_progress(), SearchSpace([Knob("layer/b0", ("real", "sign", "bireal"))])
    controller = open_controller(tmp_path, trials=12, space=space)
    assert run_trials(controller, FakeParts(), make_fake_scorer, workers=2, progress=progress) is Done.EXHAUSTED
    advances = [event for event in progress.events if event[0] == "advance"]
    assert sum(units for _, units, _ in advances) == 3
    assert advances[-1][2]["ended"] == "early: every candidate of the search space has been proposed"


@pytest.mark.usefixtures("ray_here")
def test_a_worker_that_cannot_be_set_up_ends_the_search_and_blames_no_candidate(tmp_path):
    controller = open_controller(tmp_path, trials=12)
    with pytest.raises(RunError, match="A worker could not be set up: RuntimeError: no weights in the parts"):
        run_trials(controller, FakeParts(broken=True), make_fake_scorer)
    assert controller.records() == []


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
        "die": "the worker died: The actor is dead because its worker process has died",
    }[end]
    controller = open_controller(tmp_path / "run", trials=12, initial=initial)
    with pytest.raises(RunError, match=f"A worker could not be set up: {cause}.*start the same command again"):
        run_trials(controller, FakeParts(endings={6: "die"}), make_once)
    assert [row["state"] for row in controller.records()] == ["complete", "failed"]
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
    assert run_trials(open_controller(tmp_path, trials=16), FakeParts(), make_fake_scorer) is Done.BUDGET


def test_a_killed_driver_goes_on_where_it_was(tmp_path):
    """Takes some 30 s: two drivers with a Ray of their own each; the first is killed, the second finishes."""
    run_dir, log, trials = tmp_path / "run", tmp_path / "scored.txt", 20
    first = start_driver(run_dir, log, trials)
    wait_for_lines(first, log, 7)
    first.kill()
    first.wait()
    assert start_driver(run_dir, log, trials).wait(timeout=120) == 0
    assert ids(open_controller(run_dir, trials)) == ids_without_ray(tmp_path / "alone", trials)
    scored = Counter(log.read_text().split())
    assert sum(scored.values()) - len(scored) <= 1  # only what was in flight when the driver died is scored again


def ids(controller):
    return [row["id"] for row in controller.records()]


def ids_without_ray(run_dir, trials):
    controller, scorer = open_controller(run_dir, trials), FakeScorer(FakeParts())
    while not isinstance(proposal := controller.ask(), Done):
        assert proposal.candidate == SPACE.canonical(proposal.candidate)
        controller.tell(proposal.number, scorer.score(proposal.candidate))
    return ids(controller)


def start_driver(run_dir, log, trials):
    path = os.pathsep.join([str(HERE), str(HERE.parent.parent)])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, HERE / "drive_search.py", run_dir, log, str(trials)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for_lines(driver, log, count):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if log.exists() and len(log.read_text().splitlines()) >= count:
            return
        assert driver.poll() is None, driver.stderr.read()
        time.sleep(0.02)
    raise TimeoutError(f"{log} did not get {count} lines.")
