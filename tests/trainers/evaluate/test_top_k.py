import torch

from trainers.evaluate.top_k import hits


def test_hits_by_hand():
    scores = torch.tensor([[0.1, 0.9, 0.0], [0.5, 0.2, 0.3], [0.2, 0.2, 0.1]])
    assert hits(scores, torch.tensor([1, 2, 0]), (1, 2)) == {"top1": 2, "top2": 3}
    assert hits(scores, torch.tensor([0, 1, 1])) == {"top1": 0, "top5": 3}  # three classes: all among the first five
    assert hits(torch.zeros(1, 6), torch.tensor([5])) == {"top1": 0, "top5": 0}  # of equal scores the first come first
