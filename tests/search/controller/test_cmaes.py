"""CMA-ES: one objective, and knobs that are numbers."""

import math
import statistics
from types import SimpleNamespace

import pytest

from search.controller.cmaes import ordered
from search.controller.controller import Controller
from search.controller.journal import Journal
from search.controller.problem import SamplerError, SearchProblem
from search.controller.proposal import Done
from spaces.space import Knob, SearchSpace

GRID = tuple(10 ** (step / 3) for step in range(-3, 4))
BEST = {"weight/hint": 2, "weight/cls": 5}
"""Which weights of the grid are best. The teachers must be the twin, and the layers bireal."""


def space():
    terms = [knob for name in ("hint", "cls") for knob in _term(name)]
    return SearchSpace([*(Knob(f"layer/b{i}", ("sign", "bireal")) for i in range(4)), *terms])


def _term(name):
    return Knob(f"teacher/{name}", ("none", "twin")), Knob(f"weight/{name}", GRID)


def map50(candidate):
    """0.5, plus 0.05 for each right layer and teacher, less 0.02 for each step away from the best weight."""
    right = sum(value in ("bireal", "twin") for value in candidate.values())
    steps = [abs(round(3 * math.log10(candidate[key])) + 3 - best) for key, best in BEST.items() if key in candidate]
    return 0.5 + 0.05 * right - 0.02 * sum(steps)


@pytest.fixture
def search(tmp_path):
    """Searches in a folder until it has `count` trials more; returns their candidates."""

    def run(folder, count=10**9, sampler="cmaes", bound=2.0):
        journal = Journal(tmp_path / folder, name="run", space=space(), objectives=("map50",))
        bounds = {"ops": bound}
        problem = SearchProblem(space(), lambda _: {"ops": 1.0}, ("map50",), constraints=bounds, trials=90)
        controller = Controller(problem, journal, sampler=sampler, seed=1)
        proposed = []
        while len(proposed) < count and not isinstance(proposal := controller.ask(), Done):
            proposed.append(proposal.candidate)
            score = SimpleNamespace(metrics={"map50": map50(proposal.candidate)}, seconds={})
            if proposal.number % 7 == 5:
                controller.tell_failed(proposal.number, "the loss is nan")
            else:
                controller.tell(proposal.number, score)
        if count < 10**9:
            controller.ask()  # and the process dies
        return proposed

    return run


def test_cmaes_goes_on_after_stops_as_an_unbroken_run(search):
    pytest.importorskip("cmaes", reason="the extra `samplers` is not installed")
    unbroken = search("unbroken")
    assert len(set(unbroken)) == 90
    assert search("resumed", 7) + search("resumed", 30) + search("resumed", 13) + search("resumed") == unbroken


def test_cmaes_gets_better_where_random_search_does_not(search):
    """A random candidate has 0.57 on average, the best 0.8."""
    pytest.importorskip("cmaes", reason="the extra `samplers` is not installed")
    late = {name: statistics.fmean(map(map50, search(name, sampler=name)[-30:])) for name in ("cmaes", "random")}
    assert late["random"] < 0.62
    assert late["cmaes"] > late["random"] + 0.05


def test_weights_are_in_rising_order():
    assert ordered(Knob("weight/hint", (1.0, 0.1, 10.0))) == [0.1, 1.0, 10.0]
    assert ordered(Knob("teacher/hint", ("twin", "none"))) == ("twin", "none")


def test_several_objectives_are_refused(open_controller):
    with pytest.raises(SamplerError, match=r"'cmaes' searches for one objective, not for 2 \(map50, bit_ops\)\. Keep"):
        open_controller(sampler="cmaes")


@pytest.mark.parametrize(
    ("knobs", "text"),
    [
        (
            [Knob(f"layer/b{i}", ("real", "sign", "dbs")) for i in range(5)],
            r"have layer/b0 \(real, sign, dbs\), .* and 2",
        ),
        (
            [Knob("layer/b0", ("real", "sign")), Knob("layer/b1", ("real",))],
            "needs two knobs or more that have a choice",
        ),
    ],
)
def test_a_space_without_numbers_is_refused_with_its_knobs(knobs, text, tmp_path):
    space = SearchSpace(knobs)
    journal = Journal(tmp_path, name="run", space=space, objectives=("map50",))
    with pytest.raises(SamplerError, match=text):
        Controller(SearchProblem(space, lambda _: {}, ("map50",), trials=9), journal, sampler="cmaes")
