"""Trainings in TensorBoard: every epoch once, over all starts of a run, and the figures at the end."""

import json

from search.run.event_files import events_in
from search.run.folder import RunFolder
from trainers.progress import SilentProgress


def scalars(run, stage):
    """By tag the (step, value) pairs of a stage, as TensorBoard reads them."""
    found = {}
    for file in sorted((run / "tensorboard" / stage).glob("events*")):
        for event in events_in(file):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def train(run, stage, epochs, *, resumed=0, until=None, tensorboard=True):
    """A start of a run that trains one stage, whose loss is 1 divided by the epoch."""
    with RunFolder(run).logged(SilentProgress(), tensorboard=tensorboard) as progress:
        with progress.stage(stage, epochs) as at:
            at.resume(resumed)
            for epoch in range(resumed + 1, (until or epochs) + 1):
                at.advance(1, loss=1 / epoch)
        yield progress


def finish(start):
    for _ in start:
        pass


def test_a_training_killed_and_resumed_has_each_epoch_once(tmp_path):
    finish(train(tmp_path, "supernet", 4, until=3))
    finish(train(tmp_path, "supernet", 4, resumed=2))  # its state was that of the second epoch
    assert scalars(tmp_path, "supernet") == {"loss": [(1, 1.0), (2, 0.5), (3, 0.3333333432674408), (4, 0.25)]}


def test_epochs_from_before_tensorboard_was_on_are_made_up_for(tmp_path):
    finish(train(tmp_path, "supernet", 4, until=2, tensorboard=False))
    assert not (tmp_path / "tensorboard").exists()
    finish(train(tmp_path, "supernet", 4, resumed=2))
    assert [step for step, _ in scalars(tmp_path, "supernet")["loss"]] == [1, 2, 3, 4]


def test_figures_that_are_measured_after_a_training_stand_at_its_last_epoch(tmp_path):
    for _ in train(tmp_path, "teacher twin", 2):
        (tmp_path / "teachers").mkdir()
        (tmp_path / "teachers" / "twin.json").write_text(json.dumps({"map50": 0.5}))
    for _ in train(tmp_path, "retrain ab12.2", 4):
        (tmp_path / "retrained" / "ab12.2").mkdir(parents=True)
        figures = {"id": "ab12", "test": {"map50": 0.25, "ap": 0.125}, "twin_test": {"map50": 0.5}}
        (tmp_path / "retrained" / "ab12.2" / "figures.json").write_text(json.dumps(figures))
    assert scalars(tmp_path, "teacher_twin") == {"loss": [(1, 1.0), (2, 0.5)], "val/map50": [(2, 0.5)]}
    found = scalars(tmp_path, "retrain_ab12.2")
    assert (found["test/map50"], found["test/ap"]) == ([(4, 0.25)], [(4, 0.125)])


def test_the_first_of_two_stages_lies_below_the_second_and_work_without_losses_nowhere(tmp_path):
    finish(train(tmp_path, "train ab12, inputs", 1))
    finish(train(tmp_path, "train ab12", 1))
    with RunFolder(tmp_path).logged(SilentProgress(), tensorboard=True) as progress, progress.stage("data", 2) as stage:
        stage.advance(2, seconds=1.0)
    folders = {str(file.parent.relative_to(tmp_path)) for file in tmp_path.rglob("events*")}
    assert folders == {"tensorboard/train_ab12", "tensorboard/train_ab12/inputs"}


def test_a_damaged_log_stops_no_training(tmp_path):
    (tmp_path / "training.jsonl").write_text('half\n[1]\n{"stage": "supernet", "epoch": 1, "of": 2, "loss": 1.0}\n')
    finish(train(tmp_path, "supernet", 2, resumed=1))
    assert scalars(tmp_path, "supernet") == {"loss": [(1, 1.0), (2, 0.5)]}
