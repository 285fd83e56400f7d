"""Each epoch's figures, kept beside what shows them."""

import json
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from search.run.training_log import LoggedProgress
from trainers.progress import SilentProgress
from trainers.training.loop import Task, train
from trainers.training.settings import TrainSettings


class Told:
    """Remembers all that a progress is told."""

    def __init__(self):
        self.calls = []

    @contextmanager
    def stage(self, name, total, at_once=1):
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


def test_epochs_that_are_done_again_stand_once(tmp_path):
    """A line that a kill cut off in the middle is taken out too; other stages' lines stay."""
    file = tmp_path / "training.jsonl"
    first = [{"stage": "supernet", "epoch": epoch, "loss": 1.0} for epoch in (1, 2, 3)]
    other = {"stage": "teacher twin", "epoch": 3, "loss": 1.0}
    file.write_text("".join(json.dumps(line) + "\n" for line in (*first, other)) + '{"stage": "sup')
    with LoggedProgress(Told(), file).stage("supernet", 4) as stage:
        stage.resume(1)
        stage.advance(1, loss=0.5)
    again = {"stage": "supernet", "epoch": 2, "of": 4, "loss": 0.5}
    assert [json.loads(line) for line in file.read_text().splitlines()] == [first[0], other, again]


def test_a_line_that_is_none_of_ours_stops_no_training(tmp_path):
    file = tmp_path / "training.jsonl"
    others = 'garbage\n[1]\n{"stage": "supernet"}\n'
    file.write_text(others)
    with LoggedProgress(Told(), file).stage("supernet", 4) as stage:
        stage.resume(0)
        stage.advance(1, loss=0.5)
    assert file.read_text() == others + '{"stage": "supernet", "epoch": 1, "of": 4, "loss": 0.5}\n'


class Played(nn.Module):
    """A weight that losses pull at, and a figure that depends on the step."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.accuracy = 0.0

    def losses(self, step):
        self.accuracy = 0.5 + 0.125 * step
        return {"a": (self.weight - step).square(), "b": self.weight * 0 + step}

    def figures(self):
        return {"discriminator_accuracy": self.accuracy}


@pytest.mark.usefixtures("every_step_is_kept")
def test_an_epoch_cut_off_in_the_middle_has_the_figures_of_an_unbroken_one(tmp_path, blobs):
    """Four steps an epoch, cut off in the third of the second one: each epoch stands once, with all its steps."""

    def figures(file, cut_off=()):
        for cut in (*cut_off, None):
            torch.manual_seed(0)
            modules = nn.ModuleDict({"played": Played()})

            def step_losses(batch, epoch, step, cut=cut, modules=modules):
                if (epoch, step) == cut:
                    raise KeyboardInterrupt
                return [modules["played"].losses(step)]

            settings = TrainSettings(epochs=3, batch_size=2)
            state = file.with_suffix(".state")
            try:
                task = Task(stage="toy", seed=0, resume_from=state)
                train(modules, step_losses, blobs(8), settings, task, LoggedProgress(SilentProgress(), file))
            except KeyboardInterrupt:
                continue
        return [json.loads(line) for line in file.read_text().splitlines()]

    unbroken = figures(tmp_path / "one.jsonl")
    assert [line["epoch"] for line in unbroken] == [1, 2, 3]
    assert [line["discriminator_accuracy"] for line in unbroken] == [0.6875] * 3
    assert figures(tmp_path / "two.jsonl", [(1, 2)]) == unbroken
