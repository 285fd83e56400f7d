import pickle
from pathlib import Path

import pytest

from trainers.data.errors import DataError, NothingUsableError, check_on_bad_data, show, show_number
from trainers.data.sample import Defect


def test_a_data_error_names_the_file_the_reason_and_the_way_out():
    error = DataError("a/b.xml", "broken XML", "Repair it")
    assert str(error) == "a/b.xml: broken XML. Repair it."
    assert isinstance(error, ValueError)


def test_without_another_way_out_it_says_how_to_skip():
    assert str(DataError("b.jpg", "the image is truncated")).endswith(
        "Repair or remove it, or set data.on_bad_data: skip to leave the whole image out."
    )


def test_a_data_error_survives_pickling_between_processes():
    error = pickle.loads(pickle.dumps(DataError("a", "b", "c")))  # noqa: S301  our own bytes
    assert (str(error), error.where, error.reason, error.way_out) == ("a: b. c.", "a", "b", "c")


def test_an_unknown_policy_for_bad_data_is_refused():
    with pytest.raises(ValueError, match="on_bad_data is 'ignore', must be 'error' or 'skip'"):
        check_on_bad_data("ignore")


def test_the_defects_of_data_without_a_usable_image_survive_pickling_too():
    defects = (Defect(Path("a.jpg"), "broken"),)
    error = pickle.loads(pickle.dumps(NothingUsableError("a", "b", "c", defects)))  # noqa: S301  our own bytes
    assert (str(error), error.defects) == ("a: b. c.", defects)


@pytest.mark.parametrize(
    ("value", "text"),
    [("x" * 61, repr("x" * 57 + "...")), ([1, "a"], "[1, 'a']"), (list(range(9)), "[0, 1, 2, 3, 4, 5, ...]")],
)
def test_values_are_shown_short(value, text):
    assert show(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(20.0, "20"), (7, "7"), (20.00001, "20.00001"), (0.1 + 0.2, "0.30000000000000004"), (-0.5, "-0.5")],
)
def test_numbers_are_shown_with_all_digits_and_no_more(value, text):
    assert show_number(value) == text
