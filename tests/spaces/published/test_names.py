import pytest
import torch
import torchvision
from torchvision.models._api import WeightsEnum
from torchvision.models.detection import fasterrcnn_resnet50_fpn

from spaces.candidate import Candidate
from spaces.detectors import DETECTORS, DetectorSpec
from spaces.detectors.published_classes import ROWS_OF_EIGHTY
from spaces.published.matching import fill
from spaces.published.names import NAMES, PACKAGED, download, published_model
from spaces.published.reading import read_states
from spaces.published.weights import load_pretrained
from spaces.published.wrappers import PublishedState
from spaces.supernet import build_fixed
from trainers.data.coco.classes import COCO_CLASSES


@pytest.fixture
def published(monkeypatch):
    """What torchvision downloads, without a network: random weights; and the names of what was asked for."""
    asked = []

    def state_dict(self, **options):
        asked.append((str(self), options["check_hash"]))
        torch.manual_seed(0)
        if "FasterRCNN" in str(self):
            state = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict()
            return {name: tensor for name, tensor in state.items() if "num_batches_tracked" not in name}  # frozen
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
        ("ssd300_vgg16_plain", "imagenet", "vgg16"),
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
    report = fill(detector, [PublishedState(state)], detector)
    assert not report.whole
    assert report.loaded.complete
    assert torch.equal(detector.backbone.conv1.weight, state["conv1.weight"])


def test_a_whole_detectors_weights_come_by_name_and_are_for_our_epsilon(published):
    state = download("faster_rcnn_resnet50_plain", "coco")
    assert published == [("FasterRCNN_ResNet50_FPN_Weights.COCO_V1", True)]
    spec = DetectorSpec(detector="faster_rcnn_resnet50_plain", num_classes=90, image_size=96)
    detector = build_fixed(spec, Candidate({}))
    report = fill(detector, [PublishedState(state)], detector)
    assert report.whole
    assert report.loaded.complete
    assert report.loaded.changes == ("its BatchNorms are for an epsilon of 0",)
    norm = detector.backbone.bn1
    assert norm.eps == 1e-5
    torch.testing.assert_close(norm.running_var + norm.eps, torch.ones(64))  # 1 was published, for an epsilon of 0


def coco_state(*, rows=91, frozen=True):
    """As little as there is in a detector's state: a BatchNorm's, and the class predictor's."""
    state = {
        "backbone.body.bn1.running_var": torch.tensor([1.0, 2e-5, 0.0]).repeat(22)[:64],
        "roi_heads.box_predictor.cls_score.bias": torch.arange(float(rows)),
        "roi_heads.box_predictor.bbox_pred.bias": torch.arange(4.0 * rows),
    }
    return state if frozen else state | {"backbone.body.bn1.num_batches_tracked": torch.tensor(7)}


def loaded(state, num_classes):
    spec = DetectorSpec(detector="faster_rcnn_resnet50_plain", num_classes=num_classes, image_size=96)
    detector = build_fixed(spec, Candidate({}))
    return detector, load_pretrained(detector, state)


def test_the_same_weights_by_name_and_by_file_give_the_same_network(monkeypatch, tmp_path):
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda self, **options: coco_state())
    torch.save(coco_state(), tmp_path / "coco.pth")
    states = download("faster_rcnn_resnet50_plain", "coco"), read_states(tmp_path / "coco.pth")[0].tensors
    by_name, by_file = (loaded(state, 80)[0].backbone.bn1.running_var for state in states)
    assert torch.equal(by_name, by_file)
    torch.testing.assert_close(by_file[:3], torch.tensor([1.0 - 1e-5, 1e-5, 0.0]), rtol=0, atol=1e-7)


@pytest.mark.parametrize("other", [{"rows": 4}, {"frozen": False}])
def test_the_variances_of_other_weights_stay(other):
    detector, report = loaded(coco_state(**other), 3)
    assert torch.equal(detector.backbone.bn1.running_var, coco_state()["backbone.body.bn1.running_var"])
    assert not any("epsilon" in clause for clause in report.changes)


def test_cocos_category_ids_become_the_labels_of_the_eighty_classes():
    names = torchvision.models.get_model_weights("fasterrcnn_resnet50_fpn")["COCO_V1"].meta["categories"]
    assert tuple(names[row] for row in ROWS_OF_EIGHTY) == ("__background__", *COCO_CLASSES)
    detector, report = loaded(coco_state(), 80)
    predictor = detector.roi_heads.box_predictor
    assert predictor.cls_score.bias.tolist() == list(ROWS_OF_EIGHTY)
    assert predictor.bbox_pred.bias.view(81, 4)[12].tolist() == [52, 53, 54, 55]  # label 12, a stop sign, has id 13
    assert report.changes[0] == "its class predictors' 91 category ids of COCO are read as the eighty classes"
    assert not any("bias" in name for name in report.missing if ".box_predictor." in name)


def test_predictors_of_other_classes_are_left_out_and_the_report_says_so():
    _, report = loaded(coco_state(), 20)
    assert report.changes[0] == ("its class predictors are left out: they have 91 rows with the background's, ours 21")
    assert report.loaded == ("backbone.bn1.running_var",)
    assert report.unused == tuple(f"roi_heads.box_predictor.{name}.bias" for name in ("cls_score", "bbox_pred"))


@pytest.mark.parametrize(("strange", "shape"), [(torch.zeros(4), r"\(4,\)"), (torch.tensor(0.0), r"\(\)")])
def test_a_predictor_of_a_strange_shape_is_refused(strange, shape):
    state = coco_state() | {"roi_heads.box_predictor.bbox_pred.bias": strange}
    with pytest.raises(ValueError, match=rf"bbox_pred\.bias is {shape}, no predictor of 91 rows"):
        loaded(state, 80)
    state["roi_heads.box_predictor.cls_score.bias"] = torch.tensor(0.0)
    assert loaded(state, 80)[1].changes == (
        "its class predictors are left out: they have 1 rows with the background's, ours 81",
    )


def test_a_whole_detector_of_another_kind_is_refused():
    detector = build_fixed(DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96), Candidate({}))
    with pytest.raises(ValueError, match=r"None of the 100 .* these fit nowhere: backbone\.features\.0\.weight"):
        fill(detector, [PublishedState({"backbone.features.0.weight": torch.zeros(1)})], detector)


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
