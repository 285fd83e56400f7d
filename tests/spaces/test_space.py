import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.candidate import Candidate
from spaces.layers import is_binary, learns_scale
from spaces.space import Knob, SearchSpace, weight_grid


def layer(name, *choices):
    return Knob(f"layer/{name}", choices or ("real", "sign", "bireal"))


def term(name, *teachers, weights=(0.1, 1.0)):
    return [Knob(f"teacher/{name}", teachers or ("none", "twin", "big")), Knob(f"weight/{name}", weights)]


SPACE = SearchSpace([layer("a"), layer("b"), *term("hint"), *term("angle")], layer_terms={"angle": is_binary})


def full(a="real", b="real", hint="none", hint_weight=1.0, angle="none", angle_weight=1.0):
    choices = {"layer/a": a, "layer/b": b, "teacher/hint": hint, "weight/hint": hint_weight}
    return Candidate({**choices, "teacher/angle": angle, "weight/angle": angle_weight})


def every_candidate(space):
    combinations = itertools.product(*(knob.choices for knob in space.knobs))
    return [Candidate(dict(zip((knob.key for knob in space.knobs), values, strict=True))) for values in combinations]


spaces = st.builds(
    lambda layers, terms, bound: SearchSpace(
        [layer(str(i), *choices) for i, choices in enumerate(layers)]
        + [knob for i, (teachers, weights) in enumerate(terms) for knob in knobs_of(str(i), teachers, weights)],
        layer_terms={str(i): acts_on for i, acts_on in bound.items()},
    ),
    st.lists(st.sets(st.sampled_from(["real", "int8", "sign", "bireal", "dbs"]), min_size=1).map(sorted), max_size=3),
    st.lists(
        st.tuples(
            st.sets(st.sampled_from(["none", "twin", "big"]), min_size=1).map(sorted),
            st.sets(st.sampled_from([0.1, 1.0, 10.0]), max_size=2).map(sorted),
        ),
        max_size=2,
    ),
    st.dictionaries(st.integers(0, 1), st.sampled_from([is_binary, learns_scale])),
)


def knobs_of(name, teachers, weights):
    weight = [Knob(f"weight/{name}", tuple(weights))] if weights else []
    return [Knob(f"teacher/{name}", tuple(teachers)), *weight]


def test_the_weight_of_a_term_without_a_teacher_is_dropped():
    assert SPACE.canonical(full(a="sign", hint="none", hint_weight=0.1)) == SPACE.canonical(
        full(a="sign", hint="none", hint_weight=1.0)
    )
    assert set(SPACE.canonical(full(a="sign"))) == {"layer/a", "layer/b", "teacher/hint", "teacher/angle"}
    assert SPACE.canonical(full(a="sign", hint="twin", hint_weight=0.1))["weight/hint"] == 0.1


def test_a_layer_term_is_dropped_where_no_layer_is_1_bit():
    assert set(SPACE.canonical(full(angle="twin"))) == {"layer/a", "layer/b", "teacher/hint"}
    assert SPACE.canonical(full(b="bireal", angle="twin"))["weight/angle"] == 1.0


def test_an_int8_layer_is_not_1_bit():
    space = SearchSpace([layer("a", "int8", "sign"), *term("angle")], layer_terms={"angle": is_binary})
    eight_bits = {"layer/a": "int8", "teacher/angle": "twin", "weight/angle": 1.0}
    assert dict(space.canonical(Candidate(eight_bits))) == {"layer/a": "int8"}


def test_an_int_that_stands_for_a_float_becomes_that_float():
    canonical = SPACE.canonical(full(hint="big", hint_weight=1))
    assert type(canonical["weight/hint"]) is float
    assert canonical.id == SPACE.canonical(full(hint="big", hint_weight=1.0)).id


def test_a_space_without_knobs_holds_the_empty_candidate():
    space = SearchSpace([])
    assert dict(space.canonical(space.sample(random.Random(0)))) == {}


def test_a_term_without_a_layer_that_it_acts_on_is_dropped():
    space = SearchSpace([layer("a", "sign", "sign+learned_scale"), *term("size")], layer_terms={"size": learns_scale})
    on = {"teacher/size": "twin", "weight/size": 1.0}
    assert dict(space.canonical(Candidate({"layer/a": "sign", **on}))) == {"layer/a": "sign"}
    kept = Candidate({"layer/a": "sign+learned_scale", **on})
    assert space.canonical(kept) == kept


@given(spaces, st.integers(0, 2**32))
def test_canonical_is_a_normal_form(space, seed):
    canonical = space.canonical(space.sample(random.Random(seed)))
    assert space.canonical(canonical) == canonical
    completed = space.complete(canonical)
    assert list(completed) == sorted(knob.key for knob in space.knobs)
    assert space.canonical(completed) == canonical
    space.validate(canonical)


