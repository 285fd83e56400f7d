"""How long a stage will still take, by hand-set clocks."""

import pytest

from search.cli.time_left import TimeLeft


class Watched:
    """An estimate, and the clock that it reads."""

    def __init__(self, total, at_once=1):
        self.now = 0.0
        self.left = TimeLeft(total, at_once, lambda: self.now)

    def after(self, *units_ended_at):
        """One unit ends at each of these seconds; the time left at the last of them."""
        for self.now in units_ended_at:
            self.left.advance(1)
        return self.left.seconds()


def test_the_first_unit_and_an_earlier_start_say_nothing_about_the_speed():
    watched = Watched(total=20)
    watched.left.resume(16)
    assert watched.after(60.0) is None  # Ray's start, and the first trial
    assert watched.after(70.0) == 20.0  # two more at 10 s each
    watched.now = 75.0
    assert watched.left.seconds() == 15.0  # it runs down between two units
    watched.now = 99.0
    assert watched.left.seconds() == 0.0


def test_units_longer_than_half_a_minute_have_a_time_left():
    assert Watched(total=10).after(100.0, 200.0, 300.0) == 700.0


def test_four_at_once_are_four_times_as_fast_however_close_together_they_end():
    watched = Watched(total=24, at_once=4)
    assert watched.after(15.0, 15.1, 15.2, 15.2) is None  # the first round, with the start of the workers
    assert watched.after(25.0, 25.1, 25.2) is None
    assert watched.after(25.2) == pytest.approx(40.0)  # 16 to go, 4 in 10 s
    assert watched.after(35.0) == pytest.approx(30.2)  # a part of a round changes nothing
    assert watched.after(35.1, 35.2, 35.2) == pytest.approx(30.0)


def test_work_that_is_no_unit_slows_the_estimate_and_counts_for_none():
    watched = Watched(total=4)
    watched.after(10.0)
    watched.now = 40.0
    watched.left.advance(0)  # such as a second score of the first candidate
    assert watched.left.seconds() is None
    assert watched.after(50.0) == 80.0  # 2 to go at 40 s
