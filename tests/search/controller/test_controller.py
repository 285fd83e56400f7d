"""Every canonical candidate once, the whole run counted, and the same proposals however often it is taken up again."""

import math
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.controller import samplers
from search.controller.proposal import Done
from spaces.candidate import Candidate
from spaces.space import Knob, SearchSpace

SAMPLERS = [
    name for name in samplers.SAMPLERS if name not in ("gp", "cmaes")
]  # in files of their own: slow, one objective


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_run_taken_up_again_after_every_trial_proposes_what_an_unbroken_one_does(sampler, open_controller, drive):
    unbroken = drive(open_controller("unbroken", sampler=sampler, seed=3, constraints={"ops": 80.0}))
    resumed = []
    for _ in range(40):
        resumed += drive(open_controller("resumed", sampler=sampler, seed=3, constraints={"ops": 80.0}), count=1)
    assert resumed == unbroken
    assert [number for number, _ in unbroken] == list(range(40))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_run_killed_with_a_proposal_in_flight_proposes_it_again(sampler, open_controller, drive):
    unbroken = drive(open_controller("unbroken", sampler=sampler, seed=3))
    resumed = []
    for _ in range(40):
        controller = open_controller("resumed", sampler=sampler, seed=3)
        resumed += drive(controller, count=1)
        controller.ask()  # and the process dies
    assert resumed == unbroken


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("stop", [1, 9, 23])
def test_a_run_stopped_once_proposes_what_an_unbroken_one_does(sampler, stop, open_controller, drive):
    unbroken = drive(open_controller("unbroken", sampler=sampler, seed=5))
    first = drive(open_controller("resumed", sampler=sampler, seed=5), count=stop)
    assert first + drive(open_controller("resumed", sampler=sampler, seed=5)) == unbroken


def test_another_seed_proposes_others(open_controller, drive):
    assert drive(open_controller("a", seed=1)) != drive(open_controller("b", seed=2))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), sampler=st.sampled_from(SAMPLERS), methods=st.integers(1, 3), data=st.data())
def test_no_canonical_candidate_is_proposed_twice_and_a_small_space_is_exhausted(
    seed, sampler, methods, data, open_controller, score, tmp_path_factory
):
    layers = [Knob(f"layer/b{i}", ("real", "sign", "bireal")[:methods]) for i in range(2)]
    space = SearchSpace([*layers, Knob("teacher/hint", ("none", "twin")), Knob("weight/hint", (0.1, 1.0))])
    controller = open_controller(tmp_path_factory.mktemp("run"), space=space, sampler=sampler, seed=seed, workers=2)
    seen, running = [], []
    while not isinstance(proposal := controller.ask(), Done):
        assert proposal.candidate == space.canonical(proposal.candidate)
        seen.append(proposal.candidate)
        running.append(proposal)
        if data.draw(st.booleans()):
            done = running.pop(data.draw(st.integers(0, len(running) - 1)))
            controller.tell(done.number, score(done.candidate))
    assert len(set(seen)) == len(seen)
    assert proposal is Done.EXHAUSTED
    assert len(seen) == methods**2 * 3  # no teacher, or the twin with one of two weights


def test_several_workers_lose_nothing_in_a_crash(open_controller, score):
    controller = open_controller(workers=3, sampler="tpe", trials=12)
    given_out = [controller.ask() for _ in range(3)]
    controller.tell(given_out[1].number, score(given_out[1].candidate))
    again = open_controller(workers=3, sampler="tpe", trials=12)
    assert [again.ask(), again.ask()] == [given_out[0], given_out[2]]
    assert again.ask().number == 3
    assert again.finished == 1
    assert again.in_flight == 3


def test_trials_counts_the_whole_run_failed_ones_included(open_controller, drive):
    assert len(drive(open_controller(trials=10))) == 10
    controller = open_controller(trials=14)
    assert len(drive(controller)) == 4
    assert controller.ask() is Done.BUDGET
    states = [row["state"] for row in controller.records()]
    assert (states.count("complete"), states.count("failed")) == (12, 2)  # numbers 5 and 12 fail


def test_no_more_than_the_remaining_trials_are_in_flight(open_controller):
    controller = open_controller(trials=2, workers=4)
    assert [controller.ask().number, controller.ask().number] == [0, 1]
    assert controller.ask() is Done.BUDGET


