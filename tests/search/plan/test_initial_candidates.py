"""What is tried before the sampler is asked, and what of it a config can't have."""

from functools import partial

import pytest

from search.config import ConfigError
from search.plan.initial_candidates import enqueued_candidates, initial_candidates
from search.plan.plan import plan_search
from search.stages.search import run_search


@pytest.fixture(scope="module")
def config(tiny_config):
    terms = {"angular": {}, "adversarial": {"teachers": ["none", "big"]}}
    space = {"granularity": "stage", "layers": {"methods": ["real", "sign", "lcb"], "open": {}}, "terms": terms}
    teachers = {"twin": {"batch_size": 8}, "big": {"batch_size": 8}}
    return partial(tiny_config, teachers=teachers, space=space, search={"trials": 5})


@pytest.fixture(scope="module")
def plan(config):
    return plan_search(config("search.enqueue=[{layers: lcb, terms: {angular: {weight: 100}}}, {layers: sign}]"), None)


@pytest.fixture
def initial(plan):
    """What a search of the same space with other settings tries first, as its plan has it."""

    def of(search):
        return initial_candidates(
            plan.uniform, enqueued_candidates(search.enqueue, plan.space), plan.space, search.trials
        )

    return of


def test_uniform_candidates_come_before_what_is_enqueued(plan):
    tried = plan.initial
    assert list(plan.uniform) == ["all real", "all sign", "all lcb"]
    assert [set(one.layers().values()) for one in tried] == [{"real"}, {"sign"}, {"lcb"}, {"lcb"}, {"sign"}]
    assert (tried[3]["teacher/angular"], tried[3]["weight/angular"]) == ("twin", 100)
    assert tried[3]["teacher/adversarial"] == "none"


def test_a_1_bit_network_is_tried_with_8_and_4_bits_in_all_that_is_not_1_bit_too(tiny_config):
    layers = {"methods": ["real", "int8", "sign"], "open": {"all": ["real", "int8", "int4"], "heads.cls": ["real"]}}
    plan = plan_search(tiny_config(space={"granularity": "stage", "layers": layers}), None)
    elsewhere = ["all sign, int8 elsewhere", "all sign, int4 elsewhere"]
    assert list(plan.uniform) == ["all real", "all int8", "all sign", *elsewhere]
    stages = [f"backbone.layer{stage}" for stage in (1, 2, 3, 4)]
    tried = [[one.layers()[name] for name in (*stages, "stem", "heads.cls")] for one in plan.initial]
    assert tried == [
        ["real"] * 6,
        [*["int8"] * 5, "real"],
        [*["sign"] * 4, "real", "real"],
        [*["sign"] * 4, "int8", "real"],
        [*["sign"] * 4, "int4", "real"],
    ]


def test_no_teacher_needs_no_weight(config, plan, initial):
    chosen = config("search.enqueue=[{layers: real, terms: {adversarial: {teacher: none}, angular: {teacher: none}}}]")
    tried = initial(chosen.search)
    assert plan.space.canonical(tried[-1]) == plan.space.canonical(plan.space.uniform("real"))
    assert len(tried) == 4


def test_what_no_trial_would_reach_is_refused_before_anything_is_written(config, initial, tmp_path):
    three = "search.enqueue=[{layers: lcb, terms: {angular: {weight: 10}}}, {layers: sign}, {layers: real, terms: {"
    three += "adversarial: {teacher: big, weight: 0.01}}}]"
    reached = initial(config(three).search)  # three uniform ones, one of them named again, and two others
    assert len(reached) == 6
    message = (
        r"search\.trials is 4, but a search tries 3 candidates of one method first, .* it must be at least 5 for all"
    )
    with pytest.raises(ConfigError, match=message):
        run_search(config(three, "search.trials=4"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_without_anything_enqueued_a_search_may_be_shorter_than_its_uniform_candidates(config, initial):
    assert len(plan_search(config("search.trials=1"), None).initial) == 3
    assert len(initial(config("search.trials=2", "search.enqueue=[{layers: sign}]").search)) == 4
