import pytest

from spaces.lookup import did_you_mean, lookup, nearest

TABLE = {"sign": 1, "bireal": 2}


def test_a_known_name_gives_its_entry():
    assert lookup(TABLE, "bireal", "method") == 2


def test_an_unknown_name_is_named_with_the_nearest_and_all_known_ones():
    with pytest.raises(ValueError) as caught:
        lookup(TABLE, "birael", "method")
    assert str(caught.value) == "No method is called 'birael'. Did you mean 'bireal'? Known: sign, bireal."


def test_where_nothing_is_near_nothing_is_suggested():
    assert did_you_mean("xyz", TABLE) == ""
    with pytest.raises(ValueError, match=r"^No method is called 'xyz'\. Known: sign, bireal\.$"):
        lookup(TABLE, "xyz", "method")


def test_the_nearest_name_is_none_where_none_is_near():
    assert nearest("birael", TABLE) == "bireal"
    assert nearest("xyz", TABLE) is None
