"""What `search.sampler` may be: a name or an import path, alone or with arguments."""

import pytest

from search.config import Kind, changed_keys, config_text, load_config

TEXTS = {
    "3": "search.sampler: is 3, must be a name, or a mapping such as {name: tpe, arguments: {n_ei_candidates: 48}}.",
    "optuna.samplers.TPESampler": (
        "search.sampler: 'optuna.samplers.TPESampler' is not known. Known: cmaes, gp, nsga2, nsga3, random, "
        "structured, tpe. Any other by its import path, with a colon before the class: optuna.samplers:TPESampler."
    ),
    "'optuna:'": (
        "search.sampler: is 'optuna:'; an import path is package.module:Class, or optunahub:package for one of "
        "OptunaHub's."
    ),
    "{nam: tpe}": "search.sampler.nam: there is no such key. Did you mean search.sampler.name? Known here: name, argu",
    "{name: tpe, arguments: {n_ei_candidate: 48}}": (
        "search.sampler.arguments.n_ei_candidate: there is no such key. Did you mean n_ei_candidates? Known here: "
        "n_startup_trials, n_ei_candidates, multivariate, group, constant_liar."
    ),
    "{name: nsga2, arguments: {crossover_prob: 2}}": (
        "search.sampler.arguments.crossover_prob: is 2, must be less than or equal to 1."
    ),
    "{name: gp, arguments: {n_startup_trials: 2.5}}": (
        "search.sampler.arguments.n_startup_trials: is 2.5, must be a whole number."
    ),
    "{name: nsga3, arguments: {seed: 3}}": (
        "search.sampler.arguments.seed: follows from the config's seed. Take it out, and change the config's"
    ),
    "{name: random, arguments: {a: 3}}": "search.sampler.arguments: random takes none. Take them out.",
}


@pytest.mark.parametrize("value", TEXTS)
def test_a_mistake_is_one_line_with_the_way_out(value, least, written, refusal):
    path = written(
        f"{least}search: {{sampler: {value}}}" if value != "optuna:" else f'{least}search: {{sampler: "{value}"}}'
    )
    text = str(refusal(path))
    assert text.startswith(f"{path}: {TEXTS[value]}")
    assert "\n" not in text


def test_problems_of_arguments_have_their_keys(problems):
    found = problems("demo", "search.sampler={name: tpe, arguments: {multivariate: 1, n_startup_trials: 0}}")
    assert found == [
        ("search.sampler.arguments.n_startup_trials", Kind.NOT_ALLOWED, 0),
        ("search.sampler.arguments.multivariate", Kind.WRONG_TYPE, 1),
    ]


def test_a_name_alone_is_written_as_one_and_all_forms_are_read_back(least, written):
    arguments = "{name: tpe, arguments: {n_ei_candidates: 48, multivariate: false}}"
    for value in (
        "nsga3",
        arguments,
        "a.b:C",
        "{name: 'a.b:C', arguments: {of: [1, {x: y}]}}",
        "optunahub:samplers/moead",
    ):
        config = load_config(written(least), [f"search.sampler={value}"])
        assert load_config(written(config_text(config))) == config
    assert "sampler: nsga3\n" in config_text(load_config(written(least), ["search.sampler={name: nsga3}"]))


def test_arguments_may_not_change_when_a_run_is_resumed(least, written):
    old, new = (
        load_config(written(least), [f"search.sampler={{name: tpe, arguments: {{n_ei_candidates: {n}}}}}"])
        for n in (24, 48)
    )
    assert changed_keys(old, new) == {"search.sampler.arguments.n_ei_candidates": (24, 48)}
