"""A new candidate is found where there is one."""

import random

import pytest

from search.controller.novelty import every_candidate, unseen_near
from spaces.layers import is_binary
from spaces.space import Knob, SearchSpace


def layered_space(layers=3):
    knobs = [Knob(f"layer/b{i}", ("real", "sign")) for i in range(layers)]
    return SearchSpace(
        [*knobs, Knob("teacher/a", ("none", "x", "y")), Knob("weight/a", (1.0, 2.0)), Knob("teacher/b", ("none", "x"))],
        layer_terms={"b": is_binary},
    )


def test_every_candidate_is_counted():
    space = layered_space()
    # 8 layouts, 7 of them with a 1-bit layer; term a: none, or 2 teachers x 2 weights; term b, only with 1-bit: 2 ways
    assert len({space.canonical(one) for one in every_candidate(space)}) == 5 * (7 * 2 + 1) == space.size


def test_the_last_candidate_left_is_found():
    space = layered_space()
    everything = {space.canonical(one) for one in every_candidate(space)}
    for left in everything:
        found = unseen_near(space, space.uniform("real"), everything - {left}, random.Random(0))
        assert space.canonical(found) == left


def test_a_neighbour_is_preferred():
    space = layered_space(layers=20)
    start = space.uniform("real")
    found = unseen_near(space, start, {space.canonical(start)}, random.Random(3))
    assert sum(found[key] != start[key] for key in start) == 1


def test_nothing_left_is_said():
    space = layered_space()
    everything = {space.canonical(one) for one in every_candidate(space)}
    with pytest.raises(LookupError, match="Every candidate of the space has been scored"):
        unseen_near(space, space.uniform("real"), everything, random.Random(0))
