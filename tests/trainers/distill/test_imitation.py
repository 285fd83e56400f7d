"""Fine-grained feature imitation on drawn maps."""

import pytest
import torch

from spaces.detectors import DetectorOutput, Responses
from trainers.distill.imitation import FineGrainedImitation, imitation_mask, level_anchors


def grid(size=4, side=10.0):
    """Anchors (size, size, 1, 4): one square of 10 pixels a cell, side by side."""
    starts = torch.arange(size) * side
    y, x = torch.meshgrid(starts, starts, indexing="ij")
    return torch.stack([x, y, x + side, y + side], dim=-1)[:, :, None]


def drawn(*rows):
    return torch.tensor([[cell == "#" for cell in row] for row in rows])


def output(features, targets=(), anchors=None):
    """One map a level, with one anchor a cell."""
    anchors = grid() if anchors is None else anchors
    box = [torch.zeros(len(x), 4, *x.shape[-2:]) for x in features.values()]
    responses = Responses([], box, anchors.reshape(-1, 4).repeat(len(features), 1), "softmax", 0)
    return DetectorOutput(features, responses, decode=list, targets=list(targets))


def boxes(*corners):
    return {"boxes": torch.tensor(corners, dtype=torch.float).view(-1, 4)}


def test_an_object_on_one_cell_and_a_half_has_the_cells_it_covers_well():
    # On the first cell 100 of 150 pixels: IoU 2/3. On its right neighbour 50 of 200: 1/4, under half of 2/3.
    assert torch.equal(imitation_mask(boxes([0, 0, 15, 10])["boxes"], grid()), drawn("#...", "....", "....", "...."))
    # 80 and 70 pixels of one cell each: IoU 8/17 and 7/18, which is more than a half of 8/17.
    assert torch.equal(imitation_mask(boxes([2, 0, 17, 10])["boxes"], grid()), drawn("##..", "....", "....", "...."))


def test_an_exact_half_of_the_best_is_out():
    anchors = torch.tensor([[0.0, 0, 20, 10], [0, 0, 10, 10]]).view(1, 2, 1, 4)
    # IoU 1 with the first anchor, exactly 1/2 with its left half.
    assert torch.equal(imitation_mask(boxes([0, 0, 20, 10])["boxes"], anchors), drawn("#."))


def test_objects_and_anchors_of_a_cell_are_taken_together():
    two = boxes([0, 0, 10, 10], [20, 20, 40, 40])["boxes"]
    assert torch.equal(imitation_mask(two, grid()), drawn("#...", "....", "..##", "..##"))
    # A second anchor a cell, twice as wide: the first object's best is still the square, the other's the wide one.
    wide = grid() + torch.tensor([0.0, 0, 10, 0])
    mask = imitation_mask(boxes([0, 10, 20, 20])["boxes"], torch.cat([grid(), wide], dim=2))
    assert torch.equal(mask, drawn("....", "#...", "....", "...."))


def test_each_object_has_its_own_best_so_that_a_small_one_is_not_lost():
    # IoU 4/100 at most: still its own best.
    small_and_large = boxes([1, 1, 3, 3], [20, 20, 30, 30])["boxes"]
    assert torch.equal(imitation_mask(small_and_large, grid()), drawn("#...", "....", "..#.", "...."))


def test_no_object_or_one_that_no_anchor_touches_leaves_an_empty_mask():
    for none in (boxes(), boxes([100, 100, 120, 120])):
        assert not imitation_mask(none["boxes"], grid()).any()


def test_the_loss_by_hand():
    """Two images, two channels: one and two cells are in; ours are 0, the teacher's 1 and 3 everywhere."""
    ours, theirs = torch.zeros(2, 2, 4, 4), torch.tensor([1.0, 3.0]).view(1, 2, 1, 1).expand(2, 2, 4, 4)
    targets = [boxes([0, 0, 10, 10]), boxes([2, 0, 17, 10])]
    fgfi = FineGrainedImitation({"p3": 2}, {"twin": {"p3": 2}})
    loss = fgfi(output({"p3": ours}, targets), output({"p3": theirs}), "twin")
    assert loss.item() == pytest.approx((1 + 9) / 2)  # three places of 1 + 9 each, over 2 * 3

    outside = theirs.clone()
    outside[0, :, 0, 0] = outside[1, :, 0, :2] = 0.0
    assert fgfi(output({"p3": ours}, targets), output({"p3": outside}), "twin").item() == 0.0


