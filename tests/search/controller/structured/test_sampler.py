"""The sampler in a search and in a study of anybody's."""

import random

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from search.controller.problem import SearchProblem
from search.controller.repeatable import Recorded
from search.controller.samplers import SAMPLERS
from search.controller.structured.linear_model import Posterior
from search.controller.structured.memory import Memory, one_bit_options
from search.controller.structured.predictions import PREDICTED
from search.controller.structured.sampler import StructuredSampler, other_share
from spaces.candidate import Candidate
from spaces.space import Knob, SearchSpace

LAYERS = 8
METHODS = {"real": 1.0, "int8": 0.25, "sign": 0.03}
LOST = {"real": 0.0, "int8": 0.01, "sign": 0.05}
SPACE = SearchSpace([Knob(f"layer/b{i}", tuple(METHODS)) for i in range(LAYERS)])


def figures(candidate):
    """Layer i weighs i + 1 in accuracy and 8 - i in cost: the first layers should be 1-bit."""
    methods = [candidate[f"layer/b{i}"] for i in range(LAYERS)]
    lost = sum(LOST[method] * (i + 1) / LAYERS for i, method in enumerate(methods))
    ops = sum(METHODS[method] * (LAYERS - i) for i, method in enumerate(methods))
    return {
        "map50": 0.8 - lost,
        "ap50": 0.4 + lost,
        "bit_ops": ops,
        "ops": ops,
        "memory_mb": float(methods.count("real")),
    }


def costs(candidate):
    return {name: value for name, value in figures(candidate).items() if name in ("bit_ops", "ops", "memory_mb")}


def in_study(objectives, constraints=None, trials=40, seed=0, failing=lambda number: False):
    """A study over the space, the sampler with its memory, and the candidates in their order."""
    problem = SearchProblem(SPACE, costs, objectives, constraints=constraints or {}, trials=trials)
    from_seed = SAMPLERS["structured"](problem)
    directions = ["minimize" if name in ("bit_ops", "ops", "memory_mb") else "maximize" for name in objectives]
    study = optuna.create_study(directions=directions, sampler=from_seed(seed))
    for number in range(trials):
        trial = study.ask()
        candidate = Candidate({knob.key: trial.suggest_categorical(knob.key, knob.choices) for knob in SPACE.knobs})
        if failing(number):
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, [figures(candidate)[name] for name in objectives])
    return study, [Candidate(trial.params) for trial in study.get_trials(deepcopy=False)]


def every_candidate():
    rng = random.Random(0)
    return [SPACE.sample(rng) for _ in range(300)]


def test_it_serves_any_study_and_its_front_is_above_random_candidates():
    study, candidates = in_study(("map50", "bit_ops"), trials=40)
    assert isinstance(study.sampler, Recorded)
    best = [trial.values for trial in study.best_trials]
    for candidate in every_candidate():
        accuracy, cost = figures(candidate)["map50"], figures(candidate)["bit_ops"]
        # The front is found but for its last thousandth.
        assert any(found >= accuracy - 0.001 and price <= cost + 0.3 for found, price in best)
    assert len(set(candidates)) == len(candidates)


def test_an_accuracy_alone_is_brought_to_its_maximum():
    study, _ = in_study(("map50",), trials=25)
    assert study.best_value == pytest.approx(0.8)


def test_a_cost_alone_is_at_its_minimum_at_once():
    _, candidates = in_study(("bit_ops",), trials=10)
    cheapest = SPACE.uniform("sign")
    assert cheapest in candidates[5:7]  # five random ones come first
    assert len(set(candidates[5:])) == 5


def test_two_costs_and_two_accuracies_are_weighted_at_random():
    _, candidates = in_study(("map50", "bit_ops", "memory_mb"), trials=30)
    assert len(set(candidates)) == 30
    study, _ = in_study(("map50", "ap50"), trials=30)  # what one loses the other gains
    firsts = [trial.values[0] for trial in study.trials[10:]]
    assert max(firsts) == pytest.approx(0.8)
    assert min(firsts) < 0.62  # all sign: 0.8 - 0.05 * 36 / 8 = 0.575


@pytest.mark.parametrize("bound", [{"memory_mb": 2.0}, {"ops": 6.0}, {"ops": 9.0, "memory_mb": 1.0}])
def test_every_proposal_keeps_to_the_bounds(bound):
    _, candidates = in_study(("map50", "bit_ops"), bound, trials=30)
    above = [c for c in candidates if any(figures(c)[name] > limit for name, limit in bound.items())]
    assert above == []


def test_a_bound_that_nothing_keeps_to_does_not_end_the_search():
    _, candidates = in_study(("map50", "bit_ops"), {"ops": 0.5}, trials=15)
    assert len(candidates) == 15


def test_failed_trials_do_not_enter_the_model():
    """Every failed candidate would be the worst; without them the scores are exactly a sum over layers."""
    study, candidates = in_study(("map50", "bit_ops"), trials=40, failing=lambda number: number % 4 == 3)
    memory = study.sampler._memory
    memory.update(study)
    assert memory.models[0]._sums.count == 30
    [posterior] = memory.posteriors()
    row = memory.features.rows(memory.sites.options(SPACE.uniform("int8"))[None])[0]
    assert posterior.predict(row)[0] == pytest.approx(0.8 - 0.01 * 36 / 8, abs=0.003)
    assert len(set(candidates)) == len(candidates)


def test_proposals_in_flight_count_as_proposed_and_differ():
    problem = SearchProblem(SPACE, costs, ("map50", "bit_ops"), trials=60, workers=8)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=SAMPLERS["structured"](problem)(0))
    running = []
    for number in range(40):
        trial = study.ask()
        candidate = Candidate({knob.key: trial.suggest_categorical(knob.key, knob.choices) for knob in SPACE.knobs})
        running.append((trial, candidate))
        if number >= 8:
            trial, done = running.pop(number % 3)  # not in the order in which they were proposed
            study.tell(trial, [figures(done)["map50"], figures(done)["bit_ops"]])
    assert len({Candidate(trial.params) for trial in study.trials}) == 40


