"""Two processes of this machine against one with the same batches, in float64.

In float32 Adam's first steps, which are signs of gradients, make large differences of those of 1e-7.
"""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from several_processes import Doubled, in_processes, recorded_losses
from torch import nn

from spaces.layers.levels import SmallMapNorm
from spaces.layers.synchronised import synchronised_norms
from spaces.whole_batch import divisor, sharing_batch, weighed
from trainers.training.processes import ONE_PROCESS, Processes


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def halves(one, two):
    """Both processes' values of a batch's, in the order of one process."""
    return np.concatenate([one, two])


def normed(kind, shape):
    """The output, the statistics and the gradients of a norm in training, of a loss that is a mean over the batch."""
    torch.manual_seed(0)
    processes, norm, x, towards = Processes.of_this_training(), kind(3), torch.randn(shape) * 3 + 1, torch.randn(shape)
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    own, towards = (one.chunk(processes.count)[processes.rank] for one in (x, towards))
    own = own.clone().requires_grad_()
    with synchronised_norms(norm) if processes.several else nullcontext(), processes.step():
        y = norm(own)
    (y * towards).mean().backward()
    processes.average_gradients(norm.parameters())
    values = {**norm.state_dict(), "y": y, "dx": own.grad / processes.count, "dw": norm.weight.grad}
    return {name: value.detach().numpy() for name, value in values.items()}


@pytest.mark.parametrize(
    ("kind", "shape"), [(nn.BatchNorm2d, (4, 3, 5, 2)), (SmallMapNorm, (4, 3, 1, 1)), (SmallMapNorm, (2, 3, 1, 1))]
)
def test_a_synchronised_norm_is_that_of_the_whole_batch(kind, shape, tmp_path):
    """A small norm too: two processes with two values a channel have the four that it needs; two values are too few."""
    one = normed(kind, shape)
    first, second = in_processes(2, lambda: normed(kind, shape), tmp_path)
    for name in ("y", "dx"):
        np.testing.assert_allclose(halves(first[name], second[name]), one[name], atol=1e-12)
    for name in ("weight", "running_mean", "running_var", "num_batches_tracked", "dw"):
        np.testing.assert_allclose(first[name], one[name], atol=1e-12)
        np.testing.assert_array_equal(first[name], second[name])


def test_sums_are_divided_by_the_count_of_the_whole_batch(tmp_path):
    """Three positives here and one there: the sums 6 and 4 make (6 / 2 + 4 / 2) / 2 = 10 / 4; their means 2 and 4 as
    well. Without any positive one counts for the whole batch."""

    def work():
        rank = Processes.of_this_training().rank
        with sharing_batch(2):
            count = torch.tensor([3, 1][rank])
            return (
                float([6, 4][rank] / divisor(count)),
                float(weighed(torch.tensor([2.0, 4.0][rank]), count)),
                float(divisor(torch.tensor(0))),
            )

    assert in_processes(2, work, tmp_path) == [(3.0, 3.0, 0.5), (2.0, 2.0, 0.5)]
    assert float(divisor(torch.tensor(3))) == 3
    assert float(divisor(torch.tensor(0))) == 1


def test_a_gradient_that_one_process_lacks_counts_as_zero(tmp_path):
    def work():
        rank = Processes.of_this_training().rank
        here, nowhere = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))
        if rank == 0:
            here.grad = torch.tensor([2.0, 4.0])
        Processes.of_this_training().average_gradients([here, nowhere])
        return here.grad.tolist(), nowhere.grad

    assert in_processes(2, work, tmp_path) == [([1.0, 2.0], None)] * 2


@pytest.fixture
def toy_losses(toy, train_toy, blobs):
    """The losses of each step of a toy's training, and its weights."""

    def run(**options):
        modules, data = toy(), Doubled(blobs(options.pop("images", 8)))
        losses = recorded_losses(lambda: train_toy(modules, data, **options))
        return losses, {name: value.numpy() for name, value in modules.state_dict().items()}

    return run


def assert_equal(one, two):
    for ours, theirs in zip(one[0], two[0], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-9)
    for name, value in one[1].items():
        np.testing.assert_allclose(two[1][name], value, atol=1e-9, err_msg=name)


def test_two_processes_train_as_one_does(toy_losses, tmp_path):
    one = toy_losses(epochs=10)
    assert len(one[0]) == 20
    first, second = in_processes(2, lambda: toy_losses(epochs=10), tmp_path)
    assert_equal(one, first)
    for name, value in first[1].items():
        np.testing.assert_array_equal(value, second[1][name])


def test_with_statistics_of_each_process_they_dont(toy_losses, tmp_path):
    first, second = in_processes(2, lambda: toy_losses(epochs=2, batch_norm="per_process"), tmp_path)
    assert first[0] == second[0]
    assert first[0][0]["toy"] != pytest.approx(toy_losses(epochs=2)[0][0]["toy"], abs=1e-6)
    np.testing.assert_array_equal(first[1]["network.conv.weight"], second[1]["network.conv.weight"])


@pytest.mark.usefixtures("every_step_is_kept")
def test_a_state_is_saved_by_the_first_and_gone_on_from_by_all(toy_losses, tmp_path):
    state = tmp_path / "state"

    def begin():
        with pytest.raises(KeyboardInterrupt):
            toy_losses(fail_at=(1, 1), resume_from=state)

    whole, _ = in_processes(2, toy_losses, tmp_path)
    in_processes(2, begin, tmp_path)
    rest, other = in_processes(2, lambda: toy_losses(resume_from=state), tmp_path)
    assert rest[0] == other[0] == whole[0][3:]
    for name, value in whole[1].items():
        np.testing.assert_array_equal(rest[1][name], value)


def test_a_loss_that_isnt_finite_in_one_process_ends_all(toy, train_toy, blobs, tmp_path):
    def work():
        modules = toy()
        if Processes.of_this_training().rank == 1:
            nn.init.constant_(modules["network"].conv.weight, torch.inf)
        train_toy(modules, Doubled(blobs(8)))

    with pytest.raises(RuntimeError, match=r"DivergedError: The loss of toy is not finite in epoch 0, step 0: toy=nan"):
        in_processes(2, work, tmp_path)


def test_a_batch_that_cant_be_split_is_refused():
    with pytest.raises(ValueError, match=r"batch_size is 4, must be a multiple of 3: 3 processes, and accumulat"):
        Processes(0, 3).check_batch(4)
    ONE_PROCESS.check_batch(5)


def test_each_process_draws_for_its_own_images():
    assert ONE_PROCESS.own_seed(5) == Processes(0, 2).own_seed(5) == 5
    assert len({Processes(rank, 4).own_seed(5) for rank in range(4)}) == 4
