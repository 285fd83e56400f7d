"""The best candidates are scored again at the next rung, each once, however often the run is taken up again."""

from types import SimpleNamespace

import pytest

from search.controller.proposal import Done, Proposal
from search.errors import RunError
from spaces.space import Knob, SearchSpace

RUNGS = {"rungs": 3, "reduction": 3, "trials": 30, "constraints": {"ops": 80.0}, "seed": 4}


@pytest.fixture
def climb(score):
    """Asks and tells until the controller is done or `count` proposals are scored; returns them.

    A rung adds 0.01 to map50. Each seventh number fails at rung 0, and number 3 at rung 1.
    """

    def run(controller, count=10**9):
        proposed = []
        while len(proposed) < count and isinstance(proposal := controller.ask(), Proposal):
            proposed.append(proposal)
            tell(controller, proposal, score)
        return proposed

    return run


def tell(controller, proposal, score):
    number, rung = proposal.number, proposal.rung
    if (number % 7 == 5 and rung == 0) or (number, rung) == (3, 1):
        return controller.tell_failed(number, "DivergedError: the loss is nan", rung)
    scored = score(proposal.candidate)
    metrics = {name: value + 0.01 * rung for name, value in scored.metrics.items()}
    return controller.tell(number, SimpleNamespace(metrics=metrics, seconds=scored.seconds), rung)


def keys(proposed):
    return [(one.number, one.rung) for one in proposed]


def test_a_promotion_is_the_same_candidate_again_and_its_record_has_the_rung(open_controller, climb):
    controller = open_controller(**RUNGS)
    proposed = climb(controller)
    assert controller.ask() is Done.BUDGET
    assert len(set(keys(proposed))) == len(proposed)
    by_number = {one.number: one.candidate for one in proposed if one.rung == 0}
    assert len(by_number) == controller.finished == 30
    assert all(by_number[one.number] == one.candidate for one in proposed)
    rows = controller.records()
    assert [(row["number"], row["rung"]) for row in rows] == keys(proposed)
    complete = {(row["number"], row["rung"]): row["map50"] for row in rows if row["state"] == "complete"}
    for (number, rung), map50 in complete.items():
        assert map50 == pytest.approx(complete[number, 0] + 0.01 * rung)


