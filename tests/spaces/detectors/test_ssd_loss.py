import math

import pytest
import torch

from spaces.detectors.box_coding import decode
from spaces.detectors.ssd_loss import BOX_SCALES, assign, hard_negatives, ssd_losses

ANCHORS = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 40.0, 40.0]])


def target(*boxes, labels=None):
    labels = [1] * len(boxes) if labels is None else labels
    return {"boxes": torch.tensor(boxes).reshape(-1, 4), "labels": torch.tensor(labels, dtype=torch.long)}


def even(anchors, classes=1, images=1):
    """Logits that give every class the same probability."""
    return torch.zeros(images, anchors, classes + 1), torch.zeros(images, anchors, 4)


def test_two_anchors_by_hand():
    logits = torch.tensor([[[0.0, math.log(3)], [math.log(4), 0.0]]])  # 3/4 for the object, 4/5 for the background
    offsets = torch.tensor([[[0.5, 0.0, 0.0, 3.0], [9.0, 9.0, 9.0, 9.0]]])
    losses = ssd_losses(logits, offsets, ANCHORS, [target([0.0, 0.0, 10.0, 10.0])])
    # The first anchor fits exactly, so its coded offsets are 0: smooth L1 of 0.5 and of 3; the second is background.
    assert losses["box"].item() == pytest.approx(0.5 * 0.5**2 + (3 - 0.5))
    assert losses["cls"].item() == pytest.approx(math.log(4 / 3) + math.log(5 / 4))


def test_an_object_beside_its_anchor_codes_its_shift_in_variances():
    logits, offsets = even(2)
    # Two pixels to the right and twice as wide as the anchor of 10: IoU 10 * 10 / (20 * 10) = 0.5.
    losses = ssd_losses(logits, offsets, ANCHORS, [target([0.0, 0.0, 20.0, 10.0])])
    shift, growth = 10 * 5 / 10, 5 * math.log(2)
    assert losses["box"].item() == pytest.approx((shift - 0.5) + (growth - 0.5))


def test_an_object_that_no_anchor_reaches_takes_its_best_one():
    logits, offsets = even(2)
    losses = ssd_losses(logits, offsets, ANCHORS, [target([8.0, 8.0, 12.0, 12.0])])  # IoU 4 / 112 with the first
    shift, growth = 10 * 5 / 10, 5 * math.log(0.4)
    assert losses["box"].item() == pytest.approx(2 * (shift - 0.5) + 2 * (-growth - 0.5), rel=1e-5)
    assert losses["cls"].item() == pytest.approx(2 * math.log(2))  # one positive, one hard negative


def test_an_anchor_just_under_half_is_background_and_one_at_half_is_an_object():
    for width, positives in ((20.0, 2), (20.01, 1)):
        anchors = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, width, 10.0], [500.0, 500.0, 600.0, 600.0]])
        # The object is the second anchor itself; the first covers 10 / width of it.
        losses = ssd_losses(*even(3), anchors, [target([0.0, 0.0, width, 10.0])])
        assert losses["cls"].item() == pytest.approx(3 * math.log(2) / positives, rel=1e-5)


def test_three_hard_negatives_for_a_positive():
    anchors = torch.cat([ANCHORS[:1], torch.tensor([[500.0, 500.0, 510.0, 510.0]]).repeat(9, 1)])
    logits = torch.zeros(1, 10, 2)
    logits[0, 1:, 0] = torch.tensor([5.0, -4.0, 5.0, -2.0, 5.0, -3.0, 5.0, -1.0, 5.0])
    losses = ssd_losses(logits, torch.zeros(1, 10, 4), anchors, [target([0.0, 0.0, 10.0, 10.0])])
    hardest = sum(math.log(1 + math.exp(wrong)) for wrong in (4.0, 3.0, 2.0))
    assert losses["cls"].item() == pytest.approx(math.log(2) + hardest, rel=1e-5)


def test_hard_negatives_are_counted_by_image_and_positives_by_batch():
    anchors = torch.cat([ANCHORS, torch.tensor([[500.0, 500.0, 510.0, 510.0]]).repeat(20, 1)])
    logits, offsets = even(22, images=3)
    both = target([0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 40.0, 40.0])
    losses = ssd_losses(logits, offsets, anchors, [both, target([0.0, 0.0, 10.0, 10.0]), target()])
    # 2 + 6 in the first image, 1 + 3 in the second, 3 negatives in the empty one; three positives in all.
    assert losses["cls"].item() == pytest.approx((8 + 4 + 3) * math.log(2) / 3, rel=1e-5)


def test_images_that_want_different_numbers_of_negatives_get_the_hardest_and_no_more_than_there_are():
    losses = torch.tensor([[0.1, 0.4, 0.2, 0.5, 0.3, 0.0], [0.9, 0.1, 0.8, 0.7, 0.6, 0.5]])
    positive = torch.tensor([[True, False, False, False, False, False], [True, True, True, True, False, True]])
    wanted = [[False, True, False, True, True, False], [False, False, False, False, True, False]]
    assert hard_negatives(losses, positive).tolist() == wanted


def test_an_all_background_batch_has_losses_and_gradients():
    logits, offsets = (x.requires_grad_() for x in even(8, classes=3, images=2))
    anchors = ANCHORS.repeat(4, 1)
    losses = ssd_losses(logits, offsets, anchors, [target(), target()])
    assert losses["box"].item() == 0
    assert losses["cls"].item() == pytest.approx(2 * 3 * math.log(4))  # divided by one, not by zero
    sum(losses.values()).backward()
    assert offsets.grad.count_nonzero() == 0
    assert logits.grad.isfinite().all()
    assert logits.grad.count_nonzero() > 0


def test_labels_reach_their_own_anchors():
    logits, offsets = even(2, classes=2)
    logits[0, 0, 2], logits[0, 1, 1] = 20.0, 20.0
    boxes = [20.0, 20.0, 40.0, 40.0], [0.0, 0.0, 10.0, 10.0]
    right = ssd_losses(logits, offsets, ANCHORS, [target(*boxes, labels=[1, 2])])
    wrong = ssd_losses(logits, offsets, ANCHORS, [target(*boxes, labels=[2, 1])])
    assert right["cls"].item() < 1e-3
    assert wrong["cls"].item() == pytest.approx(20, rel=1e-3)


def test_two_objects_in_one_place_leave_the_losses_finite():
    box = [0.0, 0.0, 10.0, 10.0]
    losses = ssd_losses(*even(2, classes=2), ANCHORS, [target(box, box, labels=[1, 2])])
    assert all(loss.isfinite() for loss in losses.values())


def test_the_coder_turns_offsets_into_boxes_by_hand():
    # Variances 0.1 for the centre, 0.2 for the size: half a width to the right, e ** 0.2 as wide.
    moved = decode(torch.tensor([[5.0, 0.0, 1.0, 0.0]]), ANCHORS[:1], BOX_SCALES)
    width = 10 * math.exp(0.2)
    torch.testing.assert_close(moved, torch.tensor([[10 - width / 2, 0.0, 10 + width / 2, 10.0]]))


def test_what_each_anchor_must_say_by_hand():
    """An object of the first anchor's height and twice its width; the second image has none."""
    wanted = assign(ANCHORS, [target([0.0, 0.0, 20.0, 10.0], labels=[2]), target()])
    assert wanted.labels.tolist() == [[2, 0], [0, 0]]
    torch.testing.assert_close(wanted.box[0, 0], torch.tensor([10 * 5 / 10, 0, 5 * math.log(2), 0]))
    assert wanted.box.shape == (2, 2, 4)
