"""Detectors of images in their own shape: what is padded, and that nothing is found in it."""

from dataclasses import replace

import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import DETECTORS, DetectorSpec
from spaces.detectors.resizing import to_shorter_sides
from spaces.detectors.selection import Limits, select
from spaces.supernet import build_fixed

BOTH = ["faster_rcnn_resnet18", "gfl_resnet18"]
SIZES = [(96, 150), (120, 96), (40, 160)]
PADDED = (128, 160)


def build(detector, **others):
    torch.manual_seed(0)
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=96, width=0.125, **others)
    return build_fixed(spec, Candidate({}))


@pytest.fixture
def images():
    torch.manual_seed(1)
    return [torch.rand(3, *size) for size in SIZES]


@pytest.fixture
def targets():
    boxes = [[10.0, 20.0, 60.0, 90.0], [20.0, 30.0, 90.0, 110.0], [100.0, 5.0, 150.0, 38.0]]
    return [{"boxes": torch.tensor([box]), "labels": torch.tensor([1 + n])} for n, box in enumerate(boxes)]


@pytest.mark.parametrize("detector", BOTH)
def test_a_batch_has_the_size_of_its_largest_in_multiples_of_32_and_losses_of_all(detector, images, targets):
    network = build(detector, resize="shortest_edge", longest=160)
    output = network(images, targets)
    finest = next(iter(output.features.values()))
    stride = PADDED[0] // finest.shape[2]
    assert tuple(finest.shape[2:]) == (PADDED[0] // stride, PADDED[1] // stride)
    cells = sum(x.shape[2] * x.shape[3] for x in output.responses.cls)
    anchors_of_a_cell = len(output.responses.anchors) // cells
    assert len(output.responses.anchors) == cells * anchors_of_a_cell
    assert [one["boxes"].tolist() for one in output.targets] == [one["boxes"].tolist() for one in targets]
    total = torch.stack(list(output.losses.values())).sum()
    total.backward()
    assert total.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
    assert (output.assignment.labels > 0).any(1).all()  # each image's object has an anchor


@pytest.mark.parametrize("detector", BOTH)
def test_detections_lie_within_each_image_and_have_an_area(detector, images):
    network = build(detector, resize="shortest_edge", longest=160).eval()
    with torch.no_grad():  # so that everything everywhere is found
        if detector.startswith("gfl"):
            network.cls_heads.bias.fill_(4.0)
        else:
            network.roi_heads.score_thresh = 0.0
        found = network(images).detections
    for (height, width), one in zip(SIZES, found, strict=True):
        boxes = one["boxes"]
        assert len(boxes) > 20
        assert boxes.min() >= 0
        assert bool((boxes.amax(0)[2:] <= torch.tensor([width, height])).all())
        assert bool((boxes[:, 2:] > boxes[:, :2]).all())


@pytest.mark.parametrize("detector", BOTH)
def test_a_square_needs_no_padding_and_is_computed_as_by_a_detector_of_squares(detector):
    square, other = build(detector).eval(), build(detector, resize="shortest_edge", longest=160).eval()
    other.load_state_dict(square.state_dict())
    images = [torch.rand(3, 96, 96, generator=torch.Generator().manual_seed(n)) for n in range(2)]
    with torch.no_grad():
        one, two = square(images), other(images)
    assert all(torch.equal(a, b) for a, b in zip(one.responses.cls, two.responses.cls, strict=True))
    assert torch.equal(one.responses.anchors, two.responses.anchors)
    for ours, theirs in zip(one.detections, two.detections, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_boxes_are_pooled_at_the_maps_strides_however_flat_an_image_is():
    """torchvision guesses them from the images' sides: 33 rows, padded to 64, would look like a stride of 2."""
    network = build("faster_rcnn_resnet18", resize="shortest_edge", longest=160).eval()
    with torch.no_grad():
        assert network([torch.rand(3, 33, 160)]).rois.cls.shape[1] == 4
    assert network.roi_heads.box_roi_pool.scales == [1 / 4, 1 / 8, 1 / 16, 1 / 32]


@pytest.mark.parametrize(
    ("size", "expected"), [((300, 500), (96, 160)), ((200, 600), (53, 160)), ((96, 131), (96, 131))]
)
def test_an_image_is_resized_unless_its_sides_fit_already(size, expected, images):
    transform = to_shorter_sides(96, 160, build("gfl_resnet18").backbone)
    (batch, _) = transform([torch.rand(3, *size), images[0]])
    assert batch.image_sizes == [expected, SIZES[0]]


def test_selection_by_hand():
    """Of two images of 10 x 20 and 20 x 10 pixels, the second of which was 40 x 20 when it was given."""
    boxes = torch.tensor([[[2.0, 2.0, 8.0, 8.0], [12.0, -1.0, 30.0, 5.0], [2.0, 12.0, 8.0, 18.0]]]).expand(2, -1, -1)
    scores, labels = torch.tensor([[0.9, 0.8, 0.7]] * 2), torch.ones(2, 3, dtype=torch.long)
    limits = Limits(least_score=0.1, nms_iou=0.5, before_nms=10, after_nms=10, with_area=True)
    wide, high = select(boxes, scores, labels, [(10, 20), (20, 10)], [(10, 20), (40, 20)], limits)
    assert wide["boxes"].tolist() == [[2, 2, 8, 8], [12, 0, 20, 5]]
    assert high["boxes"].tolist() == [[4, 4, 16, 16], [4, 24, 16, 36]]
    assert high["scores"].tolist() == pytest.approx([0.9, 0.7])
    kept = select(boxes, scores, labels, [(10, 20)] * 2, [(10, 20)] * 2, replace(limits, with_area=False))
    assert [len(one["boxes"]) for one in kept] == [3, 3]


def test_what_a_spec_says_of_it():
    spec = DetectorSpec(detector="gfl_resnet18", num_classes=3, image_size=96, resize="shortest_edge", longest=160)
    assert spec.input_size == (96, 160)
    assert DetectorSpec(**spec.described()) == spec
    letterbox = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, resize="letterbox")
    assert (letterbox.input_size, letterbox.described()["resize"]) == ((96, 96), "letterbox")
    assert "longest" not in letterbox.described()
    assert {name for name, entry in DETECTORS.items() if not entry.any_shape} == {
        name for name in DETECTORS if name.startswith("ssd")
    }


@pytest.mark.parametrize(
    ("detector", "others", "message"),
    [
        ("ssd_resnet18", {"resize": "shortest_edge", "longest": 160}, "ssd_resnet18 takes only squares"),
        (
            "gfl_resnet18",
            {"resize": "shortest_edge", "longest": 1400},
            "longest is 1400; gfl_resnet18 takes up to 1344",
        ),
        ("gfl_resnet18", {"longest": 160}, "longest is 160, but only shortest_edge has one"),
        ("gfl_resnet18", {"resize": "pad"}, "resize is 'pad', must be squash, letterbox or shortest_edge"),
    ],
)
def test_a_spec_that_can_not_be_is_refused(detector, others, message):
    with pytest.raises(ValueError, match=message):
        DetectorSpec(detector=detector, num_classes=3, image_size=96, **others)
