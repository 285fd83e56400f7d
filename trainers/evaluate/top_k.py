"""How often a classifier has the right class among its highest scores."""

import torch
from torch import Tensor

RANKS = (1, 5)
"""As ImageNet's results are given."""


def hits(scores: Tensor, labels: Tensor, ranks: tuple[int, ...] = RANKS) -> dict[str, int]:
    """By `top<k>` how many images have their class among the k highest scores, of all if there are fewer than k.

    scores (N, C), labels (N,) from 0. Of equal scores the earlier class counts as the higher.
    """
    order = scores.argsort(dim=1, descending=True, stable=True)
    right = order == labels.view(-1, 1)
    return {f"top{k}": int(torch.count_nonzero(right[:, :k])) for k in ranks}
