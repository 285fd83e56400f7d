import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec, Responses
from spaces.detectors.decoding import decoded
from spaces.detectors.ssd_loss import BOX_SCALES
from spaces.supernet import build_fixed


@pytest.mark.parametrize("detector", ["gfl_resnet18", "ssd_resnet18", "faster_rcnn_resnet18"])
def test_what_positives_must_say_decodes_to_their_objects(detector, images, targets):
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=96, width=0.125)
    torch.manual_seed(0)
    with torch.no_grad():
        output = build_fixed(spec, Candidate({"layer/backbone": "real"}))(images, targets)
    wanted, responses = output.assignment, output.responses
    image, anchor = (wanted.labels > 0).nonzero(as_tuple=True)
    found = decoded(responses, responses.anchors[anchor], wanted.box[image, anchor])
    for number, target in enumerate(targets):
        own = found[image == number]
        apart = (own[:, None] - target["boxes"]).abs().amax(-1)
        assert apart.amin(1).max() < 1e-3  # each is one of the image's objects
        assert apart.amin(0).max() < 1e-3  # and each object is one of them


def test_distributions_stand_for_their_means():
    anchors = torch.tensor([[-12.0, -12.0, 52.0, 52.0]])  # 8 strides of 8 pixels around (20, 20)
    edges = torch.zeros(1, 4, 17)
    edges[0, torch.arange(4), torch.tensor([1, 2, 0, 16])] = 200.0
    responses = Responses([], [], anchors, "sigmoid", None, bins=17)
    expected = [[12.0, 4.0, 20.0, 148.0]]
    assert decoded(responses, anchors, edges).tolist() == expected
    assert decoded(responses, anchors, torch.tensor([[1.0, 2.0, 0.0, 16.0]])).tolist() == expected


def test_offsets_of_ssd_are_scaled_by_its_variances_and_those_of_a_first_stage_are_not():
    anchors, said = torch.tensor([[0.0, 0.0, 20.0, 20.0]]), torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    ssd = Responses([], [], anchors, "softmax", 0, box_scales=BOX_SCALES)
    first = Responses([], [], anchors, "sigmoid", None)
    assert decoded(ssd, anchors, said).flatten().tolist() == pytest.approx([2.0, 0.0, 22.0, 20.0])  # 0.1 of the width
    assert decoded(first, anchors, said).flatten().tolist() == pytest.approx([20.0, 0.0, 40.0, 20.0])