def test_scores_that_come_in_late_give_the_same_model_as_in_order():
    problem = SearchProblem(SPACE, costs, ("map50", "bit_ops"), trials=60, workers=8)
    rng = random.Random(1)
    candidates = [SPACE.sample(rng) for _ in range(12)]
    models = []
    for order in [range(12), [*range(6), 11, 8, 6, 9, 10, 7]]:
        study = optuna.create_study(directions=["maximize", "minimize"])
        for candidate in candidates:
            study.enqueue_trial(dict(candidate))
        trials = [study.ask({knob.key: _distribution(knob) for knob in SPACE.knobs}) for _ in candidates]
        memory = Memory(problem)
        for number in order:
            study.tell(trials[number], [figures(candidates[number])["map50"], figures(candidates[number])["bit_ops"]])
            memory.update(study)
        models.append(memory.posteriors()[0].mean())
    np.testing.assert_array_equal(*models)


def _distribution(knob):
    return optuna.distributions.CategoricalDistribution(knob.choices)


def test_what_the_model_said_before_a_score_came_in_is_recorded(open_controller, score):
    controller = open_controller(sampler="structured", trials=30)
    rows = []
    for _ in range(30):
        proposal = controller.ask()
        rows.append(controller.tell(proposal.number, score(proposal.candidate)))
    predicted = [trial.user_attrs.get(PREDICTED) for trial in controller._journal.trials()]
    assert predicted[:5] == [None] * 5
    mean, sd = predicted[-1]["map50"]
    assert rows[-1]["map50"] == pytest.approx(mean, abs=3 * sd)
    assert sd < 0.01


@pytest.mark.parametrize(("misfit", "share"), [(0.0, 0.0), (0.25, 0.0), (0.5, 0.25), (0.75, 0.5), (3.0, 0.5)])
def test_the_worse_the_model_predicts_the_more_is_left_to_the_other_sampler(misfit, share):
    assert other_share(misfit) == pytest.approx(share)


def test_a_model_that_predicts_nothing_leaves_half_of_the_proposals_to_the_other_sampler(monkeypatch):
    asked = []

    class Other(optuna.samplers.RandomSampler):
        def sample_relative(self, study, trial, search_space):
            asked.append(trial.number)
            return {knob.key: "real" for knob in SPACE.knobs}

    memory = Memory(SearchProblem(SPACE, costs, ("map50", "bit_ops"), trials=200))
    sampler = StructuredSampler(seed=0, memory=memory, other=lambda seed: Other(seed=seed), start=10)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for number in range(80):
        trial = study.ask()
        for knob in SPACE.knobs:
            trial.suggest_categorical(knob.key, knob.choices)
        study.tell(trial, [random.Random(number).random(), 1.0])
    assert 0.3 < len(asked) / 70 < 0.7
    assert [trial.params for trial in study.trials].count(dict(SPACE.uniform("real"))) == 1


def test_draws_lie_up_to_a_whole_deviation_from_the_means(monkeypatch):
    spreads = []

    def draw(self, rng, spread=1.0, whole=Posterior.draw):
        spreads.append(spread)
        return whole(self, rng, spread)

    monkeypatch.setattr(Posterior, "draw", draw)
    in_study(("map50", "bit_ops"), trials=40)
    assert len(set(spreads)) == len(spreads) >= 34
    assert 0.0 <= min(spreads) < 0.1
    assert 0.9 < max(spreads) <= 1.0


def test_a_candidate_in_flight_that_is_above_a_bound_is_no_part_of_the_front():
    """As one that `search.enqueue` names: here the second of two in flight, all real."""
    problem = SearchProblem(SPACE, costs, ("map50", "bit_ops"), constraints={"memory_mb": 2.0}, trials=60, workers=2)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=SAMPLERS["structured"](problem)(0))
    space = {knob.key: _distribution(knob) for knob in SPACE.knobs}
    for _ in range(12):
        trial = study.ask(space)
        study.tell(trial, [figures(Candidate(trial.params))[name] for name in ("map50", "bit_ops")])
    study.enqueue_trial(dict(SPACE.uniform("real")))
    study.ask(space)
    for _ in range(8):
        assert figures(Candidate(study.ask(space).params))["memory_mb"] <= 2.0


@pytest.mark.parametrize(("trials", "random"), [(60, 6), (120, 12), (1000, 12)])
def test_it_starts_from_a_tenth_of_the_budget_but_from_twelve_random_trials_at_most(trials, random):
    assert SAMPLERS["structured"](SearchProblem(SPACE, costs, ("map50",), trials=trials))(0)._start == random


def test_what_costs_least_in_an_opened_group_counts_as_1_bit_in_pairs():
    """bit_ops of a real layer are 1024, of an int4 one 16, of a 1-bit one 1."""
    bits = {"real": 1024.0, "int4": 16.0, "sign": 1.0, "bireal": 1.0}
    block, stem = Knob("layer/block", ("real", "sign", "bireal")), Knob("layer/stem", ("real", "int4"))
    problem = SearchProblem(
        SearchSpace([block, stem]),
        lambda candidate: {"bit_ops": sum(map(bits.get, candidate.layers().values()))},
        ("map50", "bit_ops"),
        trials=9,
    )
    memory = Memory(problem)
    assert one_bit_options(memory.sites, memory.costs).tolist() == [[False, True, True], [False, True, False]]
    assert "pair layer/block, layer/stem" in memory.features.names
