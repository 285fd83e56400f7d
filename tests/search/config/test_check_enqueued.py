"""What is enqueued must be of the config's own space: said with the config's name, the entry and what it may be."""

import pytest

from search.config import ConfigError, load_config
from search.plan.initial_candidates import enqueued
from search.plan.space import build_space, student_spec

CONFIG = """
name: queue
data: {format: shapes, image_size: 96}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {big: {}}
space:
  granularity: stage
  layers: {methods: [real, sign, lcb]}
  terms:
    angular: {}
    adversarial: {teachers: [none, big], weight: [0.001, 0.1]}
"""


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "queue.yaml"
    file.write_text(CONFIG)
    return lambda *overrides: load_config(file, list(overrides))


REFUSED = {
    "{layers: sgn}": "layers (entry 2 of the list): 'sgn' is not known. Did you mean 'sign'? Known: lcb, real, sign.",
    "{layers: dbs}": (
        "layers (entry 2 of the list): 'dbs' is no method of space.layers. Offered are real, sign, lcb: name one, or "
        "add it there."
    ),
    "{layers: sgn, terms: {angular: {weight: 100}}}": "layers (entry 2 of the list): 'sgn' is not known.",
    "{layers: lcb, terms: {anglar: {}}}": (
        "terms.anglar (entry 2 of the list): No term of space.terms is called so: 'anglar' is not known. Did you mean "
        "'angular'? Known: adversarial, angular."
    ),
    "{layers: lcb, terms: {fgfi: {}}}": (
        "terms.fgfi (entry 2 of the list): is no term of space.terms, which has angular, adversarial. Add it there, or "
        "take it out here."
    ),
    "{layers: lcb, terms: {adversarial: {teacher: big}}}": (
        "terms.adversarial.weight (entry 2 of the list): is left out, which means 1.0; allowed are 0.001, 0.00215, "
        "0.00464, 0.01, 0.0215, 0.0464, 0.1, the grid of space.terms.adversarial.weight."
    ),
    "{layers: lcb, terms: {adversarial: {teacher: big, weight: 1}}}": (
        "terms.adversarial.weight (entry 2 of the list): is 1.0; allowed are 0.001, "
    ),
    "{layers: lcb, terms: {adversarial: {weight: 0.01}}}": (
        "terms.adversarial.teacher (entry 2 of the list): is left out, which means 'twin'; allowed are none, big, "
        "space.terms.adversarial.teachers."
    ),
    "{layers: lcb, terms: {adversarial: {teacher: twin, weight: 0.01}}}": (
        "terms.adversarial.teacher (entry 2 of the list): is 'twin'; allowed are none, big, "
    ),
    "{layers: real, terms: {angular: {weight: 100.0}}}": (
        "terms.angular (entry 2 of the list): has no effect: no layer is 1-bit. Take it out, or give layers another "
        "method."
    ),
}


@pytest.mark.parametrize("entry", REFUSED)
def test_a_candidate_of_another_space_is_refused_once_by_file_and_place(config, entry):
    with pytest.raises(ConfigError) as caught:
        config(f"search.enqueue=[{{layers: sign}}, {entry}]")
    text = str(caught.value)
    assert "queue.yaml with --set search.enqueue=" in text
    assert f"search.enqueue.1.{REFUSED[entry]}" in text
    assert " mistakes" not in text


def test_without_terms_there_is_none_to_enqueue(config):
    with pytest.raises(
        ConfigError, match=r"terms.angular \(entry 1 of the list\): this search has no terms\. Add it to"
    ):
        config("space.terms=null", "search.enqueue=[{layers: sign, terms: {angular: {}}}]")


def test_a_space_with_a_mistake_is_not_blamed_on_what_is_enqueued(config):
    with pytest.raises(ConfigError, match="'sing' is not known") as caught:
        config("space.layers.methods=[real, sing]", "search.enqueue=[{layers: sign}]")
    assert "enqueue." not in str(caught.value)


def test_layers_that_do_not_offer_the_method_feel_a_term_by_their_first(config):
    overrides = ["space.layers={methods: [real, int8], open: {heads: [sign, real]}}", "space.terms={angular: {}}"]
    entry = "{{layers: {}, terms: {{angular: {{weight: 100}}}}}}"
    chosen = config(*overrides, f"search.enqueue=[{entry.format('int8')}]")
    (one,) = enqueued(chosen, build_space(chosen, student_spec(chosen, 4)))
    assert set(one.layers().values()) == {"int8", "sign"}
    with pytest.raises(ConfigError, match="has no effect: no layer is 1-bit"):
        config(*overrides, f"search.enqueue=[{entry.format('real')}]")
