from pathlib import Path

import pytest

from spaces.published.prefixes import PREFIXES
from spaces.published.words import TAKEN, first_names
from spaces.published.wrappers import EMA_WRAPPERS, WRAPPERS

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "detectors.md"


@pytest.mark.parametrize(
    ("names", "text"),
    [("", ""), ("a", "a"), ("abc", "a, b, c"), ("abcd", "a, b, c and 1 more"), ("abcdef", "a, b, c and 3 more")],
)
def test_three_names_are_listed_and_the_others_counted(names, text):
    assert first_names(list(names)) == text


def test_the_documentation_and_the_message_list_all_that_is_taken():
    docs = DOCS.read_text()
    for word in (*WRAPPERS, *EMA_WRAPPERS, *PREFIXES):
        assert f"`{word}`" in docs
        assert word in TAKEN
