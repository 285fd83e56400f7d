"""Each epoch's figures, kept beside what shows them."""

import json
from contextlib import contextmanager

from search.training_log import LoggedProgress


class Told:
    """Remembers all that a progress is told."""

    def __init__(self):
        self.calls = []

    @contextmanager
    def stage(self, name, total):
        self.calls.append((name, total))
        yield self

    def advance(self, n=1, **figures):
        self.calls.append((n, figures))

    def resume(self, n, **figures):
        self.calls.append(("resume", n, figures))

    def note(self, text):
        self.calls.append(text)


def test_epochs_are_kept_and_everything_is_passed_on(tmp_path):
    told, file = Told(), tmp_path / "training.jsonl"
    progress = LoggedProgress(told, file)
    progress.note("begun")
    with progress.stage("supernet", 4) as stage:
        stage.resume(2)
        stage.advance(1, loss=1.5, flipped=0.25)
        stage.advance(1, loss=1.0)
    with progress.stage("search", 60) as stage:
        stage.advance(3, map50=0.5)
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {"stage": "supernet", "epoch": 3, "of": 4, "loss": 1.5, "flipped": 0.25},
        {"stage": "supernet", "epoch": 4, "of": 4, "loss": 1.0},
    ]
    assert told.calls == [
        "begun",
        ("supernet", 4),
        ("resume", 2, {}),
        (1, {"loss": 1.5, "flipped": 0.25}),
        (1, {"loss": 1.0}),
        ("search", 60),
        (3, {"map50": 0.5}),
    ]
