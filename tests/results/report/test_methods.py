from hypothesis import given
from hypothesis import strategies as st

from results.report.methods import COLOURS, method_colours


def test_methods_come_by_precision_and_keep_their_colours():
    colours = method_colours(["bireal", "real", "int4", "sign"])
    assert list(colours) == ["real", "int4", "sign", "bireal"]
    assert colours["sign"] == COLOURS["sign"]


def test_a_method_with_options_is_a_shade_of_its_base():
    colours = method_colours(["sign", "sign+learned_scale"])
    assert colours["sign"] == "#D55E00"
    assert colours["sign+learned_scale"] == "#DE8239"  # 0.225 of white: 213 + 9, 94 + 36, 0 + 57


@given(st.lists(st.text(min_size=1), max_size=12))
def test_every_name_has_a_colour(names):
    colours = method_colours(names)
    assert set(colours) == set(names)
    assert all(len(one) == 7 and int(one[1:], 16) >= 0 for one in colours.values())
