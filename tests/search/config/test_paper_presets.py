"""Each paper's presets: the scheme trains alone, and stands among the candidates of the search around it."""

import pytest

from search.config import load_config
from search.plan.detectors import fixed_candidate, student_spec
from search.plan.plan import plan_search
from search.stages.search import run_search
from search.stages.train import run_train

PAPERS = ("lws_det", "jdbnet", "parallel_gfl", "adversarial_ssd")
ALONE = {"lws_det": "lws_det_voc", "jdbnet": "jdbnet_voc", "parallel_gfl": "parallel_gfl_voc"} | {
    "adversarial_ssd": "adversarial_ssd_voc"
}
SMALL = (
    "data={format: shapes, image_size: 96, shapes: {train: 32, val: 16, test: 16, image_size: 96}}",
    "student.width=0.125",
)


def small(preset):
    """The preset on a few generated images, everything at an eighth of the width and for an epoch."""
    config = load_config(preset)
    teachers = [f"teachers.{name}.{key}" for name in config.teachers for key in ("epochs=1", "batch_size=8")]
    widths = [f"teachers.{name}.width=0.125" for name in config.teachers if name != "twin"]
    return load_config(preset, [*SMALL, *teachers, *widths, *SHORT])


SHORT = (
    "supernet={epochs: 1, batch_size: 8}",
    "scoring={adapt_steps: 2, batch_size: 8, recalibrate_images: 8}",
    "train.epochs=1",
    "train.batch_size=8",
    "search.trials=10",
    "retrain={pick: null}",
)


@pytest.mark.parametrize("paper", PAPERS)
def test_the_published_scheme_is_a_candidate_of_its_search(paper):
    plan = plan_search(small(f"{paper}_search"), None)
    *uniform, scheme = plan.initial
    assert uniform == list(plan.uniform.values())
    published = load_config(ALONE[paper])
    alone = fixed_candidate(published.train, student_spec(published.student, published.data, 20))
    methods = set(alone.layers().values())
    searched = [knob for knob in plan.space.knobs if knob.kind == "layer" and methods & set(knob.choices)]
    assert {scheme[knob.key] for knob in searched} == methods
    terms = {key: value for key, value in alone.items() if not key.startswith("layer/")}
    for key, value in terms.items():
        assert scheme[key] == (pytest.approx(value, rel=0.1) if key.startswith("weight/") else value)


@pytest.mark.slow
@pytest.mark.parametrize("paper", PAPERS)
def test_each_search_ends_with_a_front_and_the_scheme_among_its_candidates(paper, tmp_path):
    config = small(f"{paper}_search")
    outcome = run_search(config, tmp_path / "run")
    plan = plan_search(config, None)
    scheme = plan.space.canonical(plan.initial[-1])
    trials = outcome.run.trials.set_index("id")
    assert trials["state"][scheme.id] == "complete", trials["reason"][scheme.id]
    assert len(outcome.run.front()) > 0


@pytest.mark.slow
@pytest.mark.parametrize("paper", PAPERS)
def test_each_system_trains_alone(paper, tmp_path):
    result = run_train(small(ALONE[paper]), tmp_path / "run")
    assert result.test.keys() >= {"map50"}