def test_levels_are_averaged_and_each_has_its_own_anchors():
    features = {"p3": torch.zeros(1, 1, 4, 4), "p4": torch.zeros(1, 1, 4, 4)}
    theirs = {"p3": torch.full((1, 1, 4, 4), 2.0), "p4": torch.full((1, 1, 4, 4), 4.0)}
    targets = [boxes([0, 0, 10, 10])]
    fgfi = FineGrainedImitation({"p3": 1, "p4": 1}, {"twin": {"p3": 1, "p4": 1}})
    loss = fgfi(output(features, targets), output(theirs), "twin")
    assert loss.item() == pytest.approx((4 / 2 + 16 / 2) / 2)


def test_without_an_object_the_loss_is_zero_and_still_has_a_gradient_path():
    ours = torch.randn(1, 2, 4, 4).requires_grad_()
    fgfi = FineGrainedImitation({"p3": 2}, {"twin": {"p3": 2}})
    loss = fgfi(output({"p3": ours}, [boxes()]), output({"p3": torch.randn(1, 2, 4, 4)}), "twin")
    assert loss.item() == 0.0
    loss.backward()
    assert torch.equal(ours.grad, torch.zeros_like(ours))


def test_student_and_adapter_learn_and_the_teacher_does_not():
    ours, theirs = torch.randn(1, 2, 4, 4).requires_grad_(), torch.randn(1, 3, 4, 4).requires_grad_()
    fgfi = FineGrainedImitation({"p3": 2}, {"big": {"p3": 3}})
    targets = [boxes([0, 0, 10, 10])]
    fgfi(output({"p3": ours}, targets), output({"p3": theirs}), "big").backward()
    # A 3x3 adapter at the first cell sees its neighbours, and nothing beyond.
    assert torch.equal(ours.grad.abs().sum((0, 1)) > 0, drawn("##..", "##..", "....", "...."))
    assert fgfi.adapters.of("big")["p3"].weight.grad.count_nonzero() > 0
    assert theirs.grad is None


def test_anchors_are_read_from_the_students_own_detector(fixed, images, targets):
    student = fixed("sign")
    result = student(images, targets)
    levels = level_anchors(result.responses, list(result.features))
    assert {name: tuple(x.shape) for name, x in levels.items()} == {
        "p2": (24, 24, 4, 4),
        "p3": (12, 12, 6, 4),
        "p4": (6, 6, 6, 4),
        "p5": (3, 3, 4, 4),
    }
    centres = (levels["p4"][..., :2] + levels["p4"][..., 2:])[..., 0, :] / 2
    torch.testing.assert_close(centres[1, 2], torch.tensor([2.5 * 16, 1.5 * 16]))  # column 2, row 1, stride 16


def test_the_anchors_of_boxes_that_are_distributions_by_level():
    box = [torch.zeros(2, 4 * 17, 2, 3), torch.zeros(2, 4 * 17, 1, 1)]
    anchors = torch.arange(7.0)[:, None].expand(-1, 4)
    levels = level_anchors(Responses([], box, anchors, "sigmoid", None, bins=17), ["p3", "p4"])
    assert {name: tuple(x.shape) for name, x in levels.items()} == {"p3": (2, 3, 1, 4), "p4": (1, 1, 1, 4)}
    assert levels["p3"][1, 0, 0, 0] == 3


def test_objects_are_read_in_the_pixels_of_the_detectors_input(fixed, targets):
    """Images of 192 pixels are halved to 96; so are the boxes."""
    result = fixed("real")([torch.rand(3, 192, 192), torch.rand(3, 96, 96)], targets)
    torch.testing.assert_close(result.targets[0]["boxes"], targets[0]["boxes"] / 2)
    torch.testing.assert_close(result.targets[1]["boxes"], targets[1]["boxes"])


def test_a_student_without_its_targets_is_refused():
    fgfi = FineGrainedImitation({"p3": 1}, {"twin": {"p3": 1}})
    maps = output({"p3": torch.zeros(1, 1, 4, 4)})
    with pytest.raises(ValueError, match="holds 0 resized targets for 1 images; run it with its targets"):
        fgfi(maps, maps, "twin")
