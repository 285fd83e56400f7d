"""A whole search on Ray whose database is gone for ten seconds."""

import os
import threading
from pathlib import Path

import pytest
from drive_controller import drive, open_controller
from fake_scorer import FakeParts, make_fake_scorer
from postgresql_server import PASSWORD

from search.controller.controller import Done
from search.workers.runner import run_trials


# Ray's start and the ten seconds.
@pytest.mark.slow
def test_a_search_goes_on_after_its_server_was_gone_for_ten_seconds(
    tmp_path, postgresql, recorded_progress, monkeypatch
):
    here = Path(__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(here), str(here.parent.parent)]))
    monkeypatch.setenv("SEARCH_PASSWORD", PASSWORD)
    progress = recorded_progress()
    controller = open_controller(tmp_path / "run", 12, postgresql.url(), progress.note)
    restarts = []

    def stop_for_a_while(rows):
        if any(row["number"] == 4 for row in rows):
            postgresql.stop()
            restarts.append(threading.Timer(10.0, postgresql.start))
            restarts[0].start()

    parts = FakeParts(seconds=0.1)
    assert (
        run_trials(controller, parts, make_fake_scorer, progress=progress, on_results=stop_for_a_while) is Done.BUDGET
    )
    restarts[0].join()
    notes = [event[1] for event in progress.events if event[0] == "note"]
    assert any(note.startswith("search: the database doesn't answer (") for note in notes)
    assert any(note.startswith("search: the database answers again after ") for note in notes)
    unbroken = open_controller(tmp_path / "unbroken", 12, None)
    drive(unbroken)
    assert _proposals(open_controller(tmp_path / "run", 12, postgresql.url())) == _proposals(unbroken)


def _proposals(controller):
    return [(row["number"], row["id"], row["map50"], row["bit_ops"]) for row in controller.records()]
