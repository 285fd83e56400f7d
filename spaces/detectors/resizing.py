"""How images of any size come into a detector: as squares of one size, or in their own shape."""

from typing import Literal, get_args

from torch import Tensor
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from spaces.backbones.backbone import Backbone

Resize = Literal["squash", "letterbox", "shortest_edge"]
"""Squares, squashed or with the picture's shape kept inside; or each picture in its own shape."""
RESIZES: tuple[Resize, ...] = get_args(Resize)

COARSEST_STRIDE = 32
"""Of a backbone: sides are padded to a multiple of it, where images have shapes of their own."""


def check_resize(resize: str, shorter: int, longest: object) -> None:
    """Raise ValueError for another `resize`, and for a `longest` that doesn't go with it. shorter: the shorter side."""
    if resize not in RESIZES:
        raise ValueError(f"resize is {resize!r}, must be {', '.join(RESIZES[:-1])} or {RESIZES[-1]}.")
    if resize != "shortest_edge":
        if longest is not None:
            raise ValueError(f"longest is {longest!r}, but only shortest_edge has one; resize is {resize}.")
    elif type(longest) is not int or longest < shorter:
        raise ValueError(
            f"longest is {longest!r}, must be a whole number from the shorter side on, which is {shorter}."
        )


def to_squares(image_size: int, backbone: Backbone, multiple: int = 1) -> GeneralizedRCNNTransform:
    """torchvision's resizing of images and targets to squares, normalised as the backbone says.

    They are padded to a side that is a multiple of `multiple`, so that strides divide it.
    """
    return _Squares(
        image_size,
        image_size,
        list(backbone.image_mean),
        list(backbone.image_std),
        size_divisible=multiple,
        fixed_size=(image_size, image_size),
    )


def to_shorter_sides(shorter: int, longest: int, backbone: Backbone) -> GeneralizedRCNNTransform:
    """torchvision's resizing of images and targets in their own shape, normalised as the backbone says.

    The shorter side gets `shorter` pixels, fewer where the longer one would have more than `longest`; an image that has
    such sides stays as it is. A batch is as high and wide as its highest and its widest image, rounded up to multiples
    of 32; images lie in the upper left corner, and the rest is 0, the mean colour.
    """
    return GeneralizedRCNNTransform(
        shorter, longest, list(backbone.image_mean), list(backbone.image_std), size_divisible=COARSEST_STRIDE
    )


class _Squares(GeneralizedRCNNTransform):
    """Without resampling for images that have the size already; torchvision's result is the same."""

    def resize(self, image: Tensor, target: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor] | None]:
        if tuple(image.shape[-2:]) == self.fixed_size:
            return image, target
        return super().resize(image, target)


def sizes_of(images: list[Tensor]) -> list[tuple[int, int]]:
    """(height, width) of each image (3, H, W)."""
    return [(int(image.shape[-2]), int(image.shape[-1])) for image in images]
