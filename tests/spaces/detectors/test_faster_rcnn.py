"""What is Faster R-CNN's own beyond the contract of all detectors: its second stage and its proposals."""

import pytest
import torch

from spaces.candidate import Candidate
from spaces.cost import layer_costs, totals
from spaces.detectors import DetectorSpec, openable, searchable_units, traced
from spaces.supernet import build_fixed

SPEC = DetectorSpec(detector="faster_rcnn_resnet18", num_classes=3, image_size=96, width=0.125)
PROPOSALS = [
    torch.tensor([[10.0, 10.0, 40.0, 40.0], [0.0, 0.0, 96.0, 96.0]]),
    torch.tensor([[30.0, 20.0, 90.0, 60.0]]),
]


def build(method="real", image_size=96):
    torch.manual_seed(0)
    spec = DetectorSpec(**{**vars(SPEC), "image_size": image_size})
    return build_fixed(spec, Candidate({f"layer/{root}": method for root in ("backbone", "fpn", "rpn")}))


def test_the_units_are_the_backbones_the_pyramids_and_one_of_the_first_stage():
    names = list(searchable_units(build()))
    assert len(names) == 16 + 8 + 1
    assert names[16:18] == ["fpn.p2.lateral", "fpn.p2.output"]
    assert names[-1] == "rpn.head.conv"
    assert openable(build())["heads.rpn"] == ["rpn.head.cls_logits", "rpn.head.bbox_pred"]


@pytest.mark.parametrize("training", [True, False])
def test_the_second_stage_is_run_on_exactly_the_given_proposals(training, images, targets):
    network = build().train(training)
    output = network(images, targets, PROPOSALS)
    assert all(torch.equal(one, other) for one, other in zip(output.rois.proposals, PROPOSALS, strict=True))
    assert output.rois.cls.shape == (3, 4)  # three classes and background
    assert output.rois.box.shape == (3, 16)
    assert list(output.losses) == ["cls", "box", "rpn_cls", "rpn_box"]
    assert all(loss.isfinite() and loss.ndim == 0 for loss in output.losses.values())
    assert network(images, proposals=PROPOSALS).losses == {}


def test_losses_on_given_proposals_by_hand(images, targets):
    """Two proposals of three are the objects themselves, the third has nothing of one."""
    network = build().eval()
    first, second = targets[0]["boxes"], targets[1]["boxes"][:1]
    proposals = [torch.cat([first, first + 60]), second]
    with torch.no_grad():
        for layer in (network.roi_heads.box_predictor.cls_score, network.roi_heads.box_predictor.bbox_pred):
            layer.weight.zero_()
            layer.bias.zero_()
        network.roi_heads.box_predictor.cls_score.bias[0] = 10.0
        output = network(images, targets, proposals)
    losses, wanted = output.losses, output.rois.assignment
    assert wanted.labels.tolist() == [1, 0, 3]
    torch.testing.assert_close(wanted.box[wanted.labels > 0], torch.zeros(2, 4))
    assert losses["cls"].item() == pytest.approx(10 * 2 / 3, rel=1e-3)  # two objects are called background
    assert losses["box"].item() == pytest.approx(0, abs=1e-6)  # which stand where they are proposed


def test_one_list_of_proposals_an_image_is_needed(images):
    with pytest.raises(ValueError, match=r"There are proposals for 1 images, and 2 images"):
        build()(images, proposals=PROPOSALS[:1])


def test_losses_are_finite_where_no_proposal_is_given(images, targets):
    losses = build()(images, targets, [torch.zeros(0, 4)] * 2).losses
    assert losses["cls"].item() == losses["box"].item() == 0
    assert losses["rpn_cls"].item() > 0


def test_a_teacher_can_be_run_on_the_students_proposals(images, targets):
    student, teacher = build("react").train(), build().eval()
    proposals = student(images, targets).rois.proposals
    with torch.no_grad():
        theirs = teacher(images, proposals=proposals).rois
    assert len(theirs.cls) == sum(map(len, proposals))


