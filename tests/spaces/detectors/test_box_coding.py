import math

import pytest
import torch
from torchvision.models.detection._utils import BoxCoder, SSDMatcher
from torchvision.ops import box_iou

from spaces.detectors.box_coding import UNSCALED, decode, encode, match

VARIANCES = (10.0, 10.0, 5.0, 5.0)


def boxes(count, seed):
    torch.manual_seed(seed)
    corners = torch.rand(count, 2) * 200
    return torch.cat([corners, corners + 1 + torch.rand(count, 2) * 100], 1)


def test_offsets_by_hand():
    """From (0, 0, 20, 20) to (5, 0, 45, 10): the centre moves from (10, 10) to (25, 5), sides 20 become 40 and 10."""
    anchor, box = torch.tensor([[0.0, 0.0, 20.0, 20.0]]), torch.tensor([[5.0, 0.0, 45.0, 10.0]])
    offsets = encode(box, anchor, (10.0, 10.0, 5.0, 5.0))
    assert offsets[0].tolist() == pytest.approx([10 * 0.75, -10 * 0.25, 5 * math.log(2), -5 * math.log(2)])
    torch.testing.assert_close(decode(offsets, anchor, (10.0, 10.0, 5.0, 5.0)), box)


@pytest.mark.parametrize("scales", [UNSCALED, VARIANCES])
@pytest.mark.parametrize("seed", range(3))
def test_both_ways_equal_torchvisions_coder_to_the_bit(scales, seed):
    reference, anchors, targets = BoxCoder(scales), boxes(500, seed), boxes(500, seed + 100)
    assert torch.equal(encode(targets, anchors, scales), reference.encode_single(targets, anchors))
    offsets = torch.randn(500, 4, requires_grad=True) * 5  # some beyond the bound
    assert torch.equal(decode(offsets, anchors, scales), reference.decode_single(offsets, anchors))


def test_gradients_equal_those_of_torchvisions_coder():
    anchors, offsets = boxes(200, 0), torch.randn(200, 4, requires_grad=True)
    weights = torch.randn(200, 4)
    (ours,) = torch.autograd.grad((decode(offsets, anchors, VARIANCES) * weights).sum(), offsets)
    reference = BoxCoder(VARIANCES).decode_single(offsets, anchors)
    (theirs,) = torch.autograd.grad((reference * weights).sum(), offsets)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("seed", range(5))
def test_matches_are_torchvisions(seed):
    iou = box_iou(boxes(6, seed), boxes(300, seed + 50))
    assert torch.equal(match(iou, 0.5), SSDMatcher(0.5)(iou))


def test_an_object_takes_its_best_anchor_however_little_they_overlap():
    iou = torch.tensor([[0.6, 0.5, 0.0], [0.1, 0.7, 0.2], [0.0, 0.0, 0.1]])
    assert match(iou, 0.5).tolist() == [0, 1, 2]
    assert match(iou[:2], 0.5).tolist() == [0, 1, -1]
