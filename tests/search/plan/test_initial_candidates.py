"""What is tried before the sampler is asked, and what of it a config can't have."""

import pytest

from search.config import ConfigError, load_config
from search.plan.initial_candidates import ends, enqueued, first_tried
from search.plan.space import build_space, student_spec
from search.stages.search import run_search
from trainers.progress import SilentProgress

CONFIG = """
name: first
data: {format: shapes, image_size: 96}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {big: {}}
space:
  granularity: stage
  layers: {methods: [real, sign, lcb]}
  terms:
    angular: {}
    adversarial: {teachers: [none, big]}
search: {trials: 5}
"""


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "first.yaml"
    file.write_text(CONFIG)
    return lambda *overrides: load_config(file, list(overrides))


def space_of(config):
    return build_space(config, student_spec(config, 4))


def test_the_ends_come_before_what_is_enqueued(config):
    chosen = config("search.enqueue=[{layers: lcb, terms: {angular: {weight: 100}}}, {layers: sign}]")
    space = space_of(chosen)
    tried = first_tried(chosen, space)
    assert list(ends(chosen, space)) == ["all real", "all sign", "all lcb"]
    assert [set(one.layers().values()) for one in tried] == [{"real"}, {"sign"}, {"lcb"}, {"lcb"}, {"sign"}]
    assert (tried[3]["teacher/angular"], tried[3]["weight/angular"]) == ("twin", 100)
    assert tried[3]["teacher/adversarial"] == "none"


def test_no_teacher_needs_no_weight(config):
    chosen = config("search.enqueue=[{layers: real, terms: {adversarial: {teacher: none}, angular: {teacher: none}}}]")
    space = space_of(chosen)
    (one,) = enqueued(chosen, space)
    assert space.canonical(one) == space.canonical(space.uniform("real"))


def test_what_no_trial_would_reach_is_refused_before_anything_is_written(config, tmp_path, monkeypatch):
    monkeypatch.setattr("search.stages.search.check_run_folder", lambda *_: pytest.fail("it would have begun"))
    three = "search.enqueue=[{layers: lcb, terms: {angular: {weight: 10}}}, {layers: sign}, {layers: real, terms: {"
    three += "adversarial: {teacher: big, weight: 0.01}}}]"
    reached = config(three)  # three ends, one of them named again, and two others
    assert len(first_tried(reached, space_of(reached))) == 6
    message = (
        r"search\.trials is 4, but a search tries 3 candidates of one method first, .* it must be at least 5 for all"
    )
    with pytest.raises(ConfigError, match=message):
        run_search(config(three, "search.trials=4"), tmp_path / "run", None, SilentProgress())


def test_without_anything_enqueued_a_search_may_be_shorter_than_its_ends(config):
    for overrides in (["search.trials=1"], ["search.trials=2", "search.enqueue=[{layers: sign}]"]):
        chosen = config(*overrides)
        assert len(first_tried(chosen, space_of(chosen))) >= 3
