"""How often the state of a training is saved, and what it records of an epoch."""

import pytest
import torch

from trainers.training import resuming
from trainers.training.resuming import Position, Resumption


class Clock:
    """A clock whose seconds pass only when a test moves it."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def saving(tmp_path, monkeypatch):
    """What a training at one second a step keeps, as (epoch, step), when saving takes so many seconds."""

    def run(*, steps, epochs, seconds_a_save):
        clock, saved = Clock(), []

        def save(path, state):
            saved.append((state["position"]["epoch"], state["position"]["step"]))
            clock.now += seconds_a_save

        monkeypatch.setattr(resuming, "time", clock)
        monkeypatch.setattr(resuming, "save_training_state", save)
        resumption = Resumption(tmp_path / "state", {}, {})
        for epoch in range(epochs):
            for step in range(1, steps + 1):
                clock.now += 1.0
                resumption.keep(Position(epoch, step) if step < steps else Position(epoch + 1))
        return saved

    return run


def test_long_epochs_are_saved_every_twenty_seconds_and_at_their_end(saving):
    assert saving(steps=50, epochs=2, seconds_a_save=0) == [(0, 21), (0, 42), (1, 0), (1, 21), (1, 42), (2, 0)]


def test_the_ends_of_short_epochs_are_saved(saving):
    assert saving(steps=3, epochs=4, seconds_a_save=0.1) == [(1, 0), (2, 0), (3, 0), (4, 0)]


def test_keeping_takes_a_twentieth_of_the_time_at_most(saving):
    """3 s a save: 60 s and more between two, so that two epochs' ends pass by."""
    assert saving(steps=50, epochs=5, seconds_a_save=3) == [(0, 21), (1, 32), (2, 43), (4, 4)]


def test_the_end_is_saved_at_once_on_request(tmp_path, monkeypatch):
    monkeypatch.setattr(resuming, "time", Clock())
    resumption = Resumption(tmp_path / "state", {}, {})
    resumption.keep(Position(1))
    assert not (tmp_path / "state").exists()
    resumption.keep(Position(1), at_once=True)
    assert (tmp_path / "state").exists()


def test_nothing_is_saved_without_a_file():
    Resumption(None, {}, {}).keep(Position(1), at_once=True)
    assert Resumption(None, {}, {}).resume() == Position()


def test_a_position_has_the_means_of_its_epoch():
    position = Position()
    position.add({"cls": torch.tensor(1.0), "box": torch.tensor(2.0)}, {})
    position.add({"cls": torch.tensor(2.0)}, {"discriminator_accuracy": 0.75})
    assert position.figures() == {"loss": 2.5, "cls": 1.5, "box": 1.0, "discriminator_accuracy": 0.75}
    alone = Position()
    alone.add({"cls": torch.tensor(0.5)}, {})
    assert alone.figures() == {"loss": 0.5}
