"""IDa-Det's selection of places, on drawn maps."""

import pytest
import torch

from spaces.detectors import Assignment, DetectorOutput, Responses
from trainers.distill.discrepancy import discrepancies, discrepant_places, in_cells, rectangles
from trainers.distill.hint import FeatureHint
from trainers.distill.joint_features import JointFeatures


def grid(size=4, side=10.0):
    """Anchors (size, size, 1, 4): one square a cell, side by side."""
    starts = torch.arange(size) * side
    y, x = torch.meshgrid(starts, starts, indexing="ij")
    return torch.stack([x, y, x + side, y + side], dim=-1)[:, :, None]


def drawn(*rows):
    return torch.tensor([[float(cell == "#") for cell in row] for row in rows])


def boxes(*corners):
    return torch.tensor(corners, dtype=torch.float).view(-1, 4)


def cells(*places):
    """Objects that each fill one cell of `grid()`, by row and column."""
    return boxes(*([10.0 * x, 10.0 * y, 10.0 * x + 10, 10.0 * y + 10] for y, x in places))


def output(features, objects, positive=(), anchors=None):
    """A student's output with one anchor a cell; anchors (image, number) in `positive` must find an object."""
    anchors = grid().reshape(-1, 4) if anchors is None else anchors
    labels = torch.zeros(len(objects), len(anchors), dtype=torch.long)
    for image, number in positive:
        labels[image, number] = 1
    box = [torch.zeros(len(x), 4, *x.shape[-2:]) for x in features.values()]
    return DetectorOutput(
        features,
        Responses([], box, anchors, "softmax", 0),
        decode=list,
        targets=[{"boxes": one} for one in objects],
        assign=lambda: Assignment(labels, torch.zeros(*labels.shape, 4)),
    )


def peaks(values, images=1):
    """A map of zeros, with values at cells by (image, row, column)."""
    x = torch.zeros(images, 1, 4, 4)
    for (image, row, column), value in values.items():
        x[image, 0, row, column] = value
    return x


def test_pixels_become_cells():
    pixels = boxes([0, 10, 25, 40])
    torch.testing.assert_close(in_cells(pixels, grid()), boxes([0, 1, 2.5, 4]))
    # Anchors twice as large around the same centres, and others around the cells' corners.
    wider = grid() + torch.tensor([-5.0, -5, 5, 5])
    torch.testing.assert_close(in_cells(pixels, wider), boxes([0, 1, 2.5, 4]))
    torch.testing.assert_close(in_cells(pixels, grid() - 5), boxes([0.5, 1.5, 3, 4.5]))
    # Rows and columns of other steps; along a single one there is nothing to tell.
    flat = torch.tensor([[[[0.0, 0, 10, 40]], [[10, 0, 20, 40]]]])
    torch.testing.assert_close(in_cells(pixels, flat), boxes([0, 0.5, 2.5, 0.5]))


def test_a_box_covers_the_cells_that_it_reaches_into_and_no_band():
    size = torch.Size((4, 4))
    assert torch.equal(rectangles(boxes([1, 0, 3, 1]), size), drawn(".##.", "....", "....", "....").bool())
    assert torch.equal(rectangles(boxes([0.9, 2.5, 2.1, 2.6]), size), drawn("....", "....", "###.", "....").bool())
    two = boxes([0, 0, 1, 1], [2, 2, 4, 9])
    assert torch.equal(rectangles(two, size), drawn("#...", "....", "..##", "..##").bool())
    assert torch.equal(rectangles(boxes([0.5, 0.5, 0.5, 0.5]), torch.Size((1, 1))), drawn("#").bool())
    assert not rectangles(boxes(), size).any()


def test_the_discrepancy_by_hand():
    """Ours 0, the teacher's v in the left half: (v - 0)^2 over the variance v^2 / 4 - (v / 4)^2 = 3 v^2 / 16."""
    ours, theirs = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    theirs[..., :2] = 5.0
    pair, images = boxes([0, 0, 1, 4], [3, 0, 4, 4]), torch.zeros(2, dtype=torch.long)
    torch.testing.assert_close(discrepancies(ours, theirs, pair, images), torch.tensor([16 / 3, 0.0]))
    # A second channel, alike in both, and a second image, whose zeros change the variance to v^2 / 8 - (v / 8)^2.
    alike = torch.randn(2, 1, 4, 4)
    two = [torch.cat([torch.cat([x, torch.zeros_like(x)]), alike], dim=1) for x in (ours, theirs)]
    torch.testing.assert_close(discrepancies(*two, pair, images), torch.tensor([64 / 7 / 2, 0.0]))
    torch.testing.assert_close(discrepancies(*two, pair, images + 1), torch.tensor([0.0, 0.0]))


def test_constant_equal_maps_have_no_discrepancy():
    flat = torch.ones(1, 2, 4, 4)
    assert discrepancies(flat, flat, boxes([0, 0, 4, 4]), torch.zeros(1, dtype=torch.long)).item() == 0


def test_three_of_five_objects_are_kept_those_that_differ_most():
    ours = peaks({})
    theirs = peaks({(0, 0, 3): 3.0, (0, 3, 0): -2.0, (0, 1, 1): 1.0, (0, 3, 3): 0.1})
    objects = cells((0, 0), (0, 3), (1, 1), (3, 0), (3, 3))
    masks = discrepant_places(output({"p3": ours}, [objects]), {"p3": (ours, theirs)})
    assert torch.equal(masks["p3"], drawn("...#", ".#..", "....", "#...")[None])


