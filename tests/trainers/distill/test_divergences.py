import math

import pytest
import torch

from trainers.distill.divergences import binary_divergence, softened_divergence


def test_a_softened_divergence_is_kl_in_closed_form():
    # At a temperature of 10: (3/4, 1/4) against (1/2, 1/2).
    divergence = 100 * (3 / 4 * math.log(3 / 2) + 1 / 4 * math.log(1 / 2))
    logits = torch.tensor([10 * math.log(3), 0.0])
    assert softened_divergence(torch.zeros(2), logits, 10.0).item() == pytest.approx(divergence, rel=1e-5)
    ours, theirs = torch.randn(2, 7, 4, 17, dtype=torch.double)
    p, q = (theirs / 2.5).softmax(-1), (ours / 2.5).softmax(-1)
    expected = 2.5**2 * (p * (p / q).log()).sum(-1)
    torch.testing.assert_close(softened_divergence(ours, theirs, 2.5), expected)
    same = softened_divergence(ours, ours + 3.0, 10.0)  # a shift of all logits is none
    torch.testing.assert_close(same, torch.zeros(7, 4, dtype=torch.double))


def test_a_binary_divergence_is_that_of_scores_and_zero_where_both_are_sure():
    logits, target = torch.tensor([0.0, math.log(3), -200.0, 200.0]), torch.tensor([1.0, 3 / 4, 0.0, 1.0])
    assert binary_divergence(logits, target).tolist() == pytest.approx([math.log(2), 0, 0, 0], abs=1e-6)
