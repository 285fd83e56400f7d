import torch

from spaces.detectors import Responses
from spaces.detectors.flat import by_anchor, flat_box, flat_cls

CLS = [torch.arange(24.0).view(1, 6, 2, 2), torch.arange(100.0, 106.0).view(1, 6, 1, 1)]
"""Two anchors a cell of three scores each, on 2 x 2 cells and on one."""


def test_anchors_go_by_level_row_column_and_place_in_the_cell():
    flat = by_anchor(CLS, 3)
    assert flat.shape == (1, 10, 3)
    assert flat[0, 0].tolist() == [0, 4, 8]  # the first cell's first anchor: channels 0 to 2
    assert flat[0, 1].tolist() == [12, 16, 20]
    assert flat[0, 2].tolist() == [1, 5, 9]  # its neighbour in the row
    assert flat[0, 4].tolist() == [2, 6, 10]
    assert flat[0, 8:].tolist() == [[100, 101, 102], [103, 104, 105]]


def test_offsets_tell_how_many_anchors_a_cell_has():
    box = [torch.zeros(1, 8, 2, 2), torch.zeros(1, 8, 1, 1)]
    box[0][0, :, 1, 0] = torch.arange(8.0)
    responses = Responses(CLS, box, torch.zeros(10, 4), "softmax", 0)
    assert torch.equal(flat_cls(responses), by_anchor(CLS, 3))
    assert flat_box(responses).shape == (1, 10, 4)
    assert flat_box(responses)[0, 4:6].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_distributions_are_four_edges_of_bins():
    box = [torch.arange(12.0).view(1, 12, 1, 1)]
    responses = Responses([torch.zeros(1, 5, 1, 1)], box, torch.zeros(1, 4), "sigmoid", None, bins=3)
    assert flat_box(responses).tolist() == [[[[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]]]
    assert flat_cls(responses).shape == (1, 1, 5)
