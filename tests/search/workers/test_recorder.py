"""Which failures are a candidate's and which end the search, without Ray: its callbacks are called by hand."""

from types import SimpleNamespace

import pytest
from drive_search import open_controller
from fake_scorer import FakeParts, FakeScorer

from search.errors import RunError
from search.workers.recorder import FAILURES_IN_A_ROW, Recorder


@pytest.fixture
def search(tmp_path):
    return HandDriven(tmp_path)


class HandDriven:
    """A recorder and the controller that it tells; what arrives in one call arrives in one step of Tune's loop."""

    def __init__(self, run_dir, trials=100, workers=1):
        self.controller = open_controller(run_dir, trials=trials, workers=workers)
        stage = SimpleNamespace(advance=lambda n, **figures: None, resume=lambda n, **figures: None)
        self.noted = []
        self.recorder = Recorder(self.controller, stage, workers, note=self.noted.append)

    def step(self, *ends):
        """Propose a candidate for each end, then let them all end: well, failed, died, or with a worker not set up."""
        proposals = [self.controller.ask() for _ in ends]
        for end, proposal in zip(ends, proposals, strict=True):
            config = {"number": proposal.number}
            state = SimpleNamespace(ray_actor=None)
            trial = SimpleNamespace(
                trial_id=f"t{proposal.number}", config=config, error_file=None, temporary_state=state
            )
            if end != "died in set-up":
                self.recorder.on_trial_start(0, [], trial)
            if end.startswith("died"):
                self.recorder.on_trial_error(0, [], trial)
                continue
            score = FakeScorer(FakeParts()).score(proposal.candidate)
            trial.last_result = {"score": vars(score)} if end == "well" else {end: "no memory left."}
            self.recorder.on_trial_complete(0, [], trial)
        self.recorder.on_step_end(0, [])

    @property
    def states(self):
        return [row["state"] for row in self.controller.records()]


def test_a_candidate_that_fails_or_kills_its_worker_is_recorded_and_the_search_goes_on(search):
    search.step("failed", "died", "well")
    assert search.states == ["failed", "failed", "complete"]


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
