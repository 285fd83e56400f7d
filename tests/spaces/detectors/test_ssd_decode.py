"""Detections from raw outputs, against torchvision's functions image by image."""

import torch
from torchvision.ops import batched_nms, clip_boxes_to_image

from spaces.detectors.box_coding import decode
from spaces.detectors.ssd_decode import _probabilities, decode_batch
from spaces.detectors.ssd_loss import BOX_SCALES

OWN = (64, 64)


def raw(images=3, anchors=300, classes=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(anchors, 2, generator=generator) * 50
    boxes = torch.cat([corners, corners + 4 + torch.rand(anchors, 2, generator=generator) * 10], dim=1)
    logits = torch.randn(images, anchors, classes + 1, generator=generator) * 3
    return logits, torch.randn(images, anchors, 4, generator=generator), boxes


def by_the_book(logits, offsets, anchors, size):
    """One image: softmax, threshold, sort, decode, clip, class-wise NMS, in that order."""
    scores = logits.softmax(-1)[:, 1:].flatten()
    top, index = scores.topk(min(400, len(scores)))
    index, top = index[top > 0.01], top[top > 0.01]
    classes = logits.shape[-1] - 1
    boxes = clip_boxes_to_image(decode(offsets, anchors, BOX_SCALES), OWN)[index // classes]
    labels = index % classes + 1
    keep = batched_nms(boxes, top, labels, 0.45)[:100]
    height, width = size
    scale = torch.tensor([width, height, width, height]) / 64
    return {"boxes": boxes[keep] * scale, "scores": top[keep], "labels": labels[keep]}


def test_a_batch_is_decoded_as_its_images_are_one_by_one():
    logits, offsets, anchors = raw()
    sizes = [(64, 64), (100, 50), (31, 77)]
    found = decode_batch(logits, offsets, anchors, [OWN] * 3, sizes)
    for index, size in enumerate(sizes):
        expected = by_the_book(logits[index], offsets[index], anchors, size)
        assert found[index].keys() == expected.keys()
        assert len(expected["scores"]) > 20
        for name, value in expected.items():
            torch.testing.assert_close(found[index][name], value)


def test_probabilities_are_the_softmax_without_its_background():
    logits = torch.randn(2, 50, 6) * 4
    torch.testing.assert_close(_probabilities(logits), logits.softmax(-1)[..., 1:])
    extreme = torch.tensor([[[0.0, 200.0, -200.0], [200.0, 0.0, 0.0], [-300.0, 0.0, -300.0]]])
    torch.testing.assert_close(_probabilities(extreme)[0], torch.tensor([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]))


def test_what_is_no_number_is_no_detection():
    logits, offsets, anchors = raw(images=1)
    logits[0, :100] = torch.nan
    (found,) = decode_batch(logits, offsets, anchors, [OWN], [OWN])
    assert found["scores"].isfinite().all()
    (nothing,) = decode_batch(logits * torch.nan, offsets, anchors, [OWN], [OWN])
    assert {name: tuple(value.shape) for name, value in nothing.items()} == {
        "boxes": (0, 4),
        "scores": (0,),
        "labels": (0,),
    }


def test_two_overlapping_boxes_of_one_class_are_one_and_of_two_classes_two():
    anchors = torch.tensor([[10.0, 10, 30, 30], [11, 11, 31, 31]])
    offsets = torch.zeros(1, 2, 4)
    same = torch.tensor([[[0.0, 5.0, -9.0], [0.0, 4.0, -9.0]]])
    (found,) = decode_batch(same, offsets, anchors, [OWN], [(128, 64)])
    assert found["labels"].tolist() == [1]
    torch.testing.assert_close(found["boxes"], torch.tensor([[10.0, 20.0, 30.0, 60.0]]))
    different = torch.tensor([[[0.0, 5.0, -9.0], [0.0, -9.0, 4.0]]])
    assert decode_batch(different, offsets, anchors, [OWN], [OWN])[0]["labels"].tolist() == [1, 2]
