import math

import pytest

from results.report.text import accuracy, duration, plot_text, quantity, shortened, without_passwords


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (512, "512"),
        (0.5, "0.50"),
        (1024, "1.02 k"),
        (417871872, "418 M"),
        (26648248320, "26.6 G"),
        (2e12, "2 T"),
    ],
)
def test_a_cost_has_three_digits_and_a_letter(value, shown):
    assert quantity(value) == shown


def test_what_is_missing_is_a_dash():
    assert (quantity(math.nan), accuracy(math.nan), accuracy(0.5)) == ("-", "-", "0.500")


@pytest.mark.parametrize(
    ("seconds", "shown"), [(4.25, "4.2 s"), (45.0, "45 s"), (450.5, "7 min 30 s"), (7500.0, "2 h 5 min")]
)
def test_times_are_said_as_a_person_does(seconds, shown):
    assert duration(seconds) == shown


def test_a_long_name_loses_its_middle_and_its_line_breaks():
    assert shortened("backbone.layer1.0.conv1", 9) == "back…onv1"
    assert shortened("two\nlines") == "two lines"


def test_plotly_gets_no_tag():
    assert plot_text("<b>&") == "&lt;b&gt;&amp;"


def test_passwords_of_urls_are_masked():
    assert without_passwords("storage: postgresql://me:secret@host/db") == "storage: postgresql://me:***@host/db"