def test_completing_turns_a_dropped_teacher_off_and_takes_the_first_weight():
    canonical = SPACE.canonical(full(angle="twin"))
    assert SPACE.complete(canonical) == full(hint_weight=0.1, angle_weight=0.1)


def test_sampling_is_seeded_and_uniform_over_each_knob():
    assert SPACE.sample(random.Random(5)) == SPACE.sample(random.Random(5))
    rng = random.Random(0)
    drawn = Counter(SPACE.sample(rng)["layer/a"] for _ in range(3000))
    assert all(abs(drawn[method] - 1000) < 100 for method in ("real", "sign", "bireal"))


@pytest.mark.parametrize(("asked", "changed"), [(1, 1), (3, 3), (6, 6), (99, 6)])
def test_mutation_changes_as_many_knobs_as_asked(asked, changed):
    rng = random.Random(0)
    for _ in range(30):
        before = SPACE.sample(rng)
        after = SPACE.mutate(before, rng, asked)
        assert sum(before[key] != after[key] for key in before) == changed
        SPACE.validate(after)


def test_mutation_leaves_knobs_with_one_choice_alone():
    space = SearchSpace([layer("a", "sign"), layer("b", "real", "sign")])
    mutant = space.mutate(Candidate({"layer/a": "sign", "layer/b": "real"}), random.Random(0), 2)
    assert dict(mutant) == {"layer/a": "sign", "layer/b": "sign"}


def test_mutation_takes_a_canonical_candidate():
    mutant = SPACE.mutate(SPACE.canonical(full()), random.Random(1))
    assert len(mutant) == len(SPACE.knobs)


def test_uniform_sets_every_layer_and_no_teacher():
    assert SPACE.uniform("bireal") == full("bireal", "bireal", hint_weight=0.1, angle_weight=0.1)
    with pytest.raises(ValueError, match="No layer of the space offers 'dbs'"):
        SPACE.uniform("dbs")


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        ({"layer/c": "sign"}, r"The space has no knob 'layer/c'. It has: layer/a, layer/b, teacher/hint"),
        ({"layer/a": "dbs"}, r"layer/a is 'dbs'; allowed are 'real', 'sign', 'bireal'."),
        ({"weight/hint": 0.5}, r"weight/hint is 0.5; allowed are 0.1, 1.0."),
        ({"layer/a": "real", "teacher/hint": "none"}, r"does not say what layer/b should be"),
        ({"layer/a": "real", "layer/b": "real"}, r"does not say what teacher/hint should be"),
        ({"layer/a": "real", "layer/b": "real", "teacher/hint": "big"}, r"not say what weight/hint should be"),
        ({"layer/a": "sign", "layer/b": "real", "teacher/hint": "none"}, r"not say what teacher/angle should be"),
    ],
)
def test_validate_says_what_is_wrong_and_what_is_allowed(candidate, message):
    with pytest.raises(ValueError, match=message):
        SPACE.validate(Candidate(candidate))


def test_a_knob_needs_a_known_kind_and_distinct_choices():
    with pytest.raises(ValueError, match="A knob is called 'block/a'; allowed are"):
        Knob("block/a", ("real",))
    with pytest.raises(ValueError, match=r"layer/a offers \(\); it needs one choice or more, each once"):
        Knob("layer/a", ())
    with pytest.raises(ValueError, match="each once"):
        Knob("weight/a", (1, 1.0))


def test_two_knobs_of_one_key_and_a_weight_without_a_teacher_are_refused():
    with pytest.raises(ValueError, match="Two knobs have the same key"):
        SearchSpace([layer("a"), layer("a")])
    with pytest.raises(ValueError, match="weight/hint has no knob 'teacher/hint' beside it"):
        SearchSpace([Knob("weight/hint", (1.0,))])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 10.0, (0.1, 0.215, 0.464, 1.0, 2.15, 4.64, 10.0)),
        (1.0, 1.0, (1.0,)),
        (0.2, 0.9, (0.215, 0.464)),
        (1e-3, 2e-3, (0.001,)),
        # A grid value as it is written (0.215 for 0.21544...) must be within reach of a user who writes it.
        (0.1, 0.215, (0.1, 0.215)),
        (0.215, 2.15, (0.215, 0.464, 1.0, 2.15)),
        (4.64, 4.64, (4.64,)),
        (4.641, 9.0, None),
        (1.1, 2.0, None),
    ],
)
def test_weights_lie_on_a_grid_of_three_steps_a_decade(low, high, expected):
    if expected is None:
        with pytest.raises(ValueError, match=f"No weight lies between {low} and {high} on a grid of 3 steps"):
            weight_grid(low, high)
    else:
        assert weight_grid(low, high) == expected


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1.0, 1.0), (2.0, 1.0), (1.0, float("inf")), (1.0, float("nan"))])
def test_a_weight_range_is_positive_finite_and_rising(bounds):
    with pytest.raises(ValueError, match="it must be positive, finite and rising"):
        weight_grid(*bounds)
