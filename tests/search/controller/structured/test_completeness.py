"""Objectives in every number, bounds, and several workers, against all 729 candidates of a small box."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from results.frame import trials_frame
from results.front import front_rows
from results.volume import hypervolume
from search.controller.controller import Controller, Done
from search.controller.journal import Journal
from search.controller.problem import SearchProblem
from spaces.candidate import Candidate
from spaces.space import Knob, SearchSpace

LAYERS, METHODS = 6, ("real", "int8", "sign")
SPACE = SearchSpace([Knob(f"layer/b{i}", METHODS) for i in range(LAYERS)])
WORTH = {"real": 0.0, "int8": 0.01, "sign": 0.05}
OPS, MEMORY = {"real": 1.0, "int8": 0.25, "sign": 0.03}, {"real": 32.0, "int8": 8.0, "sign": 1.0}
WEIGHTS = (range(1, LAYERS + 1), range(LAYERS, 0, -1))
MAXIMISED = {"map50", "ap50"}
EVERY = [Candidate({f"layer/b{i}": m for i, m in enumerate(ms)}) for ms in itertools.product(METHODS, repeat=LAYERS)]


def scores(candidate):
    """Layer i weighs i + 1; ap50 is lost in the opposite order, so that the two disagree."""
    methods = candidate.layers().values()
    lost, other = (sum(WORTH[m] * w / LAYERS for m, w in zip(methods, order, strict=True)) for order in WEIGHTS)
    return {"map50": 0.8 - lost, "ap50": 0.6 - other}


def costs(candidate):
    """The first layers have the most operations, and the last ones the most weights."""
    methods = list(candidate.layers().values())
    ops, memory = (
        sum(table[m] * w for m, w in zip(methods, order, strict=True))
        for table, order in zip((OPS, MEMORY), WEIGHTS[::-1], strict=True)
    )
    return {"bit_ops": ops, "ops": ops, "memory_mb": memory}


def search(folder, objectives, trials, *, workers=1, constraints=None, initial=()):
    """The rows of a search in which up to `workers` candidates are in flight, the oldest coming back first."""
    journal = Journal(folder, name="box", space=SPACE, objectives=objectives)
    bounds = constraints or {}
    problem = SearchProblem(SPACE, costs, objectives, constraints=bounds, trials=trials, workers=workers)
    controller = Controller(problem, journal, sampler="structured", initial=initial)
    running = []
    while True:
        while len(running) < workers and not isinstance(proposal := controller.ask(), Done):
            running.append(proposal)
        if not running:
            return controller.records()
        first = running.pop(0)
        controller.tell(first.number, SimpleNamespace(metrics=scores(first.candidate), seconds={}))


def points(rows, objectives):
    return np.array([[row[name] * (-1 if name in MAXIMISED else 1) for name in objectives] for row in rows])


def share_of_the_best(rows, objectives):
    """The hypervolume over that of all candidates; the reference is the worst of each objective."""
    every = points([scores(one) | costs(one) for one in EVERY], objectives)
    return hypervolume(points(rows, objectives), every.max(0)) / hypervolume(every, every.max(0))


@pytest.mark.parametrize(
    "objectives",
    [("map50", "bit_ops"), ("map50", "bit_ops", "memory_mb"), ("map50", "ap50"), ("map50", "ap50", "bit_ops")],
)
def test_the_front_of_two_and_three_objectives_is_found_but_for_a_fiftieth(tmp_path, objectives):
    assert share_of_the_best(search(tmp_path, objectives, 60), objectives) > 0.98


def test_an_accuracy_or_a_cost_alone_is_brought_to_its_best(tmp_path):
    assert max(row["map50"] for row in search(tmp_path / "accuracy", ("map50",), 25)) == pytest.approx(0.8)
    cheapest = min(row["bit_ops"] for row in search(tmp_path / "cost", ("bit_ops",), 10))
    assert cheapest == pytest.approx(0.03 * sum(range(1, LAYERS + 1)))


def test_four_workers_find_it_too_and_no_two_of_their_candidates_are_alike(tmp_path):
    rows = search(tmp_path, ("map50", "bit_ops"), 40, workers=4)
    assert len({row["id"] for row in rows}) == 40
    assert share_of_the_best(rows, ("map50", "bit_ops")) > 0.967


def test_only_the_ends_are_above_a_bound_and_none_above_it_is_on_the_front(tmp_path):
    """A random candidate keeps to memory_mb <= 120 in one case of six; all real, the first that every search tries."""
    feasible = sum(costs(one)["memory_mb"] <= 120.0 for one in EVERY) / len(EVERY)
    assert 0.1 < feasible < 0.2
    ends = [SPACE.uniform("real"), SPACE.uniform("sign")]
    rows = search(tmp_path, ("map50", "bit_ops"), 40, constraints={"memory_mb": 120.0}, initial=ends)
    assert [row["number"] for row in rows if not row["feasible"]] == [0]
    front = front_rows(trials_frame(rows, x="bit_ops", y="map50"), "bit_ops", "map50")
    assert front["memory_mb"].max() <= 120.0
    assert rows[0]["map50"] > front["map50"].max()  # all real would be on it
