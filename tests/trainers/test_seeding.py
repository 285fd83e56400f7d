"""Seeds by purpose, and generators that are left as a caller had them."""

import random

import numpy as np
import pytest
import torch

from trainers.seeding import callers_generators, seeded, seeded_torch


def test_a_seed_depends_on_the_purpose_and_on_nothing_else():
    assert seeded(0, "teacher", "twin") == seeded(0, "teacher", "twin")
    assert len({seeded(0), seeded(1), seeded(0, "a"), seeded(0, "b"), seeded(0, "a", "b")}) == 5
    assert all(0 <= seeded(seed, "x") < 2**31 for seed in range(100))


def test_within_it_torch_draws_as_after_manual_seed_and_then_as_before():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(9)
    first, second = torch.rand(1), torch.rand(1)
    torch.manual_seed(9)
    assert torch.equal(torch.rand(1), first)
    with seeded_torch(5):
        assert torch.initial_seed() == 5
        assert torch.equal(torch.rand(3), expected)
    assert torch.initial_seed() == 9
    assert torch.equal(torch.rand(1), second)


def test_one_within_another_and_an_error_leave_the_outer_one_as_it_was():
    with seeded_torch(1):
        expected = torch.rand(2)
    with seeded_torch(1):
        first = torch.rand(1)
        with pytest.raises(RuntimeError, match="negative dimension"), seeded_torch(2):
            torch.rand(-torch.rand(1).numel())
        assert torch.equal(torch.cat([first, torch.rand(1)]), expected)


def test_all_generators_of_a_caller_are_put_back(generators):
    with generators, callers_generators():
        torch.manual_seed(1)
        np.random.seed(1)
        random.seed(1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_as_after_manual_seed_and_then_as_before():
    torch.manual_seed(5)
    expected = torch.rand(3, device="cuda")
    torch.manual_seed(9)
    before = torch.cuda.get_rng_state()
    with seeded_torch(5, "cuda"):
        assert torch.equal(torch.rand(3, device="cuda"), expected)
    with callers_generators("cuda"):
        torch.rand(3, device="cuda")
    assert torch.equal(torch.cuda.get_rng_state(), before)
