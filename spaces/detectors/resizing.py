"""How images of any size come into a detector, which computes on squares of one size."""

from torch import Tensor
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from spaces.backbones.backbone import Backbone


def to_squares(image_size: int, backbone: Backbone, multiple: int = 1) -> GeneralizedRCNNTransform:
    """torchvision's resizing of images and targets to squares, normalised as the backbone says.

    They are padded to a side that is a multiple of `multiple`, so that strides divide it.
    """
    return GeneralizedRCNNTransform(
        image_size,
        image_size,
        list(backbone.image_mean),
        list(backbone.image_std),
        size_divisible=multiple,
        fixed_size=(image_size, image_size),
    )


def sizes_of(images: list[Tensor]) -> list[tuple[int, int]]:
    """(height, width) of each image (3, H, W)."""
    return [(int(image.shape[-2]), int(image.shape[-1])) for image in images]
