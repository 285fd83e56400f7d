import pytest
import torch
import torchvision
from torchvision.models._api import WeightsEnum
from torchvision.models.detection import fasterrcnn_resnet50_fpn

from spaces.candidate import Candidate
from spaces.detectors import DETECTORS, DetectorSpec
from spaces.pretrained import load_pretrained, published_part
from spaces.published import NAMES, PACKAGED, download, published_model
from spaces.supernet import build_fixed


@pytest.fixture
def published(monkeypatch):
    """What torchvision downloads, without a network: random weights; and the names of what was asked for."""
    asked = []

    def state_dict(self, **options):
        asked.append((str(self), options["check_hash"]))
        torch.manual_seed(0)
        if "FasterRCNN" in str(self):
            return fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict()
        return torchvision.models.resnet18().state_dict()

    monkeypatch.setattr(WeightsEnum, "get_state_dict", state_dict)
    return asked


@pytest.mark.parametrize(
    ("detector", "name", "model"),
    [
        ("ssd_resnet18", "imagenet", "resnet18"),
        ("faster_rcnn_resnet34_plain", "imagenet", "resnet34"),
        ("ssd_vgg16", "imagenet", "vgg16_bn"),
        ("ssdlite_mobilenetv2", "imagenet", "mobilenet_v2"),
        ("ssdlite_mobilenetv1", "imagenet", None),
        ("ssdlite_efficientnet_lite0", "imagenet", "efficientnet_lite0"),
        ("ssd300_vgg16_plain", "imagenet", None),  # its images are normalised otherwise
        ("ssd300_vgg16_plain", "coco", "ssd300_vgg16"),
        ("faster_rcnn_resnet50", "coco", "fasterrcnn_resnet50_fpn"),
        ("faster_rcnn_resnet50_plain", "coco", "fasterrcnn_resnet50_fpn"),
        ("faster_rcnn_resnet18", "coco", None),
        ("ssd_resnet50", "coco", None),
    ],
)
def test_what_a_name_means_for_a_detector(detector, name, model):
    assert published_model(detector, name) == model


@pytest.mark.parametrize("name", NAMES)
def test_every_name_means_a_model_that_torchvision_has_weights_for(name):
    models = {model for detector in DETECTORS if (model := published_model(detector, name)) is not None}
    models -= PACKAGED.keys()
    assert models
    for model in models:
        weights = torchvision.models.get_model_weights(model)
        assert {"imagenet": "IMAGENET1K_V1", "coco": "COCO_V1"}[name] in weights.__members__


def test_a_backbones_weights_come_by_name(published):
    state = download("ssd_resnet18", "imagenet")
    assert published == [("ResNet18_Weights.IMAGENET1K_V1", True)]
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96)
    detector = build_fixed(spec, Candidate({}))
    part = published_part(detector, state)
    assert part is detector.backbone
    assert load_pretrained(part, state).complete
    assert torch.equal(detector.backbone.conv1.weight, state["conv1.weight"])


def test_a_whole_detectors_weights_come_by_name_and_are_for_our_epsilon(published):
    state = download("faster_rcnn_resnet50_plain", "coco")
    assert published == [("FasterRCNN_ResNet50_FPN_Weights.COCO_V1", True)]
    spec = DetectorSpec(detector="faster_rcnn_resnet50_plain", num_classes=90, image_size=96)
    detector = build_fixed(spec, Candidate({}))
    part = published_part(detector, state)
    assert part is detector
    assert load_pretrained(part, state).complete
    norm = detector.backbone.bn1
    assert norm.eps == 1e-5
    torch.testing.assert_close(norm.running_var + norm.eps, torch.ones(64))  # 1 was published, for an epsilon of 0


def test_a_whole_detector_of_another_kind_is_refused():
    detector = build_fixed(DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96), Candidate({}))
    with pytest.raises(ValueError, match="whole detector's, and SSD takes a backbone's weights only"):
        published_part(detector, {"backbone.features.0.weight": torch.zeros(1)})


def test_weights_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="No weights called 'coco' are published for ssd_resnet18; give a file"):
        download("ssd_resnet18", "coco")


def test_without_a_network_a_file_is_asked_for(monkeypatch):
    def fail(self, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(WeightsEnum, "get_state_dict", fail)
    message = r"The weights 'imagenet' of resnet18 could not be downloaded: no route to host\. Give a file"
    with pytest.raises(ValueError, match=message):
        download("ssd_resnet18", "imagenet")


def test_weights_that_came_with_the_package_need_no_network():
    spec = DetectorSpec(detector="ssdlite_efficientnet_lite0", num_classes=3, image_size=96)
    network = build_fixed(spec, Candidate({}))
    report = load_pretrained(network.backbone, download(spec.detector, "imagenet"))
    assert report.complete
    assert set(report.unused) == {"_fc.weight", "_fc.bias"}
