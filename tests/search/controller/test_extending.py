"""The sampler of docs/how-to/extending.md, as it stands there."""

import pytest
from doc_snippets import snippet_names

from search.config import ConfigError, load_config


@pytest.fixture
def univariate_tpe():
    with snippet_names('SAMPLERS["tpe_univariate"]'):
        yield "tpe_univariate"


def test_a_config_may_name_the_pages_sampler_with_its_argument(univariate_tpe):
    assert load_config("demo", ["search.sampler=tpe_univariate"]).search.sampler.name == univariate_tpe
    with pytest.raises(ConfigError, match=r"search\.sampler\.arguments\.n_ei_candidates: is 'x', must be a wh"):
        load_config("demo", ["search.sampler={name: tpe_univariate, arguments: {n_ei_candidates: x}}"])


def test_the_pages_sampler_proposes_each_candidate_once_and_the_same_after_a_stop(
    univariate_tpe, open_controller, drive
):
    unbroken = drive(open_controller("unbroken", sampler=univariate_tpe, seed=3))
    assert len({candidate for _, candidate in unbroken}) == len(unbroken) == 40
    resumed = drive(open_controller("resumed", sampler=univariate_tpe, seed=3), count=17)
    assert resumed + drive(open_controller("resumed", sampler=univariate_tpe, seed=3)) == unbroken
