"""Which failures are a candidate's and which end the search, without Ray: its callbacks are called by hand."""

from types import SimpleNamespace

import pytest
from drive_search import open_controller
from fake_scorer import FakeParts, FakeScorer

from search.errors import RunError
from search.workers.assignments import NODES_LOST, Assignments
from search.workers.reasons import late_reason
from search.workers.recorder import FAILURES_IN_A_ROW, Recorder
from spaces.candidate import Candidate


@pytest.fixture
def search(tmp_path):
    return HandDriven(tmp_path)


class HandDriven:
    """A recorder and the controller that it tells; what arrives in one call arrives in one step of Tune's loop."""

    def __init__(self, run_dir, trials=100, workers=1):
        self.controller = open_controller(run_dir, trials=trials, workers=workers)
        stage = SimpleNamespace(advance=lambda n, **figures: None, resume=lambda n, **figures: None)
        self.noted = []
        self.assignments = Assignments(self.controller)
        self.recorder = Recorder(self.controller, self.assignments, stage, workers, note=self.noted.append)
        self.errors = run_dir / "error.txt"
        self.errors.touch()
        self.workers = {}

    def step(self, *ends):
        """The n-th worker's candidate ends in the n-th way: well, failed, or with a worker that dies or is broken."""
        started = [self._worker(place) for place, end in enumerate(ends) if end != "died in set-up"]
        for place, end in enumerate(ends):
            if end == "died in set-up":
                self.recorder.on_trial_error(0, [], HandDrivenWorker("new", self.errors))
            elif end in ("died", "node lost"):
                self._die(place, end)
            else:
                self.recorder.on_trial_result(0, [], started[place], started[place].result(end))
        self.recorder.on_step_end(0, [])

    def _worker(self, place):
        if place not in self.workers:
            self.workers[place] = HandDrivenWorker(f"{place}, {self.controller.in_flight}", self.errors)
            self.recorder.on_trial_start(0, [], self.workers[place])
        return self.workers[place]

    def _die(self, place, end):
        cause = "The actor died because its node has died." if end == "node lost" else "Its worker process has died."
        self.errors.write_text(f"Failure # 1\n{cause}\n")
        self.recorder.on_trial_error(0, [], self.workers.pop(place))

    @property
    def states(self):
        return [row["state"] for row in self.controller.records()]


class HandDrivenWorker:
    """A Tune trial and its actor, which takes the candidate that it is given."""

    def __init__(self, trial_id, error_file):
        self.trial_id, self.error_file = trial_id, error_file
        self.assigned = []
        call = SimpleNamespace(remote=lambda proposal, **_: self.assigned.append(proposal))
        self.temporary_state = SimpleNamespace(ray_actor=SimpleNamespace(assign=call))

    def result(self, end):
        score = FakeScorer(FakeParts()).score(Candidate(self.assigned[-1]["candidate"]))
        return {"score": vars(score)} if end == "well" else {end: "no memory left."}


def test_a_candidate_that_fails_or_kills_its_worker_is_recorded_and_the_search_goes_on(search):
    search.step("failed", "died", "well")
    assert search.states == ["failed", "failed", "complete"]


def test_a_candidate_whose_worker_was_ended_for_its_time_is_recorded_with_that_reason(search, monkeypatch):
    monkeypatch.setattr(search.assignments.limit, "reason", lambda name: late_reason(30))
    search.step("node lost")  # as Ray may report it
    (row,) = search.controller.records()
    assert (row["state"], row["reason"]) == ("failed", "no score within 30 s (scoring.timeout)")


def test_a_score_that_arrives_while_its_worker_is_ended_counts_and_no_candidate_follows_it(search, monkeypatch):
    monkeypatch.setattr(search.assignments.limit, "reason", lambda name: late_reason(30))
    search.step("well")
    search.step("died")
    assert search.states == ["complete"]
    assert search.controller.in_flight == 0


def test_a_candidate_whose_node_is_lost_is_scored_again_under_its_number(search):
    search.step("node lost")
    assert search.states == []
    assert search.controller.in_flight == 1
    search.step("well")
    assert [(row["number"], row["state"]) for row in search.controller.records()] == [(0, "complete")]
    assert search.noted == ["search: a node was lost; what it scored is scored again elsewhere"]


def test_a_candidate_that_loses_its_node_again_and_again_is_recorded_as_failed(search):
    for _ in range(NODES_LOST):
        assert search.states == []
        search.step("node lost")
    (row,) = search.controller.records()
    assert row["reason"] == ("the worker died: its node was lost, 3 times: The actor died because its node has died.")


def test_a_worker_whose_node_is_lost_before_it_is_ready_blames_nobody(search):
    search.errors.write_text("The actor died because its node has died.")
    search.step("died in set-up")
    assert search.states == []
    assert search.controller.in_flight == 0


def test_an_error_of_the_journals_ends_the_search_though_tune_swallows_it_at_first(search, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    search.step("well")
    monkeypatch.setattr(search.controller, "tell", full)
    with pytest.raises(OSError, match="No space left"):
        search.step("well")


@pytest.mark.parametrize("end", ["died in set-up", "broken"])
def test_a_worker_that_is_not_set_up_fails_no_candidate_whatever_was_complete_before(search, tmp_path, end):
    search.step("well")
    with pytest.raises(RunError, match=r"could not be set up: .*start the same command again: it goes on where"):
        search.step(end)
    assert search.states == ["complete"]
    assert HandDriven(tmp_path).controller.ask().number == 1


def test_scores_that_arrive_beside_a_broken_worker_are_kept(search):
    with pytest.raises(RunError, match=r"A worker could not be set up: no memory left\. No candidate is recorded"):
        search.step("broken", "well")
    assert search.states == ["complete"]


@pytest.mark.parametrize(("workers", "limit"), [(1, FAILURES_IN_A_ROW), (FAILURES_IN_A_ROW, 2 * FAILURES_IN_A_ROW)])
def test_failures_in_a_row_end_the_search_also_after_a_success(tmp_path, workers, limit):
    search = HandDriven(tmp_path, workers=workers)
    for end in ["well"] + ["failed"] * (limit - 1):
        search.step(end)
    message = (
        rf"^{limit} candidates failed one after another, the last with: no memory left\. The reasons of all .* same"
    )
    with pytest.raises(RunError, match=message):
        search.step("failed")
    assert len(search.states) == limit + 1


def test_a_success_in_between_starts_the_count_again(search):
    for _ in range(3):
        search.step(*["failed"] * (FAILURES_IN_A_ROW - 1), "well")
    assert search.states.count("failed") == 3 * (FAILURES_IN_A_ROW - 1)


def test_a_new_start_counts_its_own_failures_only(tmp_path):
    before = HandDriven(tmp_path)
    for _ in range(FAILURES_IN_A_ROW - 1):
        before.step("failed")
    HandDriven(tmp_path).step("failed")


def test_failures_that_spend_the_last_trial_end_no_search_that_is_over(tmp_path):
    HandDriven(tmp_path, trials=FAILURES_IN_A_ROW).step(*["failed"] * FAILURES_IN_A_ROW)


def test_why_the_first_candidate_failed_is_said_once_a_start_with_where_the_others_reasons_are(search, tmp_path):
    search.step("well")
    assert search.noted == []
    search.step("failed", "died")
    (first,) = [row["id"] for row in search.controller.records() if row["number"] == 1]
    told = [
        f"search: candidate {first} failed with: no memory left. "
        "The reasons of all stand in the column 'reason' of the run's trials.parquet."
    ]
    assert search.noted == told
    again = HandDriven(tmp_path)
    again.step("failed")
    assert again.noted == told
