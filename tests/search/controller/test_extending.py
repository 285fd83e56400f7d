"""The sampler of docs/how-to/extending.md, as it stands there."""

import re
from pathlib import Path

import pytest

from search.config import ConfigError, load_config
from search.controller.samplers import SAMPLERS

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "extending.md"


@pytest.fixture
def univariate_tpe():
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    [code] = [snippet for snippet in snippets if 'SAMPLERS["tpe_univariate"]' in snippet]
    exec(code, {})  # noqa: S102 - the project's own page
    yield "tpe_univariate"
    del SAMPLERS["tpe_univariate"]


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