def test_initial_candidates_come_first_and_each_once(open_controller, drive, space):
    initial = [space.uniform("real"), space.uniform("sign"), space.uniform("real")]
    proposed = drive(open_controller(initial=initial, trials=4), count=1)
    proposed += drive(open_controller(initial=initial, trials=4))
    assert [candidate for _, candidate in proposed[:2]] == [space.canonical(one) for one in initial[:2]]
    assert len({candidate for _, candidate in proposed}) == 4


def test_nsga2_breeds_from_the_initial_candidates_too(open_controller, drive, space):
    """20 trials make a population of 4, here all initial; numbers 4, 6, 7 and 8 are their children (5 fails).

    Each parent has 5 of 6 layers real, so a child has 4 or more but for mutations (1 in 8 knobs): of 24 layers well
    over half are real. Random candidates have a third.
    """
    initial = [space.uniform("real").replace({f"layer/b{i}": "sign"}) for i in range(4)]
    proposed = dict(drive(open_controller(initial=initial, trials=20, sampler="nsga2", seed=1)))
    methods = [method for number in (4, 6, 7, 8) for method in proposed[number].layers().values()]
    assert methods.count("real") >= 15


def test_a_figure_that_is_no_number_makes_the_trial_a_failed_one(open_controller, score, space):
    controller = open_controller(costs=lambda candidate: {"bit_ops": math.inf, "ops": 1.0}, constraints={"ops": 1.0})
    proposal = controller.ask()
    row = controller.tell(proposal.number, SimpleNamespace(metrics={"map50": math.nan}, seconds={}))
    assert row["state"] == "failed"
    assert row["reason"] == "map50 is nan, bit_ops is inf"
    assert row["feasible"] is False
    assert proposal.candidate not in [controller.ask().candidate for _ in range(10)]


def test_a_row_has_knobs_figures_seconds_and_feasibility(open_controller, score):
    controller = open_controller(constraints={"memory_mb": 0.005, "ops": 1000.0})
    rows = []
    for _ in range(30):
        proposal = controller.ask()
        rows.append(controller.tell(proposal.number, score(proposal.candidate)))
    row = rows[-1]
    assert dict(proposal.candidate).items() <= row.items()
    assert row["id"] == proposal.candidate.id
    assert (row["number"], row["state"], row["reason"]) == (29, "complete", None)
    assert row["seconds_adapt"] == 0.5
    # memory_mb = bit_ops / 1e6, at most 0.005 with four real layers (4096 + 2) and not with five
    feasible = [row["feasible"] for row in rows]
    assert feasible == [sum(v == "real" for k, v in row.items() if k.startswith("layer/")) <= 4 for row in rows]
    assert controller.records() == rows


def test_a_row_has_the_times_of_its_proposal_and_its_score_in_utc(open_controller, score):
    controller, before = open_controller(), datetime.now(UTC)
    proposal = controller.ask()
    row = controller.tell(proposal.number, score(proposal.candidate))
    assert before <= row["started"] <= row["completed"] <= datetime.now(UTC)
    assert row["completed"].tzinfo is UTC


def test_a_result_for_what_is_not_in_flight_is_refused(open_controller, score):
    controller = open_controller()
    controller.ask()
    with pytest.raises(ValueError, match=r"No proposal 7 is in flight; in flight are \[0\]"):
        controller.tell(7, score(Candidate({})))


def test_an_unknown_sampler_is_refused_with_the_known_ones(open_controller):
    known = "structured, tpe, nsga2, nsga3, gp, cmaes, random"
    with pytest.raises(ValueError, match=rf"No sampler is called 'cma'\. Did you mean 'cmaes'\? Known: {known}"):
        open_controller(sampler="cma")


def test_a_score_without_the_objective_is_a_mistake_of_ours_and_not_of_the_candidate(open_controller):
    controller = open_controller(costs=lambda candidate: {"bit_ops": 1.0})
    proposal = controller.ask()
    with pytest.raises(ValueError, match="The score has no 'map50'; it has ap, bit_ops"):
        controller.tell(proposal.number, SimpleNamespace(metrics={"ap": 0.5}, seconds={}))
    assert controller.in_flight == 1  # the next start proposes it again


def test_costs_come_from_the_table_and_not_from_the_score(open_controller, costs):
    controller = open_controller(constraints={"ops": 80.0})
    proposal = controller.ask()
    score = SimpleNamespace(metrics={"map50": 0.5}, costs={"bit_ops": -1.0, "ops": -1.0}, seconds={})
    row = controller.tell(proposal.number, score)
    assert costs(proposal.candidate).items() <= row.items()
    assert row["feasible"] == (costs(proposal.candidate)["ops"] <= 80.0)
