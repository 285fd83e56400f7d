import math

import pytest
import torch
from torchvision.ops import box_iou, generalized_box_iou

from spaces.detectors.atss import assign
from spaces.detectors.edge_distributions import BINS, boxes_at, distances_to, expected_distances, square_anchors
from spaces.detectors.gfl_loss import assignment, distribution_focal_loss, gfl_losses, paired_iou, quality_focal_loss

SIZES, STRIDES = [(12, 12), (6, 6), (3, 3), (2, 2), (1, 1)], [8, 16, 32, 64, 128]
CELLS = [h * w for h, w in SIZES]
ANCHORS = square_anchors(SIZES, STRIDES, torch.device("cpu"))
HILL = (0.1, 0.2, 0.4, 0.2, 0.1)


def target(*boxes, labels=None):
    labels = [1] * len(boxes) if labels is None else labels
    return {"boxes": torch.tensor(boxes).reshape(-1, 4), "labels": torch.tensor(labels, dtype=torch.long)}


@pytest.mark.parametrize(
    ("logit", "quality", "expected"),
    [
        (0.0, 1.0, 0.5**2 * math.log(2)),
        (0.0, 0.0, 0.5**2 * math.log(2)),
        (math.log(3), 0.0, 0.75**2 * math.log(4)),  # a score of 3/4
        (math.log(3), 0.5, 0.25**2 * 0.5 * (math.log(4 / 3) + math.log(4))),
        (math.log(3), 0.75, 0.0),
    ],
)
def test_quality_focal_loss_by_hand(logit, quality, expected):
    assert quality_focal_loss(torch.tensor(logit), torch.tensor(quality)).item() == pytest.approx(
        expected, rel=1e-5, abs=1e-7
    )


def test_without_damping_it_is_the_cross_entropy():
    found = quality_focal_loss(torch.tensor(math.log(3)), torch.tensor(0.0), beta=0.0)
    assert found.item() == pytest.approx(math.log(4))


def test_quality_focal_loss_draws_the_score_to_the_quality():
    logits = torch.tensor([-2.0, math.log(3), 3.0], requires_grad=True)  # below, at and above 3/4
    quality_focal_loss(logits, torch.full((3,), 0.75)).sum().backward()
    below, at, above = logits.grad.tolist()
    assert below < -0.01 < 0.01 < above
    assert at == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        (2.25, -(0.75 * math.log(0.4) + 0.25 * math.log(0.2))),
        (3.0, -math.log(0.2)),
        (0.5, -0.5 * (math.log(0.1) + math.log(0.2))),
        (4.0, -math.log(0.1)),  # the last bin
        (9.0, -math.log(0.1)),  # beyond it
        (-1.0, -math.log(0.1)),
    ],
)
def test_distribution_focal_loss_by_hand(distance, expected):
    found = distribution_focal_loss(torch.tensor(HILL).log(), torch.tensor(distance))
    assert found.item() == pytest.approx(expected)


def test_distribution_focal_loss_raises_the_two_bins_beside_the_distance():
    logits = torch.tensor(HILL).log().requires_grad_()
    distribution_focal_loss(logits, torch.tensor(2.25)).backward()
    # The gradient of a cross-entropy is what is said minus what should be said: 3/4 in bin 2, 1/4 in bin 3.
    torch.testing.assert_close(logits.grad, torch.tensor([0.1, 0.2, 0.4 - 0.75, 0.2 - 0.25, 0.1]))


