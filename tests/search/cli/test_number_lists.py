"""Options that take several values behind one name."""

import pytest

from search.cli.number_lists import repeated


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("run --seeds 0 1 2 -n 5", "run --seeds 0 --seeds 1 --seeds 2 -n 5"),
        ("--seeds 0 1 run --seeds 3", "--seeds 0 --seeds 1 run --seeds 3"),
        ("plan --only a b --set x=1 y=2", "plan --only a --only b --set x=1 --set y=2"),
        ("plan --workers 2 3", "plan --workers 2 3"),
        ("--seeds", "--seeds"),
        ("", ""),
    ],
)
def test_each_value_gets_the_options_name(words, found):
    assert repeated(words.split(), {"--seeds", "--only", "--set"}) == found.split()
