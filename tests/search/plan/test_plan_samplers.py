"""A sampler is made, and foreign ones are tried, before any work begins."""

import re
from types import SimpleNamespace

import pytest

from search.config import ConfigError
from search.config.schema import Search
from search.plan.samplers import check_sampler, sampler_choice


@pytest.fixture
def check(space, costs):
    def of(sampler, objectives=("map50", "bit_ops")):
        check_sampler(Search(sampler=sampler, objectives=objectives), space, SimpleNamespace(costs=costs))

    return of


@pytest.mark.parametrize("name", ["structured", "nsga3", "optuna.samplers:RandomSampler", "foreign_samplers:InStudy"])
def test_a_sampler_that_can_search_passes(name, check):
    check(name)


REFUSED = {
    "cmaes": "search.sampler: 'cmaes' searches for one objective, not for 2 (map50, bit_ops). Keep one in search.obj",
    "gone:Sampler": "search.sampler: 'gone:Sampler' can't be imported: ModuleNotFoundError: No module named 'gone'.",
    "foreign_samplers:Single": "search.sampler: The sampler foreign_samplers:Single raised ValueError at trial 0: one",
    "foreign_samplers:Late": "search.sampler: The sampler foreign_samplers:Late raised KeyError at trial 10: 'kernel'",
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_that_can_not_is_refused(name, check):
    with pytest.raises(ConfigError, match=f"^{re.escape(REFUSED[name])}") as caught:
        check(name)
    assert "\n" not in str(caught.value)


def test_state_that_a_record_can_not_hold_is_refused(check):
    text = r"raised TypeError at trial 0: Object of type complex is not JSON serializable"
    with pytest.raises(ConfigError, match=text):
        check({"name": "foreign_samplers:InStudy", "arguments": {"step": 1j}})


def test_one_for_a_single_objective_passes_with_one(check):
    check("foreign_samplers:Single", ("map50",))


def test_the_controller_gets_name_and_arguments():
    choice = sampler_choice(Search(sampler={"name": "a:B", "arguments": {"of": 1}}))
    assert (choice.name, choice.arguments) == ("a:B", {"of": 1})