def test_paired_ious():
    one = torch.tensor([[0.0, 0.0, 10.0, 10.0]] * 3)
    other = torch.tensor([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
    assert paired_iou(one, other).tolist() == pytest.approx([1, 50 / 150, 0])


def test_the_losses_of_a_batch_anchor_by_anchor():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, len(ANCHORS), 3, generator=generator)
    edges = torch.randn(2, len(ANCHORS), 4, BINS, generator=generator)
    targets = [
        target([27.0, 27.0, 69.0, 69.0], labels=[2]),
        target([15.0, 15.0, 81.0, 81.0], [5.0, 5.0, 15.0, 15.0], labels=[3, 1]),
    ]
    cls = box = dfl = weights = 0.0
    positives = 0
    for image, one in enumerate(targets):
        for index, owner in enumerate(assign(ANCHORS, CELLS, one["boxes"]).tolist()):
            quality = torch.zeros(3)
            if owner >= 0:
                positives += 1
                found = boxes_at(ANCHORS[index], expected_distances(edges[image, index]))[None]
                goal = one["boxes"][owner][None]
                quality[one["labels"][owner] - 1] = box_iou(found, goal).item()
                weight = scores[image, index].sigmoid().max().item()
                distances = distances_to(ANCHORS[index], goal[0])
                box += weight * (1 - generalized_box_iou(found, goal).item())
                dfl += weight * distribution_focal_loss(edges[image, index], distances).mean().item()
                weights += weight
            cls += quality_focal_loss(scores[image, index], quality).sum().item()
    assert positives > 4
    losses = gfl_losses(scores, edges, ANCHORS, CELLS, targets)
    assert losses["cls"].item() == pytest.approx(cls / positives, rel=1e-4)
    assert losses["box"].item() == pytest.approx(2 * box / weights, rel=1e-4)
    assert losses["dfl"].item() == pytest.approx(0.25 * dfl / weights, rel=1e-4)


def test_exact_distributions_leave_no_box_loss_and_ask_for_full_quality():
    goal = target([24.0, 24.0, 72.0, 72.0], labels=[2])
    owners = assign(ANCHORS, CELLS, goal["boxes"]) >= 0
    edges = torch.zeros(1, len(ANCHORS), 4, BINS)
    distances = distances_to(ANCHORS, goal["boxes"])
    assert (distances[owners] <= BINS - 1).all()
    for index, distance in enumerate(distances.clamp(0, BINS - 1).tolist()):
        for edge, value in enumerate(distance):  # the mean of two neighbouring bins is the distance itself
            lower = min(int(value), BINS - 2)
            near = torch.full((BINS,), -60.0)
            near[lower], near[lower + 1] = math.log(max(lower + 1 - value, 1e-26)), math.log(max(value - lower, 1e-26))
            edges[0, index, edge] = near
    scores = torch.full((1, len(ANCHORS), 3), -30.0)
    scores[0, owners, 1] = 30.0  # label 2 is class map 1: there is no background
    losses = gfl_losses(scores, edges, ANCHORS, CELLS, [goal])
    assert losses["box"].item() == pytest.approx(0.0, abs=1e-4)
    assert losses["cls"].item() == pytest.approx(0.0, abs=1e-4)
    assert losses["dfl"].item() > 0  # the entropy of what lies between two bins


def test_a_positive_raises_its_own_class_and_lowers_all_others():
    scores = torch.zeros(1, len(ANCHORS), 3, requires_grad=True)
    goal = target([24.0, 24.0, 72.0, 72.0], labels=[3])
    edges = distances_to(ANCHORS, goal["boxes"])[None, ..., None] - torch.arange(BINS)
    gfl_losses(scores, -(edges**2), ANCHORS, CELLS, [goal])["cls"].backward()
    owners = assign(ANCHORS, CELLS, goal["boxes"]) >= 0
    assert (scores.grad[0, owners, 2] < 0).all()
    assert (scores.grad[0, owners, :2] > 0).all()
    assert (scores.grad[0, ~owners] > 0).all()


@pytest.mark.parametrize("images", [1, 2])
def test_without_an_object_only_the_scores_count_and_all_keep_a_gradient(images):
    scores = torch.zeros(images, len(ANCHORS), 3, requires_grad=True)
    edges = torch.zeros(images, len(ANCHORS), 4, BINS, requires_grad=True)
    losses = gfl_losses(scores, edges, ANCHORS, CELLS, [target()] * images)
    assert losses["cls"].item() == pytest.approx(images * len(ANCHORS) * 3 * 0.25 * math.log(2), rel=1e-5)
    assert losses["box"].item() == losses["dfl"].item() == 0.0
    sum(losses.values()).backward()
    assert (scores.grad > 0).all()
    assert not edges.grad.any()


def test_scores_near_zero_do_not_blow_up_the_box_loss():
    scores = torch.full((1, len(ANCHORS), 1), -200.0, requires_grad=True)
    edges = torch.zeros(1, len(ANCHORS), 4, BINS, requires_grad=True)
    losses = gfl_losses(scores, edges, ANCHORS, CELLS, [target([24.0, 24.0, 72.0, 72.0])])
    sum(losses.values()).backward()
    assert all(loss.isfinite() for loss in losses.values())
    assert edges.grad.isfinite().all()


def test_what_each_anchor_must_say_is_what_atss_assigns():
    """Two objects, as large as an anchor of p3 and of p4; the second image has none."""
    objects = target([12.0, 12.0, 76.0, 76.0], [0.0, 0.0, 30.0, 30.0], labels=[3, 1])
    wanted = assignment(ANCHORS, CELLS, [objects, target()])
    owners = assign(ANCHORS, CELLS, objects["boxes"])
    assert torch.equal(wanted.labels[0], torch.tensor([3, 1, 0])[owners])  # -1 is the last
    assert set(wanted.labels[0].tolist()) == {0, 1, 3}
    assert not wanted.labels[1].any()
    place = int((wanted.labels[0] == 3).nonzero()[0])
    torch.testing.assert_close(boxes_at(ANCHORS[place], wanted.box[0, place]), objects["boxes"][0])
