"""What is scored before the sampler is asked, and what of it a config can't have."""

import pytest

from search.config import ConfigError
from search.plan.initial_candidates import enqueued_candidates
from search.plan.plan import plan_search
from search.stages.search import run_search

SPACE = {
    "granularity": "stage",
    "layers": {"methods": ["real", "sign", "lcb"]},
    "terms": {"angular": {}, "adversarial": {"teachers": ["none", "big"]}},
}


@pytest.fixture
def config(tiny_config):
    return lambda *overrides: tiny_config("search.trials=5", *overrides, teachers={"big": {}}, space=SPACE)


def test_the_uniform_candidates_come_before_what_is_enqueued(config):
    plan = plan_search(config("search.enqueue=[{layers: lcb, terms: {angular: {weight: 100}}}, {layers: sign}]"), None)
    assert list(plan.uniform) == ["all real", "all sign", "all lcb"]
    assert [set(one.layers().values()) for one in plan.initial] == [{"real"}, {"sign"}, {"lcb"}, {"lcb"}, {"sign"}]
    enqueued = plan.initial[3]
    assert (enqueued["teacher/angular"], enqueued["weight/angular"]) == ("twin", 100)
    assert enqueued["teacher/adversarial"] == "none"


def test_no_teacher_needs_no_weight(config):
    chosen = config("search.enqueue=[{layers: real, terms: {adversarial: {teacher: none}, angular: {teacher: none}}}]")
    space = plan_search(chosen, None).space
    (candidate,) = enqueued_candidates(chosen.search.enqueue, space)
    assert space.canonical(candidate) == space.canonical(space.uniform("real"))


def test_what_no_trial_would_reach_is_refused_before_anything_is_written(config, tmp_path, monkeypatch):
    monkeypatch.setattr("search.stages.search.started_run", lambda *_: pytest.fail("it would have begun"))
    three = "search.enqueue=[{layers: lcb, terms: {angular: {weight: 10}}}, {layers: sign}, {layers: real, terms: {"
    three += "adversarial: {teacher: big, weight: 0.01}}}]"
    reached = plan_search(config(three), None)  # three of one method, one of them named again, and two others
    assert len(reached.initial) == 6
    message = (
        r"search\.trials is 4, but a search tries 3 candidates of one method first, .* it must be at least 5 for all"
    )
    with pytest.raises(ConfigError, match=message):
        run_search(config(three, "search.trials=4"), tmp_path / "run")


@pytest.mark.parametrize("overrides", [["search.trials=1"], ["search.trials=2", "search.enqueue=[{layers: sign}]"]])
def test_without_anything_new_enqueued_a_search_may_be_shorter_than_its_uniform_candidates(config, overrides):
    assert len(plan_search(config(*overrides), None).initial) >= 3
