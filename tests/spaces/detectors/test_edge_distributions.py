import pytest
import torch

from spaces.detectors.edge_distributions import BINS, boxes_at, distances_to, expected_distances, square_anchors

SURE = 200.0  # nothing else is left in single precision
AT_20 = torch.tensor([-12.0, -12.0, 52.0, 52.0])
"""The anchor of 8 strides of 8 pixels around (20, 20)."""


def sure_of(*distances):
    """Logits (4, 17) of one-hot distributions."""
    logits = torch.zeros(4, BINS)
    logits[torch.arange(4), torch.tensor(distances)] = SURE
    return logits


def test_anchors_are_squares_of_eight_strides_around_the_centres_of_cells():
    anchors = square_anchors([(2, 3), (1, 1)], [8, 16], torch.device("cpu"))
    assert anchors.shape == (2 * 3 + 1, 4)
    expected = {0: (4, 4, 32), 2: (20, 4, 32), 3: (4, 12, 32), 6: (8, 8, 64)}  # column, then row, then level
    for index, (x, y, half) in expected.items():
        assert anchors[index].tolist() == [x - half, y - half, x + half, y + half]


def test_one_hot_edges_give_the_exact_box():
    distances = expected_distances(sure_of(1, 2, 0, 16))
    assert distances.tolist() == [1, 2, 0, 16]
    assert boxes_at(AT_20, distances).tolist() == [20 - 8, 20 - 16, 20, 20 + 128]


def test_the_distance_is_the_mean_of_the_distribution():
    logits = torch.full((4, BINS), -SURE)
    logits[:, 2] = 0
    logits[:2, 3] = 0  # a half each
    logits[0, 7] = 0  # a third each
    assert expected_distances(logits).tolist() == pytest.approx([4, 2.5, 2, 2])
    assert expected_distances(torch.zeros(4, BINS)).tolist() == pytest.approx([8] * 4)


def test_a_box_is_coded_by_the_way_to_its_edges():
    box = torch.tensor([12.0, 4.0, 20.0, 148.0])
    assert distances_to(AT_20, box).tolist() == [1, 2, 0, 16]
    beside = torch.tensor([24.0, 20.0, 40.0, 28.0])
    assert distances_to(AT_20, beside).tolist() == [-0.5, 0, 2.5, 1]


def test_coding_and_decoding_undo_each_other_on_every_level():
    anchors = square_anchors([(12, 12), (6, 6), (3, 3)], [8, 16, 32], torch.device("cpu"))
    boxes = torch.rand(len(anchors), 4, generator=torch.Generator().manual_seed(0)) * 96
    torch.testing.assert_close(boxes_at(anchors, distances_to(anchors, boxes)), boxes)
