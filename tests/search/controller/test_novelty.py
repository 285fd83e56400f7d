"""A new candidate is found where there is one, and an exhausted space is recognised."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.controller.novelty import Exhaustion, every_candidate, new_candidate_near
from spaces.candidate import Candidate
from spaces.layers import is_binary, learns_scale
from spaces.space import Knob, SearchSpace


def layered_space(layers=3):
    knobs = [Knob(f"layer/b{i}", ("real", "sign")) for i in range(layers)]
    return SearchSpace(
        [*knobs, Knob("teacher/a", ("none", "x", "y")), Knob("weight/a", (1.0, 2.0)), Knob("teacher/b", ("none", "x"))],
        layer_terms={"b": is_binary},
    )


def term(name, teachers, weights):
    return [Knob(f"teacher/{name}", tuple(teachers)), *([Knob(f"weight/{name}", tuple(weights))] if weights else [])]


def some_of(*choices, **sizes):
    return st.sets(st.sampled_from(choices), **sizes).map(sorted)


spaces = st.builds(
    lambda layers, terms, layer_terms: SearchSpace(
        [Knob(f"layer/{i}", tuple(methods)) for i, methods in enumerate(layers)]
        + [knob for i, (teachers, weights) in enumerate(terms) for knob in term(str(i), teachers, weights)],
        layer_terms={str(i): acts_on for i, acts_on in layer_terms.items()},
    ),
    st.lists(some_of("real", "int8", "sign", "bireal", "dbs", min_size=1), max_size=3),
    st.lists(
        st.tuples(some_of("none", "twin", "big", min_size=1), some_of(0.1, 1.0, 10.0, max_size=2)),
        max_size=2,
    ),
    st.dictionaries(st.integers(0, 1), st.sampled_from([is_binary, learns_scale])),
)


@given(spaces)
def test_every_canonical_candidate_is_counted_once(space):
    choices = itertools.product(*(knob.choices for knob in space.knobs))
    full = [Candidate(dict(zip((knob.key for knob in space.knobs), values, strict=True))) for values in choices]
    counted = [space.canonical(candidate) for candidate in every_candidate(space)]
    assert len(counted) == len(set(counted))
    assert set(counted) == {space.canonical(candidate) for candidate in full}


def test_the_number_of_candidates_by_hand():
    # 8 layouts, 7 of them with a 1-bit layer; term a: none, or 2 teachers x 2 weights; term b, only with 1-bit: 2 ways
    assert len(list(every_candidate(layered_space()))) == 5 * (7 * 2 + 1)


def test_a_teacher_that_is_always_on_and_a_term_without_a_weight():
    space = SearchSpace([*term("hint", ("twin", "big"), (1.0, 2.0)), *term("cls", ("none", "twin"), ())])
    assert len(list(every_candidate(space))) == (2 * 2) * 2


def test_a_space_without_knobs_has_one_candidate():
    assert list(every_candidate(SearchSpace([]))) == [Candidate({})]


def test_the_last_candidate_left_is_found():
    space = layered_space()
    everything = {space.canonical(one) for one in every_candidate(space)}
    for left in everything:
        found = new_candidate_near(space, space.uniform("real"), everything - {left}, random.Random(0))
        assert space.canonical(found) == left


def test_a_neighbour_is_preferred():
    space = layered_space(layers=20)
    start = space.uniform("real")
    found = new_candidate_near(space, start, {space.canonical(start)}, random.Random(3))
    assert sum(found[key] != start[key] for key in start) == 1


def test_nothing_left_is_an_error():
    space = layered_space()
    everything = {space.canonical(one) for one in every_candidate(space)}
    with pytest.raises(LookupError, match="Every candidate of the space has been proposed"):
        new_candidate_near(space, space.uniform("real"), everything, random.Random(0))


@given(st.randoms(use_true_random=False))
def test_a_space_is_exhausted_when_its_last_candidate_has_been_proposed(rng):
    space = layered_space()
    candidates = [space.canonical(one) for one in every_candidate(space)]
    rng.shuffle(candidates)
    proposed = set()
    exhaustion = Exhaustion(space, proposed)
    for candidate in candidates:
        assert not exhaustion.reached()
        proposed.add(candidate)
    assert exhaustion.reached()


def test_a_huge_space_is_counted_no_further_than_it_was_proposed():
    space = layered_space(layers=80)
    proposed = {space.canonical(one) for one in itertools.islice(every_candidate(space), 1000)}
    assert not Exhaustion(space, proposed).reached()