def test_in_training_the_objects_are_among_the_sampled_proposals(images, targets):
    rois = build().train()(images, targets).rois
    assert all(len(boxes) <= 128 for boxes in rois.proposals)
    for target, boxes in zip(targets, rois.proposals, strict=True):
        assert all((boxes == box).all(1).any() for box in target["boxes"])


def test_the_second_stage_waits_until_it_is_asked_for(images, monkeypatch):
    network, calls = build().eval(), []

    def head(x):
        calls.append(len(x))
        return x.new_zeros(len(x), 128)

    monkeypatch.setattr(network.roi_heads.box_head, "forward", head)
    output = network(images)
    assert calls == []
    assert len(output.detections) == 2
    assert output.rois is output.rois
    assert calls == [sum(map(len, output.rois.proposals))]


def test_detections_do_not_depend_on_how_the_losses_were_asked_for(images, targets):
    network = build().eval()
    alone, beside = network(images), network(images, targets)
    assert len(alone.detections[0]["boxes"])
    for one, other in zip(alone.detections, beside.detections, strict=True):
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_what_is_sampled_depends_on_torchs_seed_alone(images, targets):
    network, losses = build().train(), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        losses.append({name: loss.item() for name, loss in network(images, targets).losses.items()})
    assert losses[0] == losses[1] != losses[2]


def test_the_shared_unit_is_traced_on_every_level(images):
    network = build("bireal").eval()
    with traced(network):
        layers = network(images).layers
    assert layers["rpn.head.conv"].x.shape == (2, 32, 24, 24)
    assert [run.x.shape[-1] for run in layers["rpn.head.conv"].others] == [12, 6, 3, 2]
    assert layers["fpn.p5.lateral"].x.shape == (2, 64, 3, 3)


@pytest.mark.parametrize(("image_size", "proposals"), [(96, 300), (352, 1000)])
def test_costs_are_those_of_a_fixed_number_of_proposals(image_size, proposals):
    rows = {row.name: row for row in layer_costs(build(image_size=image_size), [torch.zeros(3, 64, 64)])}
    inside, hidden = 32 * 7 * 7, 128
    assert rows["roi_heads.box_head.fc6"].macs == inside * hidden * proposals
    assert rows["roi_heads.box_head.fc7"].macs == hidden * hidden * proposals
    assert rows["roi_heads.box_predictor.cls_score"].macs == hidden * 4 * proposals
    assert rows["roi_heads.box_predictor.bbox_pred"].macs == hidden * 16 * proposals


def test_the_shared_unit_is_counted_on_every_level_and_stored_once():
    rows = [row for row in layer_costs(build("sign"), [torch.zeros(3, 96, 96)]) if row.name == "rpn.head.conv"]
    cells = 24**2 + 12**2 + 6**2 + 3**2 + 2**2
    assert totals(rows).macs[1] == 32 * 32 * 9 * cells
    assert totals(rows).memory_bits == 32 * 32 * 9 + 32 * (32 + 32)  # signs; a scale and a bias a channel


def test_a_size_that_no_stride_divides_is_padded_and_found_in_its_own_pixels():
    network = build(image_size=100).eval()
    with torch.no_grad():
        output = network([torch.rand(3, 50, 50)])
    assert [x.shape[-1] for x in output.features.values()] == [32, 16, 8, 4, 2]
    boxes = output.detections[0]["boxes"]
    assert len(boxes) > 0
    assert boxes.max() <= 50
    assert boxes.max() > 40


def test_the_first_stages_outputs_may_be_opened(images, targets):
    name = "rpn.head.cls_logits"
    network = build_fixed(SPEC, Candidate({"layer/rpn": "bireal", f"layer/{name}": "sign"})).train()
    with traced(network):
        output = network(images, targets)
    assert list(output.layers) == ["rpn.head.conv", name]
    x = output.layers[name].x
    assert x.shape == (2, 32, 24, 24)
    assert x.min() < 0 < x.max()  # the ReLU in front belongs to the real alternative
    sum(output.losses.values()).backward()
    assert all(p.grad.count_nonzero() for p in network.rpn.parameters())
