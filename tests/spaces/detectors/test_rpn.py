import math

import pytest
import torch
from torchvision.models.detection.image_list import ImageList

from spaces.detectors.rpn import assign, build_rpn, propose, respond, rpn_losses, scale_of

SIDES = (24, 12, 6, 3, 2)


@pytest.fixture
def images():
    return ImageList(torch.zeros(2, 3, 96, 96), [(96, 96)] * 2)


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(0)
    return {f"p{n}": torch.randn(2, 8, side, side, generator=generator) for n, side in enumerate(SIDES, start=2)}


def build(*methods, image_size=96):
    torch.manual_seed(0)
    scale = scale_of(image_size)
    return build_rpn(8, scale, scale.kept(), lambda _: methods, "rpn.")


def test_responses_are_three_anchors_a_cell_from_fine_to_coarse(images, features):
    responses = respond(build("real"), images.tensors, features)
    assert [tuple(x.shape) for x in responses.cls] == [(2, 3, side, side) for side in SIDES]
    assert [tuple(x.shape) for x in responses.box] == [(2, 12, side, side) for side in SIDES]
    assert (responses.activation, responses.background) == ("sigmoid", None)
    first = responses.anchors[:3]
    # 16 x 16 pixels round the corner of the image, height over width 1/2, 1 and 2
    assert first.tolist() == [[-11, -6, 11, 6], [-8, -8, 8, 8], [-6, -11, 6, 11]]
    assert responses.anchors[3].tolist() == [4 - 11, -6, 4 + 11, 6]  # the next cell of the first row
    assert len(responses.anchors) == 3 * sum(side * side for side in SIDES)


@pytest.mark.parametrize(("image_size", "sides"), [(320, (16, 256)), (321, (32, 512))])
def test_small_inputs_have_anchors_of_half_the_published_size(image_size, sides):
    sizes = build("real", image_size=image_size).anchor_generator.sizes
    assert (sizes[0][0], sizes[-1][0]) == sides


def test_the_shared_unit_leaves_a_trace_of_every_level(images, features):
    rpn = build("react")
    rpn.head.conv.tracing = True
    respond(rpn, images.tensors, features)
    assert all(torch.equal(run.x, x) for run, x in zip(rpn.head.conv.runs, features.values(), strict=True))


def test_the_shared_unit_has_no_batch_norm_in_any_precision():
    head = build("real", "int8", "bireal", "dbs").head
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in head.modules())


def test_the_published_head_by_hand(images, features):
    """Objectness is w . relu(conv(x) + b): all ones on a map of ones give 9 x 8 inside, and the head's ReLU."""
    head = build("real").head
    with torch.no_grad():
        head.conv.weight.fill_(1)
        head.conv.bias.copy_(torch.tensor([-72.0] * 4 + [1.0] * 4))
        head.cls_logits.weight.fill_(1)
        head.cls_logits.bias.fill_(0.5)
        cls, _ = head([torch.ones(1, 8, 5, 5)])
    assert cls[0][0, 0, 2, 2].item() == 4 * 73 + 0.5
    assert cls[0][0, 0, 0, 0].item() == 4 * 33 + 0.5  # four of nine places lie inside: 4 x 8 products


def test_proposals_lie_in_the_image_and_come_without_a_gradient(images, features):
    rpn = build("real")
    for training, largest in ((True, 600), (False, 300)):
        boxes = propose(rpn.train(training), images, respond(rpn, images.tensors, features))
        assert len(boxes) == 2
        for found in boxes:
            assert 0 < len(found) <= largest
            assert found.min() >= 0
            assert found.max() <= 96
            assert not found.requires_grad


def test_an_anchor_that_fits_is_taught_to_be_an_object_and_to_stay(images, features):
    """Anchors at a cell's centre that are the object: IoU 1, offsets 0. The loss falls when these say so."""
    rpn = build("real")
    target = {"boxes": torch.tensor([[40.0, 40.0, 56.0, 56.0]]), "labels": torch.ones(1).long()}
    responses = respond(rpn, images.tensors, features)
    index = responses.anchors.eq(target["boxes"]).all(1).nonzero().flatten().tolist()
    assert len(index) == 1
    row, column, anchor = index[0] // (24 * 3), index[0] // 3 % 24, index[0] % 3
    assert (row, column, anchor) == (12, 12, 1)
    with torch.no_grad():
        for x in responses.cls:
            x.fill_(-20)
        for x in responses.box:
            x.zero_()
    wrong = rpn_losses(rpn, responses, [target, target])
    with torch.no_grad():
        responses.cls[0][:, anchor, row, column] = 20
    right = rpn_losses(rpn, responses, [target, target])
    assert wrong["rpn_cls"].item() == pytest.approx(20 / 256, rel=1e-3)  # one anchor of 256 is wrong
    assert right["rpn_cls"].item() == pytest.approx(0, abs=1e-6)
    assert right["rpn_box"].item() == pytest.approx(0, abs=1e-6)


def test_losses_without_an_object_have_a_gradient_path(images, features):
    rpn = build("real")
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0).long()}
    losses = rpn_losses(rpn, respond(rpn, images.tensors, features), [empty, empty])
    assert losses["rpn_box"].item() == 0
    sum(losses.values()).backward()
    assert rpn.head.cls_logits.weight.grad.count_nonzero()
    assert rpn.head.bbox_pred.weight.grad is not None


def test_what_each_anchor_must_say_by_hand():
    """IoU of 1 and 100 / 120 with the object, one between the thresholds of 0.3 and 0.7, and one far away."""
    anchors = torch.tensor([[0.0, 0, 10, 10], [0, 0, 12, 10], [0, 0, 20, 10], [50, 50, 60, 60]])
    objects = {"boxes": torch.tensor([[0.0, 0, 10, 10]]), "labels": torch.tensor([3])}
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long)}
    wanted = assign(build("real"), anchors, [objects, empty])
    assert wanted.labels.tolist() == [[1, 1, -1, 0], [0, 0, 0, 0]]
    shift, growth = -1 / 12, math.log(10 / 12)
    torch.testing.assert_close(wanted.box[0, :2], torch.tensor([[0, 0, 0, 0], [shift, 0, growth, 0]]))
