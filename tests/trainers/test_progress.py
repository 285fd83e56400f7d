"""Several progresses at once: each gets everything, in order, and is closed with the stage."""

import pytest

from trainers.progress import SilentProgress, TrialEnded, combined_progress


def test_each_part_gets_all_stages_figures_notes_and_events(recorded_progress):
    first, second = recorded_progress(), recorded_progress()
    progress = combined_progress(first, SilentProgress(), second)
    with progress.stage("teacher twin", 4, at_once=2) as stage:
        stage.resume(1, loss=0.5)
        stage.advance(2, loss=0.25)
    progress.note("done")
    progress.record(TrialEnded({"number": 3}))
    expected = [("stage", "teacher twin", 4), ("resume", 1, {"loss": 0.5}), ("advance", 2, {"loss": 0.25})]
    assert first.events == second.events == [*expected, ("note", "done")]
    assert first.records == second.records == [TrialEnded({"number": 3})]


def test_an_error_of_one_part_ends_the_work(recorded_progress):
    with (
        pytest.raises(KeyboardInterrupt),
        combined_progress(recorded_progress(), recorded_progress(stop_after=2)).stage("supernet", 4) as stage,
    ):
        stage.advance(2)
