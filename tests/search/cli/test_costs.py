"""The text that stands below a table of costs."""

import pytest

from search.cli.costs import COUNTING_RULE
from spaces.cost import macs_per_operation
from spaces.layers import WIDTHS


@pytest.mark.parametrize("bits", WIDTHS[:-1])
def test_the_counting_rule_names_how_many_macs_of_each_width_are_one_operation(bits):
    unit = "bit" if bits == 1 else "bits"
    assert f"+ at {bits} {unit} / {macs_per_operation(bits)}" in COUNTING_RULE


def test_the_counting_rule_counts_real_macs_whole():
    assert "ops = MACs at 32 bits +" in COUNTING_RULE
