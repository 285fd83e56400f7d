"""`supernet.rule` in a config: a known name, and what goes with it."""

import pytest

from search.config import Kind, load_config
from search.config.check_supernet import supernet_rule
from search.config.schema import Supernet

METHODS = ["real", "sign"]


@pytest.mark.parametrize("name", ["single_path", "fair", "sandwich", "nas_bnn"])
def test_the_rules_of_the_table_are_known(least, written, name):
    assert load_config(written(least), [f"supernet.rule={name}"]).supernet.rule == name


@pytest.mark.parametrize(
    ("keys", "methods", "problem", "text"),
    [
        (
            {"rule": "sandwhich"},
            METHODS,
            ("supernet.rule", Kind.UNKNOWN),
            "'sandwhich' is not known. Did you mean 'sandwich'? Known: fair, nas_bnn, sandwich, single_path.",
        ),
        (
            {"rule": "fair", "sampling": "log_cost"},
            METHODS,
            ("supernet.sampling", Kind.CONFLICT),
            "is log_cost, but supernet.rule fair gives every method its turn in each step: it samples no candidates. "
            "Take it out, or choose another rule.",
        ),
        (
            {"rule": "nas_bnn"},
            ["real", "int8"],
            ("supernet.rule", Kind.CONFLICT),
            "is nas_bnn, which trains 1-bit layers by their real weights, but the space offers no 1-bit method. Add "
            "one to space.layers.methods, or choose another rule.",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(keys, methods, problem, text):
    (found,) = supernet_rule(Supernet(**keys), methods)
    assert (found.key, found.kind) == problem
    assert found.text == text


def test_a_misspelt_method_is_left_to_its_own_check():
    assert list(supernet_rule(Supernet(rule="nas_bnn"), ["sing"])) == []
