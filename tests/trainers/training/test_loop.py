"""The loop over epochs and batches: its order, its seeds, and what it reports."""

import pytest
import torch

from trainers.data.errors import DataError
from trainers.training.loop import Task, train
from trainers.training.settings import TrainSettings


def test_a_training_is_reproducible_and_depends_on_its_seed(toy, train_toy, blobs):
    data, ends = blobs(10), []
    for seed in (3, 3, 4):
        modules = toy()
        torch.manual_seed(len(ends))  # torch's own state has no influence
        train_toy(modules, data, seed=seed)
        ends.append({name: tensor.clone() for name, tensor in modules.state_dict().items()})
    assert [name for name in ends[0] if not torch.equal(ends[0][name], ends[1][name])] == []
    assert not torch.equal(ends[0]["network.conv.weight"], ends[2]["network.conv.weight"])


def test_every_whole_batch_of_every_epoch_is_a_step(toy, train_toy, blobs):
    assert train_toy(toy(), blobs(10), epochs=2) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert train_toy(toy(), blobs(4), epochs=2) == [(0, 0), (1, 0)]


def test_a_data_set_smaller_than_a_batch_is_refused(toy, train_toy, blobs):
    with pytest.raises(DataError, match=r"the training of toy: there are 3 images, fewer than its batch_size of 4"):
        train_toy(toy(), blobs(3))


class Streamed:
    """Data that is no array of images: it makes each batch when it is asked for, and notes what was asked."""

    def __init__(self, images):
        self.images, self.asked = images, []

    def __len__(self):
        return len(self.images)

    def batches(self, batch_size, *, seed, epoch, augment, drop_last=False, skip=0, part=(0, 1)):
        self.asked.append((batch_size, seed, epoch, augment, drop_last, skip))
        return self.images.batches(batch_size, seed=seed, epoch=epoch, augment=augment, drop_last=drop_last, skip=skip)

    def fingerprint(self):
        return "streamed"


def test_any_data_with_batches_can_be_trained_on(toy, train_toy, blobs):
    data, streamed, from_array = Streamed(blobs(10)), toy(), toy()
    train_toy(streamed, data, epochs=2)
    train_toy(from_array, blobs(10), epochs=2)
    assert data.asked == [(4, 3, 0, True, True, 0), (4, 3, 1, True, True, 0)]
    assert torch.equal(streamed["network"].conv.weight, from_array["network"].conv.weight)


@pytest.mark.usefixtures("every_step_is_kept")
def test_every_epoch_is_reported_and_those_done_before(toy, train_toy, tmp_path, blobs, recorded_progress):
    path, data = tmp_path / "toy.state", blobs(4)
    with pytest.raises(KeyboardInterrupt):
        train_toy(toy(), data, fail_at=(2, 0), resume_from=path)
    progress = recorded_progress()
    train_toy(toy(), data, resume_from=path, progress=progress)
    events = [(kind, what, sorted(rest) if kind != "stage" else rest) for kind, what, rest in progress.events]
    assert events == [("stage", "toy", 4), ("resume", 2, []), ("advance", 1, ["loss"]), ("advance", 1, ["loss"])]


def test_what_is_drawn_at_random_depends_on_seed_epoch_and_step_and_not_on_the_stages_name(toy, blobs):
    def drawn(stage, seed):
        seeds = []

        def step_losses(batch, epoch, step):
            seeds.append(torch.initial_seed())
            return [{"loss": modules["network"].loss(*batch)}]

        modules = toy()
        train(modules, step_losses, blobs(8), TrainSettings(epochs=2, batch_size=4), Task(stage=stage, seed=seed))
        return seeds

    assert drawn("train a", 0) == drawn("train b", 0)
    assert len(set(drawn("train a", 0) + drawn("train a", 1))) == 8