def test_a_third_of_the_feasible_goes_on_and_a_third_of_these(open_controller, climb):
    controller = open_controller(**RUNGS)
    climb(controller)
    rows = controller.records()
    eligible = [[row for row in rows if row["rung"] == rung and row["feasible"]] for rung in range(3)]
    tried = [[row["number"] for row in rows if row["rung"] == rung] for rung in range(3)]
    for lower, higher in ((0, 1), (1, 2)):
        assert set(tried[higher]) <= {row["number"] for row in eligible[lower]}
        assert len(tried[higher]) >= len(eligible[lower]) // 3
    assert len(tried[2]) >= 1
    assert len(tried[1]) <= 2 * (len(eligible[0]) // 3)


def test_a_failure_at_a_higher_rung_is_recorded_there_and_the_lower_score_stays(open_controller, score):
    controller = open_controller(rungs=2, reduction=2, trials=4)
    rows = [tell(controller, controller.ask(), score) for _ in range(2)]
    promoted = controller.ask()
    assert (promoted.number, promoted.rung) in [(0, 1), (1, 1)]
    row = controller.tell_failed(promoted.number, "OutOfMemoryError: x", promoted.rung)
    assert (row["state"], row["rung"], row["reason"]) == ("failed", 1, "OutOfMemoryError: x")
    assert controller.records()[:2] == rows
    assert (controller.ask().number, controller.ask().number) == (2, 3)  # and not the failed one again


@pytest.mark.parametrize("sampler", ["tpe", "structured"])
def test_a_run_killed_after_each_ask_and_each_tell_goes_on_as_an_unbroken_one(sampler, open_controller, climb, score):
    chosen = {**RUNGS, "sampler": sampler, "trials": 14}
    unbroken = climb(open_controller("unbroken", **chosen))
    resumed = []
    while True:
        lost = open_controller("resumed", **chosen).ask()  # and the process dies
        controller = open_controller("resumed", **chosen)
        proposal = controller.ask()
        assert proposal == lost
        if isinstance(proposal, Done):
            break
        resumed.append(proposal)
        tell(controller, proposal, score)
    assert resumed == unbroken


def test_a_run_killed_while_it_records_a_score_proposes_the_same_again(open_controller, climb, monkeypatch, score):
    chosen = {**RUNGS, "trials": 10, "reduction": 2}
    unbroken = climb(open_controller("unbroken", **chosen))
    assert max(one.rung for one in unbroken) == 2
    resumed = []
    while len(resumed) < len(unbroken):
        controller = open_controller("resumed", **chosen)
        with monkeypatch.context() as patch:
            patch.setattr(controller._journal, "append", lambda trial: (_ for _ in ()).throw(OSError("no space")))
            with pytest.raises(OSError, match="no space"):
                tell(controller, controller.ask(), score)
        resumed += climb(open_controller("resumed", **chosen), count=1)
    assert resumed == unbroken


def test_several_workers_lose_and_repeat_no_promotion_in_a_crash(open_controller, score):
    chosen = {"rungs": 2, "reduction": 2, "trials": 12, "workers": 3}
    controller = open_controller(**chosen)
    for proposal in [controller.ask() for _ in range(4)]:
        tell(controller, proposal, score)
    given_out = [controller.ask() for _ in range(3)]
    assert [one.rung for one in given_out] == [1, 1, 0]
    tell(controller, given_out[1], score)
    again = open_controller(**chosen)
    assert [again.ask(), again.ask()] == [given_out[0], given_out[2]]
    assert (again.ask().number, again.in_flight, again.finished) == (5, 3, 4)


def test_promotions_come_on_top_of_the_trials_and_are_waited_for(open_controller, score):
    """Two of four candidates go on; while the last two scores are awaited it isn't known which is the second."""
    controller = open_controller(rungs=2, reduction=2, trials=4, workers=4)
    first, second, third, fourth = (controller.ask() for _ in range(4))
    assert controller.ask() is None
    assert controller.done() is None
    tell(controller, first, score)
    tell(controller, second, score)
    promoted = controller.ask()
    assert promoted.rung == 1
    assert controller.ask() is None
    tell(controller, third, score)
    tell(controller, fourth, score)
    last = controller.ask()
    assert last.rung == 1
    assert controller.ask() is Done.BUDGET  # what is in flight is at the last rung
    tell(controller, promoted, score)
    tell(controller, last, score)
    assert controller.ask() is Done.BUDGET
    assert controller.finished == 4


def test_an_exhausted_space_is_promoted_to_the_end_too(open_controller, climb):
    space = SearchSpace([Knob("layer/b0", ("real", "sign", "bireal"))])
    controller = open_controller(space=space, rungs=2, reduction=3)
    assert [one.rung for one in climb(controller)] == [0, 0, 0, 1]
    assert controller.ask() is Done.EXHAUSTED


def test_more_trials_of_a_finished_run_go_on_with_its_rungs(open_controller, climb):
    climb(open_controller(**RUNGS))
    more = climb(open_controller(**{**RUNGS, "trials": 36}))
    assert [one.number for one in more if one.rung == 0] == [30, 31, 32, 33, 34, 35]


def test_the_sampler_sees_the_first_rung_alone(open_controller, climb):
    controller = open_controller(**RUNGS, sampler="tpe")
    climb(controller)
    trials = controller._study.get_trials()
    assert len(trials) == 30
    firsts = {row["number"]: row for row in controller.records() if row["rung"] == 0}
    for trial in trials:
        assert trial.values is None or trial.values[0] == firsts[trial.number]["map50"]


def test_a_result_comes_back_at_its_own_rung(open_controller, climb, score):
    controller = open_controller(rungs=2, reduction=2)
    climb(controller, count=2)
    promoted = controller.ask()
    with pytest.raises(ValueError, match=rf"No proposal {promoted.number} is in flight; in flight are \[\]"):
        controller.tell(promoted.number, score(promoted.candidate))
    with pytest.raises(ValueError, match=rf"No proposal 7 is in flight at rung 1; in flight are \[{promoted.number}\]"):
        controller.tell(7, score(promoted.candidate), 1)


def test_a_journal_with_higher_rungs_than_the_search_is_refused(open_controller, climb):
    climb(open_controller(**RUNGS))
    with pytest.raises(RunError, match=r"journal.log has scores of rung 2; this search ends at rung 1\."):
        open_controller(**{**RUNGS, "rungs": 2})
