"""A search over three layers and a term, in the sampler's numbers."""

import pytest

from search.controller.problem import SearchProblem
from search.controller.structured.memory import Memory
from search.controller.structured.sites import Sites
from spaces.space import Knob, SearchSpace

METHODS = ("real", "int8", "sign")
COST = {"real": 100.0, "int8": 10.0, "sign": 1.0}


@pytest.fixture
def layered():
    """Three layers of three methods; a term for 1-bit layers alone, with two teachers and three weights."""
    layers = [Knob(f"layer/b{i}", METHODS) for i in range(3)]
    term = [Knob("teacher/hint", ("none", "twin", "big")), Knob("weight/hint", (0.1, 1.0, 10.0))]
    return SearchSpace([*layers, *term], layer_terms={"hint": lambda method: method == "sign"})


@pytest.fixture
def sites(layered):
    return Sites(layered)


@pytest.fixture
def layer_costs():
    """A layer's cost times 1, 2 and 3 from the first layer to the last. memory_mb is the number of real layers."""

    def of(candidate):
        methods = [candidate[f"layer/b{i}"] for i in range(3)]
        bit_ops = sum((i + 1) * COST[method] for i, method in enumerate(methods))
        return {"bit_ops": bit_ops, "memory_mb": float(methods.count("real"))}

    return of


@pytest.fixture
def problem(layered, layer_costs):
    return SearchProblem(layered, layer_costs, ("map50", "bit_ops"), trials=40)


@pytest.fixture
def memory(problem):
    return Memory(problem)
