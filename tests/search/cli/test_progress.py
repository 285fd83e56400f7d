"""A bar on a terminal; elsewhere a line at the start, at most one every ten seconds, and one at the end."""

import io

import pytest
from rich.console import Console

from search.cli.progress import BarProgress, LineProgress, duration_text, terminal_progress
from trainers.progress import figures_text


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_lines_come_every_ten_seconds_with_the_time_left_and_the_figures():
    stream, clock = io.StringIO(), Clock()
    with LineProgress(stream, clock).stage("search", 20) as stage:
        for number in range(1, 21):
            clock.now += 4.0
            stage.advance(map50=0.5 + number / 1000)
    assert stream.getvalue().splitlines() == [
        "search: begins, 20 in all",
        "search: 3 of 20, 1 min 8 s left, map50 0.503",  # 17 to go at 4 s
        "search: 6 of 20, 56 s left, map50 0.506",
        "search: 9 of 20, 44 s left, map50 0.509",
        "search: 12 of 20, 32 s left, map50 0.512",
        "search: 15 of 20, 20 s left, map50 0.515",
        "search: 18 of 20, 8 s left, map50 0.518",
        "search: 20 of 20 in 1 min 20 s, map50 0.52",
    ]


def test_scores_at_higher_rungs_have_lines_after_the_last_candidate_too():
    stream, clock = io.StringIO(), Clock()
    with LineProgress(stream, clock).stage("search", 3) as stage:
        for n, promoted in ((1, "0/0"), (1, "0/0"), (1, "0/0"), (0, "1/0"), (0, "1/1")):
            clock.now += 20.0
            stage.advance(n, promoted=promoted)
    assert stream.getvalue().splitlines() == [
        "search: begins, 3 in all",
        "search: 1 of 3, promoted 0/0",
        "search: 2 of 3, 20 s left, promoted 0/0",
        "search: 3 of 3, promoted 1/0",
        "search: 3 of 3, promoted 1/1",
        "search: 3 of 3 in 1 min 40 s, promoted 1/1",
    ]


def test_what_an_earlier_start_did_says_nothing_about_the_speed():
    stream, clock = io.StringIO(), Clock()
    with LineProgress(stream, clock).stage("search", 20) as stage:
        stage.resume(16)
        clock.now += 60.0  # Ray's start, and the first trial
        stage.advance(1)
        clock.now += 10.0
        stage.advance(1)
    assert stream.getvalue().splitlines()[:4] == [
        "search: begins, 20 in all",
        "search: goes on after 16 of 20",
        "search: 17 of 20",
        "search: 18 of 20, 20 s left",
    ]


def test_a_stage_that_fails_has_no_closing_line():
    stream = io.StringIO()
    with pytest.raises(RuntimeError), LineProgress(stream).stage("twin", 3):
        raise RuntimeError
    assert stream.getvalue() == "twin: begins, 3 in all\n"


def test_a_bar_shows_its_stage_count_and_figures():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=160)
    with BarProgress(console).stage("teacher twin", 4) as stage:
        stage.advance(1, loss=0.25)
        stage.advance(3, best=0.5)
    shown = stream.getvalue()
    assert "teacher twin" in shown
    assert "4/4" in shown
    assert "loss 0.25, best 0.5" in shown


def test_a_bar_of_long_units_shows_the_time_left_and_on_100_columns_all_figures():
    stream, clock = io.StringIO(), Clock()
    console = Console(file=stream, force_terminal=True, width=100)
    figures = {"map50": 0.3838, "best": 0.4897, "hv": 0.412, "model error": "35%", "failed": 2}
    with BarProgress(console, clock).stage("search", 60) as stage:
        stage.resume(30)
        for _ in range(2):
            clock.now += 60.0
            stage.advance(1, **figures)
    shown = stream.getvalue()
    assert "28 min left" in shown  # 28 to go at a minute
    assert all(text in shown for text in ("map50 0.3838", "best 0.4897", "hv 0.412", "model error", "35%", "failed 2"))


def test_a_stream_that_is_no_terminal_gets_lines():
    assert isinstance(terminal_progress(io.StringIO()), LineProgress)


def test_texts():
    assert figures_text({"map50": 0.61234, "failed": 2, "note": "x"}) == "map50 0.6123, failed 2, note x"
    assert [duration_text(seconds) for seconds in (7.4, 61, 1680, 3569, 3570, 9000)] == [
        *("7 s", "1 min 1 s", "28 min", "59 min", "1.0 h", "2.5 h")
    ]