def test_the_anchors_that_must_find_an_object_are_candidates_too():
    """An object and an anchor of two cells: both are kept, two being the least that is 0.6 of two."""
    ours, theirs = peaks({}), peaks({(0, 0, 0): 1.0})
    anchors = grid().reshape(-1, 4)
    anchors[5] = torch.tensor([10.0, 10, 30, 20])
    student = output({"p3": ours}, [cells((0, 0))], positive=[(0, 5)], anchors=anchors)
    masks = discrepant_places(student, {"p3": (ours, theirs)})
    assert torch.equal(masks["p3"], drawn("#...", ".##.", "....", "....")[None])


def test_each_image_keeps_its_own():
    ours = peaks({}, images=3)
    theirs = peaks({(0, 0, 0): 9.0, (0, 0, 2): 8.0, (0, 3, 3): 2.0, (1, 2, 2): 1.0}, images=3)
    objects = [cells((0, 0), (0, 2), (3, 3)), cells((0, 0), (0, 3), (2, 2)), boxes()]
    masks = discrepant_places(output({"p3": ours}, objects), {"p3": (ours, theirs)})["p3"]
    assert torch.equal(masks[0], drawn("#.#.", "....", "....", "...."))
    assert masks[1, 2, 2] == 1
    assert masks[1].sum() == 2
    assert not masks[2].any()


def test_a_box_is_read_on_its_anchors_level_and_counts_on_all():
    """Objects of 10 pixels have their best anchors on p3, one of 20 on p4; only p4 differs."""
    anchors = {"p3": grid(), "p4": grid(2, 20.0)}
    ours = {"p3": torch.zeros(1, 1, 4, 4), "p4": torch.zeros(1, 1, 2, 2)}
    theirs = {"p3": torch.zeros(1, 1, 4, 4), "p4": torch.tensor([[[[0.0, 0.0], [0.0, 4.0]]]])}
    objects = torch.cat([cells((0, 0), (0, 3)), boxes([20, 20, 40, 40])])
    student = output(ours, [objects], anchors=torch.cat([x.reshape(-1, 4) for x in anchors.values()]))
    masks = discrepant_places(student, {level: (ours[level], theirs[level]) for level in ours})
    assert torch.equal(masks["p3"][0, 2:], drawn("..##", "..##"))
    assert torch.equal(masks["p4"][0, 1], torch.tensor([0.0, 1.0]))
    assert masks["p4"].sum() == 2  # and one of the small ones, which are alike
    # With a teacher that has no p4 the large object is read on p3.
    there = torch.zeros(1, 1, 4, 4)
    there[..., 2:, 2:] = 1.0
    only = discrepant_places(student, {"p3": (ours["p3"], there)})
    assert only.keys() == {"p3"}
    assert torch.equal(only["p3"][0, 2:], drawn("..##", "..##"))


def test_masks_carry_no_gradient_and_the_masked_hint_is_a_mean_over_them():
    ours, theirs = peaks({}).requires_grad_(), peaks({(0, 0, 3): 3.0, (0, 3, 0): 1.0, (0, 2, 2): 50.0})
    student = output({"p3": ours}, [cells((0, 3), (3, 0))])
    teacher = output({"p3": theirs.requires_grad_()}, [boxes()])
    hint = FeatureHint({"p3": 1}, {"twin": {"p3": 1}}, places=discrepant_places)
    loss = hint(student, teacher, "twin")
    assert loss.item() == pytest.approx((9 + 1) / 2)
    loss.backward()
    assert torch.equal((ours.grad[0, 0] != 0).float(), drawn("...#", "....", "....", "#..."))
    assert theirs.grad is None


@pytest.mark.parametrize("build", [FeatureHint, JointFeatures])
def test_without_an_object_masked_terms_are_zero_with_a_gradient_path(build):
    ours = torch.randn(2, 1, 4, 4, requires_grad=True)
    student, teacher = (output({"p3": x}, [boxes(), boxes()]) for x in (ours, torch.randn(2, 1, 4, 4)))
    term = build({"p3": 1}, {"twin": {"p3": 1}}, places=discrepant_places)
    loss = term(student, teacher, "twin")
    assert loss.item() == 0
    loss.backward()
    assert torch.equal(ours.grad, torch.zeros_like(ours))
    assert term.adapters.of("twin")["p3"].weight.grad.item() == 0


def test_maps_of_another_teacher_are_compared_behind_the_adapters_in_the_students_size():
    ours, theirs = torch.randn(1, 2, 4, 4), torch.randn(1, 3, 8, 8)
    student, teacher = output({"p3": ours}, [cells((1, 1))]), output({"p3": theirs}, [boxes()])
    term = FeatureHint({"p3": 2}, {"big": {"p3": 3}}, places=discrepant_places)
    value = term(student, teacher, "big")
    adapted, resized = term.adapters.compared(student, teacher, "big")[0]["p3"]
    assert adapted.shape == resized.shape == (1, 3, 4, 4)
    assert value.item() == pytest.approx((adapted - resized)[0, :, 1, 1].square().mean().item())


def test_a_student_without_targets_is_refused():
    maps = {"p3": torch.zeros(1, 1, 4, 4)}
    blind = DetectorOutput(maps, Responses([], [torch.zeros(1, 4, 4, 4)], grid().reshape(-1, 4), "softmax", 0), list)
    with pytest.raises(ValueError, match="holds no targets"):
        discrepant_places(blind, {"p3": (maps["p3"], maps["p3"])})
