"""How far a student's probabilities are from a teacher's: divergences of several terms."""

import torch
import torch.nn.functional as F
from torch import Tensor


def softened_divergence(ours: Tensor, theirs: Tensor, temperature: float) -> Tensor:
    """T^2 KL(softmax(theirs / T) || softmax(ours / T)) of logits (..., n): (...,) (arXiv:1503.02531, section 2).

    T^2 keeps the size of the gradient, whatever the temperature.
    """
    soft, target = (ours / temperature).log_softmax(-1), (theirs / temperature).log_softmax(-1)
    return temperature**2 * F.kl_div(soft, target, reduction="none", log_target=True).sum(-1)


def binary_divergence(logits: Tensor, target: Tensor) -> Tensor:
    """KL of (sigmoid, 1 - sigmoid) of the logits from (target, 1 - target), a target in 0..1, element by element."""
    entropy = torch.special.entr(target) + torch.special.entr(1 - target)
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none") - entropy
