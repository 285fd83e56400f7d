"""Reading a plan of comparisons: its form is checked whole, and names in braces are those of its teachers."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from search.comparison.arms import read_plan
from search.config import ConfigError, Kind


@pytest.fixture
def read(plan_file):
    return lambda text: read_plan(plan_file(text))


def test_all_mistakes_in_a_plans_form_are_reported_at_once(read):
    with pytest.raises(ConfigError) as caught:
        read(
            """
            confg: tiny.yaml
            set: train.epochs=1
            teachers: {b: [3]}
            comparisons:
              c: {arms: {}, foldr: x}
              d: {arms: {x: [], y: null}}
              e: [1]
            """
        )
    assert [(one.key, one.kind) for one in caught.value.problems] == [
        ("set", Kind.WRONG_TYPE),
        ("teachers.b.0 (entry 1 of the list)", Kind.WRONG_TYPE),
        ("comparisons.c.arms", Kind.NOT_ALLOWED),
        ("comparisons.c.foldr", Kind.NO_SUCH_KEY),
        ("comparisons.d.arms.y", Kind.WRONG_TYPE),
        ("comparisons.e", Kind.WRONG_TYPE),
        ("confg", Kind.NO_SUCH_KEY),
    ]
    head, first, *_, last = str(caught.value).splitlines()
    assert head == "plan.yaml: 7 mistakes"
    assert first == "  set: is 'train.epochs=1', must be a list, such as [a, b]."
    assert last.startswith("  confg: there is no such key. Did you mean config? Known here: config, set, teachers,")


def test_a_name_in_braces_is_that_of_a_teacher_which_is_trained_before(read):
    with pytest.raises(ConfigError) as caught:
        read(
            """
            config: tiny.yaml
            teachers: {a: ["weights={b}"], b: []}
            comparisons: {c: {arms: {x: ["weights={aa}", "train.terms={fgfi: {weight: 1}}"], y: ["weights={b}"]}}}
            """
        )
    assert str(caught.value).splitlines() == [
        "plan.yaml: 2 mistakes",
        "  teachers.a: weights={b} needs a teacher {b} that the plan trains before: there is none.",
        "  comparisons.c.arms.x: weights={aa} needs a teacher {aa} that the plan trains before: "
        "'aa' is not known. Did you mean 'a'? Known: a, b.",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "plan.yaml: the config: is [1], must be a mapping of keys, such as {key: value}."),
        ("config: [", "plan.yaml, line 1, column 10: "),
        ("config: a\nconfig: b", "plan.yaml, line 2: the key 'config' stands here and in line 1."),
        ("comparisons: {a: {arms: {b: []}}}", "config: is missing and has no default."),
        ("config: 3\ncomparisons: {a: {arms: {b: []}}}", "config: is 3, must be text: put it in quotes."),
        ("config: a\ncomparisons: []", "comparisons: is [], must be a mapping of names, such as {name: value}."),
        ("config: a\ncomparisons: {}", "comparisons: is {}, must have one entry or more."),
        ("config: a\nteachers: 3\ncomparisons: {a: {arms: {b: []}}}", "teachers: is 3, must be a mapping of names"),
        ("config: a\ncomparisons: {a: {folder: 1, arms: {b: []}}}", "comparisons.a.folder: is 1, must be text"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(read, text, message):
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert message in str(caught.value)


def test_a_number_is_a_name(read):
    plan = read("{config: tiny.yaml, comparisons: {2012: {arms: {8: []}}}}")
    assert [(arm.label, arm.folder) for arm in plan.arms] == [("2012, 8", "2012")]


NAMES = st.sampled_from(["x", "y", 1, None])
OVERRIDES = st.lists(st.sampled_from(["seed=1", "teachers.t.weights={x}", "{y}", ""]), max_size=2)
ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | OVERRIDES,
    lambda one: st.lists(one, max_size=2) | st.dictionaries(NAMES, one, max_size=2),
    max_leaves=4,
)


def maybe(strategy):
    """Nearly always what it should be."""
    return st.integers(0, 9).flatmap(lambda n: strategy if n else ANYTHING)


ARMS = maybe(st.dictionaries(NAMES, maybe(OVERRIDES), min_size=1, max_size=2))
COMPARISON = st.fixed_dictionaries({"arms": ARMS}, optional={"set": OVERRIDES, "folder": maybe(st.just("f"))})
PLANS = st.fixed_dictionaries(
    {"config": st.just("tiny.yaml"), "comparisons": maybe(st.dictionaries(NAMES, maybe(COMPARISON), max_size=2))},
    optional={"teachers": maybe(st.dictionaries(NAMES, OVERRIDES, max_size=2)), "set": maybe(st.just([]))},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(maybe(PLANS))
def test_whatever_a_file_holds_is_a_plan_or_one_message(read, content):
    try:
        plan = read(yaml.safe_dump(content))
    except ConfigError as error:
        event("a message")
        message = str(error)
    else:
        event("a plan")
        message = "plan.yaml"
        assert all(isinstance(one, str) for arm in plan.arms for one in (arm.comparison, arm.name, *arm.overrides))
        assert plan.only(plan.comparisons).arms == plan.arms
    assert message.startswith(("plan.yaml", "The plan plan.yaml"))


def test_an_anchors_keys_stand_behind_a_comparisons_own(read):
    plan = read(
        """
        config: tiny.yaml
        comparisons:
          one: &one {set: [seed=1], arms: {alone: [], taught: [seed=2]}}
          two: {<<: *one, folder: one, arms: {other: [seed=3]}}
          three: {<<: *one, set: [seed=4]}
        """
    )
    assert [(arm.label, arm.folder, arm.overrides) for arm in plan.arms] == [
        ("one, alone", "one", ("seed=1",)),
        ("one, taught", "one", ("seed=1", "seed=2")),
        ("two, other", "one", ("seed=1", "seed=3")),
        ("three, alone", "three", ("seed=4",)),
        ("three, taught", "three", ("seed=4", "seed=2")),
    ]


def test_comparisons_alone_keep_the_teachers_that_they_need(read):
    plan = read(
        """
        config: tiny.yaml
        teachers: {a: [], b: ["teachers.t.weights={a}"], c: []}
        comparisons:
          one: {set: ["teachers={x: {weights: {b}}, y: {width: 1}}"], arms: {alone: []}}
          two: {set: ["teachers.x.weights={c}"], arms: {alone: []}}
        """
    )
    assert list(plan.only(["one"]).teachers) == ["a", "b"]
    assert list(plan.only(["two"]).teachers) == ["c"]
    assert plan.only(["one"]).arms[0].with_files({"b": Path("b.file")}) == [
        "teachers={x: {weights: b.file}, y: {width: 1}}"
    ]
    with pytest.raises(ConfigError, match=r"--only: 'on' is not known. Did you mean 'one'\? Known: one, two\."):
        plan.only(["on"])


def test_arms_are_compared_with_the_first_or_with_those_that_are_named(read):
    plan = read(
        """
        config: tiny.yaml
        comparisons:
          one: {arms: {a: [], b: []}}
          two: {against: [c, a], arms: {a: [], b: [], c: []}}
        """
    )
    assert plan.against == {"one": ("a",), "two": ("c", "a")}
    assert plan.only(arms=["b", "c"]).against == {"one": ("b",), "two": ("c",)}
    assert [arm.label for arm in plan.only(["two"], ["b", "c"]).arms] == ["two, b", "two, c"]
    with pytest.raises(ConfigError, match=r"--arms: 'd' is not known"):
        plan.only(arms=["d"])
    with pytest.raises(ConfigError, match=r"comparisons\.c\.against: 'z' is not known"):
        read("{config: tiny.yaml, comparisons: {c: {against: [z], arms: {a: []}}}}")
