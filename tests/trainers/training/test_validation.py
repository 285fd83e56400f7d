"""Validation between epochs: the best weights, early ends, resuming, and a training that it doesn't change."""

import pytest
import torch

from trainers.training.detector import train_detector
from trainers.training.loop import Task, train
from trainers.training.settings import TrainSettings


def states(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def differing(one, other):
    return [name for name, tensor in one.items() if not torch.equal(tensor, other[name])]


@pytest.fixture
def run(toy, blobs):
    """Trains a toy with these scores one after the other, or with a function of it; returns it, what was found and the
    toy's states when it was scored."""

    def train_scored(scores, *, fail_at=None, progress=None, epochs=4, of_task=None, **settings):
        modules, seen = toy(), []

        def score(network, val, processes):
            seen.append(states(network))
            return {"map50": scores(network) if callable(scores) else scores[len(seen) - 1]}

        def step_losses(batch, epoch, step):
            if (epoch, step) == fail_at:
                raise KeyboardInterrupt
            return [{"toy": modules["network"].loss(*batch)}]

        task = Task(stage="toy", seed=0, val=blobs(4), score=score, **(of_task or {}))
        found = train(
            modules, step_losses, blobs(8), TrainSettings(epochs=epochs, batch_size=4, **settings), task, progress
        )
        return modules, found, seen

    return train_scored


def test_the_weights_of_the_first_best_validation_are_kept_beside_the_last(run):
    modules, found, seen = run([0.1, 0.5, 0.5, 0.4], validate_every=1)
    assert found.best == 2
    assert [figures["map50"] for figures in found.figures.values()] == [0.1, 0.5, 0.5, 0.4]
    assert differing(found.weights, seen[1]) == []
    assert differing(states(modules["network"]), seen[3]) == []
    assert found.as_plain()["epochs"][1] == {"epoch": 2, "map50": 0.5}


def test_it_is_due_every_few_epochs_and_after_the_last(run, recorded_progress):
    progress = recorded_progress()
    _, found, _ = run([0.1, 0.2, 0.3], epochs=5, validate_every=2, progress=progress)
    assert list(found.figures) == [2, 4, 5]
    figures = [event[2].get("val_map50") for event in progress.events if event[0] == "advance"]
    assert figures == [None, 0.1, None, 0.2, 0.3]


def test_a_training_ends_when_its_patience_does(run, recorded_progress):
    progress = recorded_progress()
    _, found, seen = run([0.1, 0.5, 0.4, 0.5, 0.6], epochs=9, validate_every=1, patience=2, progress=progress)
    assert (found.best, len(seen)) == (2, 4)
    ending = "toy: ended after 4 of 9 epochs: val_map50 was best after 2, 0.5000, and no better in 2 validations"
    assert progress.events[-1] == ("note", ending)
    assert progress.events[-2][2]["ended"] == "patience"


def test_a_training_with_validation_is_the_training_without(run):
    alone, found, _ = run([])
    assert found is None
    measured, _, _ = run([0.3, 0.2, 0.1, 0.0], validate_every=1)
    assert differing(states(alone), states(measured)) == []


@pytest.mark.usefixtures("every_step_is_kept")
@pytest.mark.parametrize("cut", [(1, 1), (2, 0), (3, 1)])
def test_it_goes_on_with_its_best_weights_where_it_was_cut_off(run, tmp_path, cut):
    falling = lambda network: float(-network.bn.num_batches_tracked % 5)  # noqa: E731 - 3, 1, 4, 2: best after 3
    _, unbroken, _ = run(falling, validate_every=1)
    options = {"validate_every": 1, "of_task": {"resume_from": tmp_path / "state"}}
    with pytest.raises(KeyboardInterrupt):
        run(falling, fail_at=cut, **options)
    _, resumed, _ = run(falling, **options)
    assert (resumed.best, resumed.figures) == (unbroken.best, unbroken.figures) == (3, unbroken.figures)
    assert differing(resumed.weights, unbroken.weights) == []


def test_an_average_is_validated_as_it_would_be_saved(fixed, blobs):
    rising = iter([0.1, 0.2])

    def score(network, val, processes):
        return {"ap": next(rising), "map50": 0.0}

    def trained(validate_every):
        network = fixed("sign")
        settings = TrainSettings(epochs=2, batch_size=4, ema=0.5, validate_every=validate_every)
        task = Task(stage="toy", seed=0, val=blobs(2), score=score)
        return network, train_detector(network, blobs(4), settings, task)

    network, found = trained(1)
    assert (found.main, found.best) == ("ap", 2)
    assert differing(states(network), found.weights) == []
    alone, _ = trained(None)
    assert differing(states(network), states(alone)) == []
