"""Rungs in a config: they replace `scoring.adapt_steps`, rise, and can't change in a run."""

import pytest

from search.config import Kind, changed_keys, config_text, load_config

RUNGS = "scoring.rungs=[{adapt_steps: 0}, {adapt_steps: 20}, {adapt_steps: 100}]"


@pytest.fixture
def loaded(least, written):
    return lambda *overrides: load_config(written(least), overrides)


def test_a_search_without_rungs_has_one_of_adapt_steps(loaded):
    assert loaded().scoring.steps == (50,)
    assert loaded("scoring.adapt_steps=0").scoring.steps == (0,)
    assert loaded("scoring.rungs=null").scoring.steps == (50,)


def test_rungs_replace_the_default_and_are_read_back(loaded, written):
    config = loaded(RUNGS, "scoring.reduction=4")
    assert (config.scoring.steps, config.scoring.reduction) == ((0, 20, 100), 4)
    assert load_config(written(config_text(config))) == config


@pytest.mark.parametrize(
    ("lines", "problem", "text"),
    [
        (
            "scoring: {adapt_steps: 20, rungs: [{adapt_steps: 0}, {adapt_steps: 20}]}",
            ("scoring.adapt_steps", Kind.CONFLICT, 20),
            "is 20, but scoring.rungs has the steps of each rung. Set it to null, or take the rungs out.",
        ),
        (
            "scoring: {adapt_steps: null}",
            ("scoring.adapt_steps", Kind.CONFLICT, None),
            "is null, which it can only be beside scoring.rungs. Give a whole number, or rungs.",
        ),
        (
            "scoring: {rungs: [{adapt_steps: 20}, {adapt_steps: 20}]}",
            ("scoring.rungs", Kind.NOT_ALLOWED, [{"adapt_steps": 20}, {"adapt_steps": 20}]),
            "is [{adapt_steps: 20}, {adapt_steps: 20}], must have more adapt_steps from rung to rung.",
        ),
        (
            "scoring: {rungs: [{adapt_steps: 0}, {steps: 20}]}",
            ("scoring.rungs.1.steps (entry 2 of the list)", Kind.NO_SUCH_KEY, None),
            "there is no such key. Did you mean scoring.rungs.1.adapt_steps? Known here: adapt_steps.",
        ),
        (
            "scoring: {rungs: 3}",
            ("scoring.rungs", Kind.WRONG_TYPE, 3),
            "is 3, must be a list, such as [a, b].",
        ),
        (
            "scoring: {rungs: [{adapt_steps: -1}]}",
            ("scoring.rungs.0.adapt_steps (entry 1 of the list)", Kind.NOT_ALLOWED, -1),
            "is -1, must be greater than or equal to 0.",
        ),
        (
            "scoring: {rungs: [{adapt_steps: 0}]}\nspace: {terms: {feature_hint: {}}}",
            ("scoring.rungs", Kind.CONFLICT, 0),
            "has no rung with more than 0 adapt_steps, so that what space.terms searches (feature_hint) has no effect "
            "on scores. Adapt some steps, or take the terms out.",
        ),
        ("scoring: {reduction: 1}", ("scoring.reduction", Kind.NOT_ALLOWED, 1), "is 1, must be greater than"),
    ],
)
def test_what_is_wrong_with_rungs_is_one_problem(lines, problem, text, least, written, refusal):
    error = refusal(written(f"{least}{lines}\n"))
    assert [(one.key, one.kind, one.value) for one in error.problems] == [problem]
    assert str(error).partition(f"{problem[0]}: ")[2].startswith(text)


def test_terms_may_be_searched_where_a_higher_rung_adapts(loaded):
    assert loaded(RUNGS, "space.terms={feature_hint: {}}").scoring.steps == (0, 20, 100)


def test_a_run_without_rungs_goes_on_and_one_takes_no_others(loaded, written):
    before = config_text(loaded())
    for key in ("  rungs: []\n", "  reduction: 3\n"):
        assert key in before
        before = before.replace(key, "")  # as a version without rungs wrote it
    assert changed_keys(load_config(written(before)), loaded()) == {}
    rungs = [{"adapt_steps": 0}, {"adapt_steps": 20}, {"adapt_steps": 100}]
    changed = changed_keys(loaded(), loaded(RUNGS))
    assert changed == {"scoring.adapt_steps": (50, None), "scoring.rungs": ([], rungs)}
